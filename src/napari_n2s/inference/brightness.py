"""Brightness correction: regions of a result are given their mean intensity in the noisy image.

Noise has mean zero: the mean of a region of a noisy image is an unbiased estimate of its signal,
and a precise one if the region is large. Correcting a result to these means makes intensities that
are summed over cells or fields comparable.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CELL = 128**2
"""Pixels of a grid cell whose mean is corrected: its noise is a 128th of that of a pixel."""
ROUNDS = 12
"""Number of iterations: a smooth correction does not give all cells their mean at once."""


def keep_brightness(
    clean: NDArray[np.floating],
    noisy: NDArray[np.floating],
    noise: NDArray[np.floating],
    known: NDArray[np.bool_],
    start: Sequence[int],
) -> NDArray[np.floating]:
    """Return each cell of a grid its mean in the noisy image, by a smooth correction.

    The correction is proportional to the noise variance: for photon counts to the intensity, so
    that dark pixels stay dark; for homogeneous noise it is the same for all pixels.

    Parameters
    ----------
    clean, noisy, noise : ndarray, shape (C, *space)
        The result, the noisy image, and the variance of its noise.
    known : ndarray of bool, shape (*space)
        Pixels that are not missing.
    start : sequence of int
        Position of this part in its sample along each axis of space: the grid is the sample's.

    Returns
    -------
    ndarray, shape (C, *space)
        The corrected result.
    """
    space = clean.shape[1:]
    side = round(CELL ** (1 / len(space)))
    edges = [_edges(*each, side) for each in zip(start, space, strict=True)]
    # Both are interpolated rather than their ratio, which is undefined without noise.
    expected = _interpolate(_sums(noise * known, edges), edges, space)
    weight = noise / np.where(expected > 0, expected, 1)
    corrected: NDArray[np.floating] = clean
    for _ in range(ROUNDS):
        deficit = _interpolate(_sums((noisy - corrected) * known, edges), edges, space)
        corrected = corrected + (deficit * weight).astype(clean.dtype)
    return corrected


def _edges(start: int, size: int, side: int) -> NDArray[np.intp]:
    """Return the first pixel of each cell along an axis; incomplete cells join adjacent ones."""
    inner = np.arange(-start % side, size, side)
    inner = inner[(inner >= side / 2) & (size - inner >= side / 2)]
    return np.concatenate([[0], inner])


def _sums(values: NDArray[np.floating], edges: list[NDArray[np.intp]]) -> NDArray[np.float64]:
    """Sum values ``(C, *space)`` over each cell."""
    sums = values.astype(np.float64)
    for axis, each in reversed(list(enumerate(edges, start=1))):
        sums = np.add.reduceat(sums, each, axis=axis)
    return sums


def _interpolate(
    factor: NDArray[np.floating], edges: list[NDArray[np.intp]], space: tuple[int, ...]
) -> NDArray[np.floating]:
    """Interpolate linearly between the centres of the cells."""
    for axis, (each, size) in enumerate(zip(edges, space, strict=True), start=1):
        centres = (each + np.append(each[1:], size) - 1) / 2
        at = np.interp(np.arange(size), centres, np.arange(len(centres)))
        low = np.minimum(at.astype(int), max(len(centres) - 2, 0))
        high = np.minimum(low + 1, len(centres) - 1)
        shape = (-1, *(1,) * (factor.ndim - 1 - axis))
        fraction = (at - low).reshape(shape)
        factor = factor.take(low, axis) * (1 - fraction) + factor.take(high, axis) * fraction
    return factor
