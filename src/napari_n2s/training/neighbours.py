"""Which pictures a network may look at beside the one that it denoises, and how many help.

The noise of another slice or frame tells nothing about the noise of this one: its same pixel may
be seen, and need not be hidden. Whether it shows the same thing is asked of the image: a linear
prediction of the held-out pixels, from around them and from the pictures beside, must err less.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from napari_n2s.filters.donut_filters import gather_around
from napari_n2s.filters.footprint import Footprint, disk
from napari_n2s.images.axes import Context
from napari_n2s.preparation.held_out import improved
from napari_n2s.preparation.prepared import Prepared

COUNTS = (1, 2)
"""Pictures to each side that are tried."""
OWN, BESIDE = 2.0, 1.5
"""Radii in pixels of what is looked at in the picture itself and in those beside."""
FOLDS = 2
RIDGE = 1e-3


def choose_context(
    ready: Prepared,
    radius: tuple[int, ...],
    count: int | None = None,
    without: Collection[str] = (),
) -> Context | None:
    """Find the axis and the number of pictures to each side that help most; None if none do.

    If the number is given, the axis is found along which they help most.

    Parameters
    ----------
    ready : Prepared
    radius : tuple of int
        How far the blind spot reaches along each axis of space.
    count : int, optional
    without : collection of str
        Axes along which pictures share noise, which are left out.
    """
    spacing = (1.0,) * (ready.x.ndim - 2)
    own = _gather(ready, ready.where[0], disk(OWN, spacing, radius))
    best, least = None, _errors(own, ready.noisy)
    if count is not None:
        least = np.full_like(least, np.inf)
    middle = np.zeros((1, len(spacing)), int)
    patch = disk(BESIDE, spacing).offsets
    whole = Footprint(np.concatenate([patch, middle]), np.ones(len(patch) + 1))
    for axis in [each for each in ready.layout.sample_axes if each not in without]:
        for number in COUNTS if count is None else filter(None, [count]):
            context = Context(axis, number)
            beside = ready.layout.beside(context)[ready.where[0]]
            parts = [_gather(ready, samples, whole) for samples in beside.T]
            errors = _errors(np.concatenate([own, *parts], -1), ready.noisy)
            if improved(least, errors) if count is None else errors.mean() < least.mean():
                best, least = context, errors
    return best


def _gather(
    ready: Prepared, samples: NDArray[np.intp], footprint: Footprint
) -> NDArray[np.floating]:
    """Gather what is around the held-out pixels in some pictures; 0 where there is nothing."""
    around = gather_around(ready.x, (samples, *ready.where[1:]), footprint, ready.gaps)
    return np.where(np.isnan(around), 0, around)


def _errors(seen: NDArray[np.floating], noisy: NDArray[np.floating]) -> NDArray[np.float64]:
    """Predict pixels ``(pixels, C)`` linearly from ``(pixels, C, values)``, each by the others'."""
    fold = np.arange(len(noisy)) % FOLDS
    squares = np.zeros(len(noisy))
    for channel in range(noisy.shape[1]):
        inputs = np.column_stack([seen[:, channel], np.ones(len(noisy))]).astype(np.float64)
        for number in range(FOLDS):
            others, mine = inputs[fold != number], inputs[fold == number]
            square = others.T @ others
            square += RIDGE * np.trace(square) / len(square) * np.eye(len(square))
            weights = np.linalg.solve(square, others.T @ noisy[fold != number, channel])
            squares[fold == number] += (mine @ weights - noisy[fold == number, channel]) ** 2
    squares /= noisy.shape[1]
    return squares
