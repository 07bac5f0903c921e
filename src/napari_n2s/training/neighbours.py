"""Choice of neighbouring slices or frames that a network sees along with the one it denoises.

Their noise is independent, so that their pixels need not be hidden. Whether they show the same
structure is tested on the image: they have to improve a linear prediction of pixels from others.
"""

from __future__ import annotations

from collections.abc import Collection
from math import prod

import numpy as np
from numpy.typing import NDArray

from napari_n2s.filters.donut_filters import gather_around
from napari_n2s.filters.footprint import Footprint, disk
from napari_n2s.images.axes import Context
from napari_n2s.preparation.held_out import improved
from napari_n2s.preparation.prepared import PreparedImage

COUNTS = (1, 2)
"""Numbers of neighbours on each side that are tried."""
OWN_RADIUS, NEIGHBOUR_RADIUS = 2.0, 1.5
"""Radii in pixels of the patches that a held-out pixel is predicted from, in its own slice or frame
and in neighbouring ones."""
PIXELS = 20_000
"""Number of pixels that are predicted, besides the held-out ones. With few, the noise of the
weights outweighs what another neighbour brings."""
FOLDS = 2
"""Number of folds of the cross-validation."""
RIDGE = 1e-3
"""Ridge regularisation of the linear prediction, relative to the mean variance of its inputs."""

Pixels = tuple[NDArray[np.intp], ...]
"""Indices ``(n, *space)`` of pixels."""


def choose_context(
    prepared: PreparedImage,
    radius: tuple[int, ...],
    count: int | None = None,
    without: Collection[str] = (),
) -> Context | None:
    """Choose the axis and number of neighbours that improve a linear prediction most.

    Parameters
    ----------
    prepared : PreparedImage
    radius : tuple of int
        Radius of the blind spot along each axis of space.
    count : int, optional
        Number of neighbours on each side; then only the axis is chosen.
    without : collection of str
        Axes that are left out, as neighbours along them share noise.

    Returns
    -------
    Context or None
        None if neighbours do not improve the prediction, or there are none.
    """
    spacing = (1.0,) * (prepared.x.ndim - 2)
    where = _draw_pixels(prepared)
    noisy = np.moveaxis(prepared.x, 1, -1)[where]
    own = _gather(prepared, where, disk(OWN_RADIUS, spacing, radius))
    best, least = None, _errors(own, noisy)
    if count is not None:
        least = np.full_like(least, np.inf)
    centre = np.zeros((1, len(spacing)), int)
    patch = disk(NEIGHBOUR_RADIUS, spacing).offsets
    filled_disk = Footprint(np.concatenate([patch, centre]), np.ones(len(patch) + 1))
    for axis in [each for each in prepared.layout.sample_axes if each not in without]:
        for number in COUNTS if count is None else filter(None, [count]):
            context = Context(axis, number)
            neighbours = prepared.layout.neighbours(context)[where[0]]
            parts = [_gather(prepared, (n, *where[1:]), filled_disk) for n in neighbours.T]
            errors = _errors(np.concatenate([own, *parts], -1), noisy)
            if improved(least, errors) if count is None else errors.mean() < least.mean():
                best, least = context, errors
    return best


def _draw_pixels(prepared: PreparedImage) -> Pixels:
    """Draw usable pixels at random from the whole image; the held-out ones are among them."""
    shape = prepared.x.shape[:1] + prepared.x.shape[2:]
    count = min(PIXELS, prod(shape))
    drawn = np.random.default_rng(0).choice(prod(shape), count, replace=False, shuffle=False)
    held_out = np.ravel_multi_index(prepared.held_out_indices, shape)
    where = np.unravel_index(np.union1d(drawn, held_out), shape)
    usable = ~np.any(prepared.missing, axis=1)[where]
    return tuple(each[usable] for each in where)


def _gather(prepared: PreparedImage, where: Pixels, ring: Footprint) -> NDArray[np.floating]:
    """Gather the surroundings of pixels; 0 beyond the border and where there is no value."""
    around = gather_around(prepared.x, where, ring, prepared.missing_if_any)
    return np.where(np.isnan(around), 0, around)


def _errors(surroundings: NDArray[np.floating], noisy: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute cross-validated squared errors of a linear prediction.

    Pixels ``(pixels, C)`` are predicted from ``(pixels, C, values)``, those of each fold with
    weights fitted to the other.
    """
    fold = np.arange(len(noisy)) % FOLDS
    squares = np.zeros(len(noisy))
    for channel in range(noisy.shape[1]):
        inputs = np.column_stack([surroundings[:, channel], np.ones(len(noisy))]).astype(np.float64)
        for number in range(FOLDS):
            others, mine = inputs[fold != number], inputs[fold == number]
            square = others.T @ others
            square += RIDGE * np.trace(square) / len(square) * np.eye(len(square))
            weights = np.linalg.solve(square, others.T @ noisy[fold != number, channel])
            squares[fold == number] += (mine @ weights - noisy[fold == number, channel]) ** 2
    squares /= noisy.shape[1]
    return squares
