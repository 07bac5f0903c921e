"""A trained network: its weights, normalisation and settings, without the code to apply it."""

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
from napari_n2s.methods.blind_spot import BlindSpot
from napari_n2s.methods.factory import make_method
from napari_n2s.methods.masked import MaskedMethod
from napari_n2s.methods.traits import MethodTraits, traits_of
from napari_n2s.preparation.held_out import Score
from napari_n2s.preparation.prepared import fill_missing
from napari_n2s.preparation.streaming import SampleReader

NONLOCAL_WEIGHT = 0.7
"""Default weight of the result of non-local Bayes against that of the network."""


@dataclass(frozen=True)
class TrainedNetwork:
    """A network at some step of its training.

    Attributes
    ----------
    settings : Settings
    channels, ndim : int
        Number of channels and of axes of space of its images.
    scale : Scale
        Normalisation of the training image.
    context : Context or None
        The neighbouring samples that it sees.
    weights : mapping of str to Tensor
        Copies on the CPU, which further training does not change.
    step : int
        Number of steps that it was trained for.
    score : Score
        Its error on the held-out pixels.
    turns : int
        Number of orientations for test-time augmentation.
    passes : int or None
        Number of passes for the 𝒥-invariant prediction, in each of which a set of pixels is hidden;
        as in its settings if None. With fewer passes more pixels are hidden at a time.
    paired : bool
        Whether it was trained on replicates.
    guides : Scale or None
        Normalisation of its guides, if any.
    nonlocal_weight : tuple of float
        Weight of the result of non-local Bayes, one for all channels or one for each.
    fallback : Baseline or None
        A filter that was better than the network and is applied in its place.
    baseline_error : float
        Error of the best baseline filter on the same held-out pixels; NaN if unknown.
    colours : int
        Number of colours of each channel, which one network predicts together.
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
    colours: int = 1

    @property
    def traits(self) -> MethodTraits:
        """Traits of its method."""
        return traits_of(self.settings, paired=self.paired)

    def method(self, neighbours: int, guides: int, device: torch.device) -> Method:
        """Make its method with its weights on a device.

        Parameters
        ----------
        neighbours : int
            Number of neighbouring samples that it sees.
        guides : int
            Number of channels of guides.
        device : torch.device
        """
        shape = self.channels, self.ndim, neighbours, guides
        method = make_method(self.settings, *shape, paired=self.paired, colours=self.colours)
        if self.passes and isinstance(method, MaskedMethod | BlindSpot):
            method = method.with_fewer_masks(self.passes, self.ndim)
        method.network.load_state_dict(self.weights)
        method.network.to(device).eval()
        return method

    def open_guides(self, image: Image) -> SampleReader | None:
        """Make a reader of an image's guides, if the network sees guides.

        Raises
        ------
        ImageError
            If the image has guides and the network sees none, or the number of channels differs.
        """
        if not self.guides:
            if image.guides:
                raise ImageError("The network was trained without guides; leave them out.")
            return None
        count = len(self.guides.shift)
        if not image.guides or image.guides.shape[-1] != count:
            raise ImageError(
                f"The network was trained with guides, {count} channels in all; give this image "
                "guides that show the same, or train without any."
            )
        return SampleReader(image.guides)

    def normalise(self, sample: NDArray[np.generic], excluded: Excluded) -> NDArray[np.float32]:
        """Normalise a sample ``(C, *space)`` and fill in its missing and excluded pixels."""
        normalised = fill_missing(self.scale.normalise(sample, excluded.gaps), excluded.gaps)
        normalised[self.scale.spread == 0] = 0
        return normalised
