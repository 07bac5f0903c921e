"""A trained network as it is kept: weights, scale and settings, but not how it is applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_n2s.core.errors import ImageError
from napari_n2s.core.settings import Settings
from napari_n2s.exclusion.excluded import Excluded
from napari_n2s.filters.baselines import Baseline
from napari_n2s.images.axes import Context
from napari_n2s.images.image import Image
from napari_n2s.images.scale import Scale
from napari_n2s.methods.base import Method
from napari_n2s.methods.factory import make_method
from napari_n2s.methods.masked import MaskedMethod
from napari_n2s.methods.traits import MethodTraits, traits_of
from napari_n2s.preparation.held_out import Score
from napari_n2s.preparation.prepared import fill_missing
from napari_n2s.preparation.streaming import SampleReader

NONLOCAL_WEIGHT = 0.7
"""What non-local Bayes counts beside the network that it goes by, where nothing is known of it."""


@dataclass(frozen=True)
class TrainedNetwork:
    """What training leaves behind, at some step of it.

    Attributes
    ----------
    settings : Settings
    channels, ndim : int
        Channels and axes of space of the images that it takes.
    scale : Scale
        The intensities that it was trained on.
    context : Context or None
        The pictures that it sees beside one.
    weights : mapping of str to Tensor
        On the CPU; copies that training no longer touches.
    step : int
        Steps it had been trained for.
    score : Score
        Its error on the held-out pixels.
    turns : int
        Over how many flips and turns its output is averaged.
    passes : int or None
        In how many passes over an image pixels are hidden in turn, for an output that has not seen
        them; as many as its settings say if None. Fewer hide more pixels at a time.
    paired : bool
        Whether it was trained on readings of one thing, each for the others' target.
    guides : Scale or None
        The intensities of the guides that it sees, if any.
    nonlocal_weight : tuple of float
        What counts beside its prediction what repeats in that, denoised together; one number, or
        one for each channel.
    fallback : Baseline or None
        A filter that does better than the network, and is applied in its place.
    baseline_error : float
        The error of the better of a median and a blur on the same held-out pixels; NaN if unknown.
    """

    settings: Settings
    channels: int
    ndim: int
    scale: Scale
    context: Context | None
    weights: Mapping[str, Tensor]
    step: int
    score: Score
    turns: int
    passes: int | None = None
    paired: bool = False
    guides: Scale | None = None
    nonlocal_weight: tuple[float, ...] = (NONLOCAL_WEIGHT,)
    fallback: Baseline | None = None
    baseline_error: float = nan

    @property
    def traits(self) -> MethodTraits:
        """What may be done with its method."""
        return traits_of(self.settings, paired=self.paired)

    def method(self, beside: int, guides: int, device: torch.device) -> Method:
        """Make its method, to predict with its weights on a device.

        Parameters
        ----------
        beside : int
            Pictures that it sees beside one.
        guides : int
            Channels of guides.
        device : torch.device
        """
        shape = self.channels, self.ndim, beside, guides
        method = make_method(self.settings, *shape, paired=self.paired)
        if self.passes and isinstance(method, MaskedMethod):
            method = method.with_fewer_masks(self.passes, self.ndim)
        method.network.load_state_dict(self.weights)
        method.network.to(device).eval()
        return method

    def open_guides(self, image: Image) -> SampleReader | None:
        """Open what an image's guides show beside its pictures, if the network sees guides."""
        if not self.guides:
            if image.guides:
                raise ImageError("The network has learnt without guides; leave them out.")
            return None
        count = len(self.guides.shift)
        if not image.guides or image.guides.shape[-1] != count:
            raise ImageError(
                f"The network has learnt with guides, {count} channels in all; give this image "
                "guides that show the same, or learn without any."
            )
        return SampleReader(image.guides)

    def on_scale(self, sample: NDArray[np.generic], excluded: Excluded) -> NDArray[np.float32]:
        """Bring a picture to the inner scale, what is no signal filled in."""
        inner = fill_missing(self.scale.normalise(sample, excluded.gaps), excluded.gaps)
        inner[self.scale.spread == 0] = 0
        return inner
