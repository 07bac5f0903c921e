"""Offsets of rows that are seen on the background of an image.

Offsets that by chance are alike in adjacent rows vary as slowly along the rows as structure does,
and a network predicts them with it. On a flat background they are seen all the same. That it is
flat shows along the rows, where an offset does not vary.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

BLOCKS, SMOOTHING = 8, 4.0
"""Number of blocks of columns that are compared, and standard deviation in rows of the Gaussian
that leaves slow offsets."""
MIN_BACKGROUND = 0.25
"""Minimum fraction of each row that is background."""
MAX_UNEVEN = 0.05
"""Variance that the unevenness of the background adds to the mean over the blocks, relative to that
of slow offsets, up to which it is flat: at most 0.046 where simulated cells lay on a flat
background; in micrographs where offsets were known less well afterwards, at least 0.056."""
MAX_EXCESS = 2.0
"""Variance of slow offsets relative to what independent offsets have, up to which they are
believed."""

Values = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


def find_slow_offsets(
    plane: Values, predicted: Values, known: Mask, spread: float
) -> Values | None:
    """Estimate what varies slowly among the offsets of rows.

    Parameters
    ----------
    plane, predicted : ndarray, shape (Y, X)
        The image, and its prediction.
    known : ndarray of bool, shape (Y, X)
        Pixels that have a value and are not excluded.
    spread : float
        Standard deviation of all offsets, which are independent.

    Returns
    -------
    ndarray, shape (Y,), or None
        To be subtracted; None if the background is not flat.
    """
    dim = predicted[known & (predicted <= np.median(predicted[known]))]
    level = float(np.median(dim))
    noise = float(np.median(np.abs(plane - predicted)[known])) / 0.6745
    background = known & (np.abs(predicted - level) < noise)
    if background.mean(1).min() < MIN_BACKGROUND:
        return None
    parts = zip(
        np.array_split(np.where(background, plane - level, 0), BLOCKS, axis=1),
        np.array_split(background, BLOCKS, axis=1),
        strict=True,
    )
    sums, counts = (
        gaussian_filter1d(np.array(each, float), SMOOTHING, axis=1)
        for each in zip(*((part.sum(1), mask.sum(1)) for part, mask in parts), strict=True)
    )
    blocks = sums / np.maximum(counts, 1e-9)
    blocks = blocks - _mean(blocks, counts, axis=1)[:, None]
    slow: Values = _mean(blocks, counts, axis=0)
    own = float(np.median(np.abs(plane - predicted)[background])) / 0.6745
    independent = 1 / (2 * np.pi**0.5 * SMOOTHING)  # variance that the Gaussian leaves
    uneven = (counts * (blocks - slow) ** 2).sum() / counts.sum()
    by_chance = own**2 * independent * (BLOCKS - 1) / counts.sum() * blocks.shape[1]
    expected = spread**2 * independent
    flat = (uneven - by_chance) / BLOCKS < MAX_UNEVEN * expected
    believed = np.var(slow) < MAX_EXCESS * expected
    return slow if flat and believed else None


def _mean(values: Values, weights: Values, axis: int) -> Values:
    found: Values = (values * weights).sum(axis) / np.maximum(weights.sum(axis), 1e-9)
    return found
