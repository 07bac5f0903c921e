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
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_n2s.noise.noise_model import NoiseCurve, believe
from napari_n2s.noise.quantile_curve import Curve, ask_bins

BINS, FEWEST = 16, 1000
"""How many, and the pixels that each needs: the mean square of so many is known to 5 %."""


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
    ask = partial(ask_bins, bins=BINS, fewest=FEWEST)
    blind, seeing = (_lifts(ask, mean, noisy - each) for each in (mean, other))
    right = mean + blind.over(mean)
    squares = (believe(right, total, noisy) - right) ** 2
    spread = ask(_stretch, roughness(total, noise.variance(right)), squares, total)
    return Bias(blind, seeing, spread)


def roughness(total: NDArray[np.floating], variance: NDArray[np.floating]) -> NDArray[np.floating]:
    """Say how far a noisy pixel may lie off its prediction, by the noise alone 0: a logarithm."""
    rough: NDArray[np.floating] = np.log(total / variance)
    return rough


def _lifts(
    ask: Callable[..., Curve], mean: NDArray[np.floating], errors: NDArray[np.floating]
) -> Curve:
    """Give the mean error of each bin: that of all pixels, and by how much the bin's differs.

    Where photons are few, chance explains the mean of every single bin, but not that of all.
    """
    whole = errors.mean(1, keepdims=True, dtype=np.float64)
    curve = ask(_lift, mean, errors - whole)
    return Curve(curve.at, curve.value + whole)


def _lift(errors: NDArray[np.floating]) -> float:
    """Take their mean, less what chance explains of it (James & Stein 1961)."""
    mean, chance = float(errors.mean()), float(errors.var()) / errors.size
    return mean * max(0.0, 1 - chance / max(mean**2, 1e-30))


def _stretch(squares: NDArray[np.floating], total: NDArray[np.floating]) -> float:
    return max(float(squares.mean()) / float(total.mean()), 1e-6)
