"""Where an image holds more than noise: so that a network is not taught mostly background."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

CELL = 32
"""Side in pixels of the cells that are told apart."""
BIN = 4
"""Side of the bins whose means are compared within a cell."""
SPARSE = 0.25
"""Share of the cells with structure in them below which an image is sparse."""
PICTURES = 32
"""Of a stack that are looked at, at most."""
CHANCE = 1.5
"""Times that the variance of means may exceed what noise explains, and still be noise."""


def find_sparse(x: NDArray[np.floating]) -> NDArray[np.float64] | None:
    """Find where a sparse image holds structure, if it is one.

    Of a long stack some pictures are looked at.

    Parameters
    ----------
    x : ndarray, shape (N, C, *space)

    Returns
    -------
    ndarray or None, shape (N, *cells)
        As `find_structure` measures it, 0 in pictures that were not looked at; None where there is
        structure all over, or none to be seen.
    """
    some = np.unique(np.linspace(0, len(x) - 1, min(len(x), PICTURES)).astype(int))
    found = find_structure(x[some])
    if not 0 < np.mean(found > 0) < SPARSE:
        return None
    structure = np.zeros((len(x), *found.shape[1:]))
    structure[some] = found
    return structure


def find_structure(x: NDArray[np.floating]) -> NDArray[np.float64]:
    """Measure how much structure each cell of an image holds.

    Noise that is independent from pixel to pixel shrinks with averaging, structure does not: the
    means of bins vary by the structure plus a known share of the noise, which the finest
    differences between neighbours tell.

    Parameters
    ----------
    x : ndarray, shape (N, C, *space)

    Returns
    -------
    ndarray, shape (N, *cells)
        Standard deviation of the structure within each cell, 0 where there is none to be seen. What
        does not fill a cell at the far end of an axis is left out.
    """
    return np.stack([_measure(sample) for sample in x])


def cell_sides(space: tuple[int, ...]) -> tuple[int, ...]:
    """Give the side of a cell along each axis of space, a whole number of bins."""
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
    varies = _split(means, per_cell).var(inner, ddof=min(1, prod(per_cell) - 1))
    along = np.diff(sample, axis=-1, append=sample[..., -1:])
    detail = np.diff(along, axis=-2, append=along[..., -1:, :]) ** 2 / 4
    noise = _split(detail, cells).mean(inner) / prod(bins)
    excess = np.maximum(varies - CHANCE * noise, 0)
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
