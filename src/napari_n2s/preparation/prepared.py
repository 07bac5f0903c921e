"""An image made ready: its axes in order, on its inner scale, with the held-out pixels drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.settings import Settings
from napari_n2s.exclusion.excluded import ExclusionCounts, exclude, fill_in
from napari_n2s.images.axes import Layout
from napari_n2s.images.image import Image
from napari_n2s.images.missing import require_usable
from napari_n2s.images.scale import Scale, measure_scale
from napari_n2s.preparation.held_out import HeldOut, Score, draw_held_out, score, squared_errors


@dataclass(frozen=True)
class Prepared:
    """What every method starts from, so that all are scored on the same pixels.

    Attributes
    ----------
    layout : Layout
        How the image's own axes lie.
    x : ndarray of float32, shape (N, C, *space)
        The image on its inner scale, filled in where a pixel is missing.
    missing : ndarray of bool, shape (N, 1 or C, *space)
        Pixels that have no value or are no signal, of all channels alike or of each.
    held_out : HeldOut
    scale : Scale
    tally : ExclusionCounts
        How many pixels have a value and are no signal.
    unread : str
        A sentence on what of the image could not be read, empty if all could.
    """

    layout: Layout
    x: NDArray[np.float32]
    missing: NDArray[np.bool_]
    held_out: HeldOut
    scale: Scale
    tally: ExclusionCounts
    unread: str = ""

    @cached_property
    def gaps(self) -> NDArray[np.bool_] | None:
        """Where pixels are missing, if any are."""
        return self.missing if self.missing.any() else None

    @cached_property
    def where(self) -> tuple[NDArray[np.intp], ...]:
        """The held-out pixels as indices, ``(n, *space)``, window after window."""
        return self.held_out.places()

    @cached_property
    def noisy(self) -> NDArray[np.float32]:
        """Their noisy values ``(pixels, C)``."""
        n, *place = self.where
        values: NDArray[np.float32] = np.moveaxis(self.x, 1, -1)[(n, *place)]
        return values

    def score(self, predicted: NDArray[np.floating]) -> Score:
        """Score what was predicted of the held-out pixels, ``(pixels, C)``, without seeing them."""
        return score(squared_errors(predicted, self.noisy, self.scale.variance))


def prepare(image: Image, settings: Settings | None = None, *, excluding: bool = True) -> Prepared:
    """Make an image ready.

    Parameters
    ----------
    image : Image
        In memory.
    settings : Settings, optional
        They say what to do with pixels that are NaN or no signal, and the seed of the held-out
        pixels.
    excluding : bool
        Whether the image is looked at for what is no signal.

    Raises
    ------
    ImageError
        If it cannot be denoised.
    """
    settings = settings or Settings()
    canonical = image.canonical
    require_usable(image.missing, settings.nan_policy)
    gaps, tally = image.missing, ExclusionCounts()
    if excluding:
        gaps, tally = exclude(canonical, settings, image.missing)
    scale = measure_scale(canonical, gaps)
    held_out = draw_held_out(gaps, settings.seed)
    x = np.empty(canonical.shape, np.float32)
    for inner, sample, its_gaps in zip(x, canonical, gaps, strict=True):
        inner[:] = fill_gaps(scale.normalise(sample, its_gaps), its_gaps)
    return Prepared(image.layout, x, gaps, held_out, scale, tally)


def fill_gaps(x: NDArray[np.float32], gaps: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Fill in the pixels of a picture ``(C, *space)`` without a usable value, where there are some.

    Parameters
    ----------
    x : ndarray of float32, shape (C, *space)
    gaps : ndarray of bool, shape (1 or C, *space)
    """
    if not gaps.any():
        return x
    masks = np.broadcast_to(gaps, x.shape)
    return np.stack([fill_in(each, mask) for each, mask in zip(x, masks, strict=True)])
