"""The bias of a network's predictions, estimated on the noisy pixels and corrected.

Noise has mean zero and is independent of a prediction made from the other pixels alone. The mean of
the noisy pixels for which one value is predicted is therefore the value that should have been
predicted, and the mean of their squared residuals is the variance that should have been predicted.
Each mean is taken over a thousand pixels or more, so that no pixel's own noise returns through it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_n2s.noise.noise_model import NoiseCurve, winsorise
from napari_n2s.noise.quantile_curve import Curve, evaluate_in_bins

MAX_BINS, MIN_PIXELS = 16, 1000
"""Number of bins, and pixels in each: the mean of so many squares has an error of 5 %."""


@dataclass(frozen=True)
class Bias:
    """Corrections: what is added to predictions, and what their variances are multiplied by.

    Attributes
    ----------
    blind, visible : Curve
        Added to the blind prediction and to that from all pixels, as functions of the blind
        prediction.
    spread : Curve
        Factor of the variance of the noisy pixel, as a function of the roughness.
    """

    blind: Curve
    visible: Curve
    spread: Curve

    def correct(
        self,
        mean: NDArray[np.floating],
        total: NDArray[np.floating],
        other: NDArray[np.floating],
        noise: NoiseCurve,
    ) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
        """Correct the blind mean and variance, and the mean from all pixels; each ``(C, ...)``."""
        right = mean + self.blind.over(mean)
        stretch = self.spread.over(roughness(total, noise.variance(right)))
        return right, total * stretch, other + self.visible.over(mean)


def estimate_bias(
    mean: NDArray[np.floating],
    total: NDArray[np.floating],
    other: NDArray[np.floating],
    noisy: NDArray[np.floating],
    noise: NoiseCurve,
) -> Bias:
    """Estimate the bias of a network.

    Parameters
    ----------
    mean, total : ndarray, shape (C, pixels)
        The blind prediction, and the variance of the noisy pixel around it.
    other : ndarray, shape (C, pixels)
        The prediction from all pixels, including these.
    noisy : ndarray, shape (C, pixels)
    noise : NoiseCurve
    """
    binned = partial(evaluate_in_bins, bins=MAX_BINS, fewest=MIN_PIXELS)
    blind, visible = (_offsets(binned, mean, noisy - each) for each in (mean, other))
    right = mean + blind.over(mean)
    squares = (winsorise(right, total, noisy) - right) ** 2
    spread = binned(_variance_ratio, roughness(total, noise.variance(right)), squares, total)
    return Bias(blind, visible, spread)


def roughness(total: NDArray[np.floating], variance: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the logarithm of predicted over noise variance: 0 where there is noise alone."""
    rough: NDArray[np.floating] = np.log(total / variance)
    return rough


def _offsets(
    binned: Callable[..., Curve], mean: NDArray[np.floating], errors: NDArray[np.floating]
) -> Curve:
    """Return the mean error of each bin: that of all pixels plus the shrunken deviation of the bin.

    Where photons are few, the mean of a single bin may be due to chance, but not that of all.
    """
    whole = errors.mean(1, keepdims=True, dtype=np.float64)
    curve = binned(_shrunken_mean, mean, errors - whole)
    return Curve(curve.at, curve.value + whole)


def _shrunken_mean(errors: NDArray[np.floating]) -> float:
    """Return the mean, shrunk by its expected sampling error (James & Stein 1961)."""
    mean, chance = float(errors.mean()), float(errors.var()) / errors.size
    return mean * max(0.0, 1 - chance / max(mean**2, 1e-30))


def _variance_ratio(squares: NDArray[np.floating], total: NDArray[np.floating]) -> float:
    return max(float(squares.mean()) / float(total.mean()), 1e-6)
