"""Statistics of pixels in bins of equal size, as a function of what they are binned by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Curve:
    """A piecewise linear function for each channel, constant beyond its ends.

    Attributes
    ----------
    at, value : ndarray, shape (C, points)
        Arguments and values at its nodes.
    """

    at: NDArray[np.float64]
    value: NDArray[np.float64]

    def over(self, by: NDArray[np.floating]) -> NDArray[np.floating]:
        """Evaluate it at numbers ``(C, ...)``."""
        found = [np.interp(*each) for each in zip(by, self.at, self.value, strict=True)]
        return np.stack(found).astype(by.dtype)


def evaluate_in_bins(
    statistic: Callable[..., float],
    by: NDArray[np.floating],
    *of: NDArray[np.floating],
    bins: int,
    fewest: int,
) -> Curve:
    """Compute a statistic in each bin of pixels.

    Parameters
    ----------
    statistic : callable
        Takes the values of a bin's pixels, ``(pixels,)`` for each of `of`.
    by : ndarray, shape (C, pixels)
        What pixels are binned by, into bins of equal size.
    *of : ndarray, shape (C, pixels)
    bins, fewest : int
        Largest number of bins, and smallest number of pixels in each.
    """
    at, value = [], []
    for key, *channels in zip(by, *of, strict=True):
        parts = np.array_split(np.argsort(key), max(1, min(bins, key.size // fewest)))
        at.append([float(key[part].mean()) for part in parts])
        value.append([statistic(*(each[part] for each in channels)) for part in parts])
    return Curve(np.array(at), np.array(value))
