"""Asking the same of pixels that are alike by some number, from the least to the most of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Curve:
    """Straight lines between points, for each channel.

    Attributes
    ----------
    at, value : ndarray, shape (C, points)
        Where they lie and what they are; beyond the first and the last it stays as it is there.
    """

    at: NDArray[np.float64]
    value: NDArray[np.float64]

    def over(self, by: NDArray[np.floating]) -> NDArray[np.floating]:
        """Give its values over numbers ``(C, ...)``."""
        found = [np.interp(*each) for each in zip(by, self.at, self.value, strict=True)]
        return np.stack(found).astype(by.dtype)


def ask_bins(
    ask: Callable[..., float],
    by: NDArray[np.floating],
    *of: NDArray[np.floating],
    bins: int,
    fewest: int,
) -> Curve:
    """Ask the same of each bin of pixels.

    Parameters
    ----------
    ask : callable
        Takes what it is asked of, each ``(pixels,)``.
    by : ndarray, shape (C, pixels)
        The number; there are equally many pixels in each bin.
    *of : ndarray, shape (C, pixels)
    bins, fewest : int
        At most so many bins, and at least so many pixels in each.
    """
    at, value = [], []
    for key, *channels in zip(by, *of, strict=True):
        parts = np.array_split(np.argsort(key), max(1, min(bins, key.size // fewest)))
        at.append([float(key[part].mean()) for part in parts])
        value.append([ask(*(each[part] for each in channels)) for part in parts])
    return Curve(np.array(at), np.array(value))
