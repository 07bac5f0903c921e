"""What a network errs by on average, told by the noisy pixels and taken back.

Noise has mean zero and knows nothing of what a pixel is predicted to be from the others alone. So
the noisy pixels for which one value is predicted are, on average, what should have been predicted
there, and a prediction that lies above or below is moved by as much. Likewise the mean of their
squared distances from it is the variance that should have been predicted. Each is asked of a
thousand pixels or more, so that no pixel's noise comes back by it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_n2s.ideas.noise import NoiseCurve, believe

BINS = 16
FEWEST = 1000
"""Pixels that a bin needs: the mean square of so many is known to 5 %."""


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


@dataclass(frozen=True)
class Bias:
    """What is to be added to predictions, and what variances are to be multiplied by.

    Attributes
    ----------
    blind, seeing : Curve
        For the mean that was predicted blindly and for that which has seen the pixels, over the
        first.
    spread : Curve
        For the variance of the noisy pixel, over the roughness.
    """

    blind: Curve
    seeing: Curve
    spread: Curve

    def undo(
        self,
        mean: NDArray[np.floating],
        total: NDArray[np.floating],
        other: NDArray[np.floating],
        noise: NoiseCurve,
    ) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
        """Put right blind mean and variance and the mean that saw the pixels, all ``(C, ...)``."""
        right = mean + self.blind.over(mean)
        stretch = self.spread.over(roughness(total, noise.variance(right)))
        return right, total * stretch, other + self.seeing.over(mean)


def find_bias(
    mean: NDArray[np.floating],
    total: NDArray[np.floating],
    other: NDArray[np.floating],
    noisy: NDArray[np.floating],
    noise: NoiseCurve,
) -> Bias:
    """Find what a network errs by.

    Parameters
    ----------
    mean, total : ndarray, shape (C, pixels)
        What it predicts blindly, and the variance of the noisy pixel around that.
    other : ndarray, shape (C, pixels)
        What it predicts where it sees the pixels.
    noisy : ndarray, shape (C, pixels)
    noise : NoiseCurve
    """
    blind, seeing = (ask_alike(_lift, mean, noisy - each) for each in (mean, other))
    right = mean + blind.over(mean)
    squares = (believe(right, total, noisy) - right) ** 2
    spread = ask_alike(_stretch, roughness(total, noise.variance(right)), squares, total)
    return Bias(blind, seeing, spread)


def roughness(total: NDArray[np.floating], variance: NDArray[np.floating]) -> NDArray[np.floating]:
    """Say how far a noisy pixel may lie off its prediction, by the noise alone 0: a logarithm."""
    rough: NDArray[np.floating] = np.log(total / variance)
    return rough


def ask_alike(
    ask: Callable[..., float],
    by: NDArray[np.floating],
    *of: NDArray[np.floating],
    bins: int = BINS,
    fewest: int = FEWEST,
) -> Curve:
    """Ask the same of bins of pixels that are alike by some number.

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


def _lift(errors: NDArray[np.floating]) -> float:
    """Take their mean, less what chance explains of it (James & Stein 1961)."""
    mean, chance = float(errors.mean()), float(errors.var()) / errors.size
    return mean * max(0.0, 1 - chance / max(mean**2, 1e-30))


def _stretch(squares: NDArray[np.floating], total: NDArray[np.floating]) -> float:
    return max(float(squares.mean()) / float(total.mean()), 1e-6)
