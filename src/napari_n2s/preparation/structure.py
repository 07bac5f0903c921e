"""Structure map of sparse images: without it, most training patches would show background."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

CELL = 32
"""Side in pixels of the cells of the map."""
BIN = 4
"""Side in pixels of the bins whose means are compared within a cell."""
SPARSE = 0.25
"""Fraction of cells with structure below which an image is sparse."""
MAX_SAMPLES = 32
"""Maximum number of samples of a stack that are measured."""
NOISE_MARGIN = 1.5
"""Factor by which the variance of bin means may exceed that expected of noise without structure."""


def find_sparse_structure(x: NDArray[np.floating]) -> NDArray[np.float64] | None:
    """Map the structure of an image, if it is sparse.

    Parameters
    ----------
    x : ndarray, shape (N, C, *space)

    Returns
    -------
    ndarray or None, shape (N, *cells)
        As by `measure_structure`, of at most `MAX_SAMPLES` samples and 0 in all others; None if
        the image is not sparse, or has no detectable structure.
    """
    some = np.unique(np.linspace(0, len(x) - 1, min(len(x), MAX_SAMPLES)).astype(int))
    found = measure_structure(x[some])
    if not 0 < np.mean(found > 0) < SPARSE:
        return None
    structure = np.zeros((len(x), *found.shape[1:]))
    structure[some] = found
    return structure


def measure_structure(x: NDArray[np.floating]) -> NDArray[np.float64]:
    """Measure the structure in each cell of an image.

    Averaging over bins reduces noise that is independent from pixel to pixel, but not structure:
    the variance of bin means is that of the structure plus a known fraction of the noise variance,
    which is measured by mixed second differences between neighbouring pixels.

    Parameters
    ----------
    x : ndarray, shape (N, C, *space)

    Returns
    -------
    ndarray, shape (N, *cells)
        Standard deviation of the structure within each cell, 0 if not detectable. An incomplete
        cell at the end of an axis is left out.
    """
    return np.stack([_measure(sample) for sample in x])


def cell_sides(space: tuple[int, ...]) -> tuple[int, ...]:
    """Return the side of a cell along each axis of space, a whole number of bins."""
    return tuple(
        min(CELL, size // each * each) for size, each in zip(space, _bins(space), strict=True)
    )


def _bins(space: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(min(BIN, size) for size in space)


def _measure(sample: NDArray[np.floating]) -> NDArray[np.float64]:
    space = sample.shape[1:]
    inner = tuple(range(-len(space), 0))
    bins, cells = _bins(space), cell_sides(space)
    means = _split(sample, bins).mean(inner)
    per_cell = tuple(cell // each for cell, each in zip(cells, bins, strict=True))
    variance = _split(means, per_cell).var(inner, ddof=min(1, prod(per_cell) - 1))
    first = np.diff(sample, axis=-1, append=sample[..., -1:])
    second = np.diff(first, axis=-2, append=first[..., -1:, :]) ** 2 / 4
    noise = _split(second, cells).mean(inner) / prod(bins)
    excess = np.maximum(variance - NOISE_MARGIN * noise, 0)
    structure: NDArray[np.float64] = np.sqrt(excess).mean(0)
    return structure


def _split(x: NDArray[np.floating], sides: tuple[int, ...]) -> NDArray[np.floating]:
    """Cut ``(C, *space)`` into whole blocks ``(C, *counts, *sides)``."""
    counts = [size // side for size, side in zip(x.shape[1:], sides, strict=True)]
    whole = x[(slice(None), *(slice(n * side) for n, side in zip(counts, sides, strict=True)))]
    pairs = [each for pair in zip(counts, sides, strict=True) for each in pair]
    blocks = whole.reshape(x.shape[0], *pairs)
    axes = range(1, len(pairs) + 1)
    return blocks.transpose(0, *axes[::2], *axes[1::2])
