"""An image made ready: its axes in order, on its inner scale, with the held-out pixels drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.ideas.axes import Layout, layout
from napari_n2s.ideas.image import Scale, as_image, find_missing, measure_scale
from napari_n2s.ideas.score import HeldOut, Score, draw_held_out, score, squared_errors


@dataclass(frozen=True)
class Prepared:
    """What every method starts from, so that all are scored on the same pixels.

    Attributes
    ----------
    layout : Layout
        How the image's own axes lie.
    x : ndarray of float32, shape (N, C, *space)
        The image on its inner scale; 0 where a pixel is missing.
    missing : ndarray of bool, shape (N, 1, *space)
    held_out : HeldOut
    scale : Scale
    unread : str
        A sentence on what of the image could not be read, empty if all could.
    """

    layout: Layout
    x: NDArray[np.float32]
    missing: NDArray[np.bool_]
    held_out: HeldOut
    scale: Scale
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
        return score(squared_errors(predicted, self.noisy, self.scale.worth))


def prepare(
    image: Any,
    axes: str | None,
    missing: str = "refuse",
    seed: int = 0,
    *,
    volume: bool = False,
) -> Prepared:
    """Make an image ready.

    Parameters
    ----------
    image : array_like
    axes : str, optional
    missing : {"refuse", "leave"}
        What to do with pixels that are NaN or infinite.
    seed : int
        For the held-out pixels.
    volume : bool
        Whether slices are neighbours in space, where there is an axis Z.

    Raises
    ------
    ImageError
        If it cannot be denoised.
    """
    image = as_image(image)
    found = layout(image.shape, axes, volume=volume)
    canonical = found.canonical(image)
    gaps = find_missing(canonical, missing)
    scale = measure_scale(canonical, gaps)
    held_out = draw_held_out(gaps, seed)
    x = np.empty(canonical.shape, np.float32)
    for inner, sample, its_gaps in zip(x, canonical, gaps, strict=True):
        inner[:] = scale.normalise(sample, its_gaps)
    return Prepared(found, x, gaps, held_out, scale)
