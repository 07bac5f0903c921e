"""Preparation of an image for training: axes, exclusion, normalisation and held-out pixels."""

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
class PreparedImage:
    """An image prepared for training; all methods are scored on the same pixels.

    Attributes
    ----------
    layout : Layout
        Layout of the image's own axes.
    x : ndarray of float32, shape (N, C, *space)
        The normalised image, with missing pixels filled in.
    missing : ndarray of bool, shape (N, 1 or C, *space)
        Pixels that are missing or excluded, in all channels alike or in each.
    held_out : HeldOut
    scale : Scale
        The normalisation.
    exclusion_counts : ExclusionCounts
        Number of excluded pixels, by reason.
    unread : str
        A sentence on parts of the image that could not be read, empty if all could.
    added_noise : ndarray, shape (N, C, *space), or None
        Noise that was added to `x`, whose contribution to squared errors is subtracted again.
    """

    layout: Layout
    x: NDArray[np.float32]
    missing: NDArray[np.bool_]
    held_out: HeldOut
    scale: Scale
    exclusion_counts: ExclusionCounts
    unread: str = ""
    added_noise: NDArray[np.float32] | None = None

    @cached_property
    def missing_if_any(self) -> NDArray[np.bool_] | None:
        """`missing`, or None if no pixel is."""
        return self.missing if self.missing.any() else None

    @cached_property
    def held_out_indices(self) -> tuple[NDArray[np.intp], ...]:
        """The held-out pixels as indices ``(n, *space)``, window by window."""
        return self.held_out.indices()

    @cached_property
    def held_out_values(self) -> NDArray[np.float32]:
        """Noisy values ``(pixels, C)`` of the held-out pixels."""
        return self._held_out(self.x)

    def squared_errors(self, predicted: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return squared errors ``(pixels,)`` of a prediction ``(pixels, C)`` of held-out pixels.

        The prediction must not depend on the noise of a pixel.
        """
        squares = squared_errors(predicted, self.held_out_values, self.scale.variance)
        if self.added_noise is not None:
            squares -= squared_errors(self._held_out(self.added_noise), 0, self.scale.variance)
        return squares

    def score(self, predicted: NDArray[np.floating]) -> Score:
        """Score such a prediction."""
        return score(self.squared_errors(predicted))

    def _held_out(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        n, *place = self.held_out_indices
        values: NDArray[np.float32] = np.moveaxis(image, 1, -1)[(n, *place)]
        return values


def prepare(
    image: Image, settings: Settings | None = None, *, excluding: bool = True
) -> PreparedImage:
    """Exclude pixels, normalise the image and draw its held-out pixels.

    Parameters
    ----------
    image : Image
        In memory.
    settings : Settings, optional
        Treatment of missing pixels, outliers and constant areas, and the seed of the held-out
        pixels.
    excluding : bool
        Exclude outliers, constant areas and very bright pixels according to the settings;
        otherwise only missing pixels.

    Raises
    ------
    ImageError
        If it cannot be denoised.
    """
    settings = settings or Settings()
    canonical = image.canonical
    require_usable(image.missing, settings.nan_policy)
    missing, counts = image.missing, ExclusionCounts()
    if excluding:
        missing, counts = exclude(canonical, settings, image.missing)
    scale = measure_scale(canonical, missing)
    held_out = draw_held_out(missing, settings.seed)
    x = np.empty(canonical.shape, np.float32)
    for normalised, sample, mask in zip(x, canonical, missing, strict=True):
        normalised[:] = fill_missing(scale.normalise(sample, mask), mask)
    return PreparedImage(image.layout, x, missing, held_out, scale, counts)


def fill_missing(x: NDArray[np.float32], missing: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Fill in missing and excluded pixels of a sample from their surroundings.

    Parameters
    ----------
    x : ndarray of float32, shape (C, *space)
    missing : ndarray of bool, shape (1 or C, *space)
    """
    if not missing.any():
        return x
    masks = np.broadcast_to(missing, x.shape)
    return np.stack([fill_in(each, mask) for each, mask in zip(x, masks, strict=True)])
