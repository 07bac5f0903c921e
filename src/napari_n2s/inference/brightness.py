"""A result as bright as the picture it was made from, region by region.

Noise has mean zero: the mean of a region of a noisy picture is an unbiased estimate of what is
there, and a precise one where the region is large. What a network and all that follows lose or gain
of that is given back, so that intensities summed over cells or fields may be compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CELL = 128**2
"""Pixels of a cell whose mean is kept: its noise is a 128th of a pixel's."""
ROUNDS = 12
"""How often what is still missing is given back; what is between cells goes to both."""


def keep_brightness(
    clean: NDArray[np.floating],
    noisy: NDArray[np.floating],
    noise: NDArray[np.floating],
    there: NDArray[np.bool_],
    start: Sequence[int],
) -> NDArray[np.floating]:
    """Give each cell of a grid the mean that it has in the noisy picture, by a smooth correction.

    Where noise is stronger, more is given: of counted photons in proportion to the intensity, so
    that the dark stays dark; of noise that is the same everywhere the same to all.

    Parameters
    ----------
    clean, noisy, noise : ndarray, shape (C, *space)
        The result, what it was made from, and the variance of its noise.
    there : ndarray of bool, shape (*space)
        Pixels that have a value.
    start : sequence of int
        Where this part lies in its picture, along each axis of space: the grid is the picture's.

    Returns
    -------
    ndarray, shape (C, *space)
    """
    space = clean.shape[1:]
    side = round(CELL ** (1 / len(space)))
    edges = [_edges(*each, side) for each in zip(start, space, strict=True)]
    # Both are interpolated, and not their ratio: where there is no noise it says nothing.
    around = _between(_sums(noise * there, edges), edges, space)
    weight = noise / np.where(around > 0, around, 1)
    kept: NDArray[np.floating] = clean
    for _ in range(ROUNDS):
        missing = _between(_sums((noisy - kept) * there, edges), edges, space)
        kept = kept + (missing * weight).astype(clean.dtype)
    return kept


def _edges(start: int, size: int, side: int) -> NDArray[np.intp]:
    """Give the first pixel of each cell along an axis; what is left of one belongs to the next."""
    inner = np.arange(-start % side, size, side)
    inner = inner[(inner >= side / 2) & (size - inner >= side / 2)]
    return np.concatenate([[0], inner])


def _sums(values: NDArray[np.floating], edges: list[NDArray[np.intp]]) -> NDArray[np.float64]:
    """Sum values ``(C, *space)`` over each cell."""
    sums = values.astype(np.float64)
    for axis, each in reversed(list(enumerate(edges, start=1))):
        sums = np.add.reduceat(sums, each, axis=axis)
    return sums


def _between(
    factor: NDArray[np.floating], edges: list[NDArray[np.intp]], space: tuple[int, ...]
) -> NDArray[np.floating]:
    """Interpolate linearly between the middles of the cells."""
    for axis, (each, size) in enumerate(zip(edges, space, strict=True), start=1):
        middles = (each + np.append(each[1:], size) - 1) / 2
        at = np.interp(np.arange(size), middles, np.arange(len(middles)))
        low = np.minimum(at.astype(int), max(len(middles) - 2, 0))
        high = np.minimum(low + 1, len(middles) - 1)
        shape = (-1, *(1,) * (factor.ndim - 1 - axis))
        share = (at - low).reshape(shape)
        factor = factor.take(low, axis) * (1 - share) + factor.take(high, axis) * share
    return factor
