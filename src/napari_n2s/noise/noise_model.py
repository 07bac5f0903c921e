"""The noise model of a camera, fitted to a blind prediction, and the posterior that it gives.

The variance of a camera's noise is a gain times the intensity plus an offset (photon noise, then
electronic noise). A blind-spot network predicts the mean μ of each pixel and the total variance t
of the noisy pixel around it. Where t is smallest the image is smooth, and the squared residuals
there measure the noise. With σ²(μ) known, t - σ²(μ) is the network's own uncertainty about the
truth, and Bayes' rule weighs prediction against pixel (Laine et al., NeurIPS 2019; Batson & Royer
2019, supplement).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_BINS = 16
"""Levels of intensity for which the noise is estimated."""
SMOOTHEST = 0.25
"""Fraction of the pixels of each bin that is taken for smooth."""
MIN_PIXELS = 50
"""Pixels in a bin, at least."""
TOLERANCE = 0.003
"""Error of a bin's variance that does not matter, relative to the largest."""
SATURATION = 2.0
"""Standard deviations below the brightest pixel from which on saturation truncates the noise."""
CHANCE, ROUNDS, MAJORITY = 2.0, 20, 0.5
"""Standard errors by which a bin may lie off the line by chance, number of fits in which bins above
it are down-weighted, and fraction of the bins that must lie on it in the end."""
SPAN = 0.3
"""Minimum range of intensity of these bins, relative to that of all: bins of a dark background
alone say nothing of the noise of what is bright."""
FLOOR = 0.3
"""Lower bound of the curve, relative to the smallest variance measured."""
MAX_DEVIATION = 3.0
"""Standard deviations from its prediction beyond which a noisy pixel is winsorised."""
CURVE_ERROR = 0.06
"""Relative error of the noise curve, either way."""
MEMORISED = 0.001
"""Memorised fraction of the noise; Stein's unbiased risk estimate (SURE) assumes none."""
PRIOR_DEVIATION = 0.2
"""Standard deviation of the best weight of a second estimate over images."""
NORMAL = 0.455
"""Median of the square of a standard normal variable, whose mean is 1."""
HEAVY_TAILED, REGULAR = 0.25, 0.35
"""Median over mean of the squared residuals, relative to a normal distribution's, at which the
weight of the posterior is 0 and 1."""


@dataclass(frozen=True)
class NoiseCurve:
    """The variance of the noise as a linear function of intensity, for each channel.

    Attributes
    ----------
    gain, offset : ndarray, shape (C,)
        Variance = gain * mean + offset.
    least : ndarray, shape (C,)
        Lower bound of the variance.
    """

    gain: NDArray[np.float64]
    offset: NDArray[np.float64]
    least: NDArray[np.float64]

    def variance(self, mean: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return the variance of the noise for means ``(C, *space)``."""
        gain, offset, least = (
            each.astype(mean.dtype).reshape(-1, *(1,) * (mean.ndim - 1))
            for each in (self.gain, self.offset, self.least)
        )
        curve: NDArray[np.floating] = np.maximum(gain * mean + offset, least)
        return curve


def noise_from_residuals(
    mean: NDArray[np.floating], total: NDArray[np.floating], noisy: NDArray[np.floating]
) -> NoiseCurve:
    """Fit the noise curve to the residuals of a blind prediction.

    Parameters
    ----------
    mean, total : ndarray, shape (C, pixels)
        Predicted mean, and variance of the noisy pixel around it.
    noisy : ndarray, shape (C, pixels)
    """
    lines = [_fit_unsaturated(*channel) for channel in zip(mean, total, noisy, strict=True)]
    return NoiseCurve(*(np.array(each) for each in zip(*lines, strict=True)))


def posterior_weight(
    mean: NDArray[np.floating], total: NDArray[np.floating], noisy: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Weigh the posterior against the blind prediction in each channel, 0 to 1.

    It assumes normal residuals. Where a few pixels, such as hot ones or single photons in the dark,
    dominate their mean square, no curve describes the noise, and the prediction is kept.

    Parameters
    ----------
    mean, total, noisy : ndarray, shape (C, pixels)
    """
    squares = (noisy - mean) ** 2 / total
    ratio = np.median(squares, 1) / (NORMAL * np.maximum(squares.mean(1), 1e-30))
    span = REGULAR - HEAVY_TAILED
    weight: NDArray[np.float64] = np.clip((ratio - HEAVY_TAILED) / span, 0, 1)
    return weight


def posterior(
    mean: NDArray[np.floating],
    total: NDArray[np.floating],
    noisy: NDArray[np.floating],
    noise: NoiseCurve,
    weight: NDArray[np.float64],
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Average each noisy pixel and its prediction, weighted by the inverse of their variances.

    All arrays are ``(C, *space)`` but `weight`, ``(C,)``. With prior variance v = max(total - σ²,
    0) the posterior mean is (σ² mean + v noisy) / (σ² + v); the estimate is on the way to it from
    the mean by `weight`. Noisy pixels are winsorised first.

    Returns
    -------
    tuple of ndarray
        The estimate, and the posterior variance σ² v / (σ² + v), its expected squared error.
    """
    variance = noise.variance(mean)
    share = np.maximum(1 - variance / total, 0)
    weight = weight.astype(mean.dtype).reshape(-1, *(1,) * (mean.ndim - 1))
    clipped = winsorise(mean, total, noisy)
    return mean + weight * share * (clipped - mean), share * variance


def winsorise(
    mean: NDArray[np.floating], total: NDArray[np.floating], noisy: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Limit each noisy pixel to `MAX_DEVIATION` standard deviations from its prediction."""
    limit = MAX_DEVIATION * np.sqrt(total)
    winsorised: NDArray[np.floating] = np.clip(noisy, mean - limit, mean + limit)
    return winsorised


def prior_weight(
    estimate: NDArray[np.floating],
    promised: NDArray[np.floating],
    other: NDArray[np.floating],
    there: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Weigh a second estimate of unknown error by its distance from a first of known error.

    All are ``(C, *space)`` but `there`, ``(*space)``, which marks the pixels that have a value. Two
    independent estimates with the error of the first differ by twice that error in the mean square.
    If they differ by no more, they are weighed equally; if by more, the excess is the second's
    error, and its weight is accordingly less.
    """
    apart = ((other - estimate) ** 2)[:, there].mean(1)
    ratio = promised[:, there].mean(1) / np.maximum(apart, 1e-30)
    weight: NDArray[np.float64] = np.minimum(ratio, 0.5).astype(np.float64)
    return weight


def sure_weight(
    mean: NDArray[np.floating],
    total: NDArray[np.floating],
    noisy: NDArray[np.floating],
    variance: NDArray[np.floating],
    other: NDArray[np.floating],
    response: NDArray[np.floating],
    posterior_weight: NDArray[np.floating],
    prior: NDArray[np.floating],
) -> float:
    """Find the weight of a second estimate, mixed with the posterior, that minimises the error.

    The covariance of an estimate with independent noise of known variance is that variance times
    the estimate's derivative by its own pixel (Stein, Ann. Statist. 1981), so that the error of a
    mixture against the truth follows without the truth (SURE). The noise curve is inexact, and
    trained weights have memorised a little of the noise, which the derivative does not show: the
    more either would change the weight found, the more a prior weight counts.

    Parameters
    ----------
    mean, total, noisy, variance, other : ndarray, shape (pixels,)
        Blind mean and variance, the noisy pixels, the variance of their noise, and the second
        estimate.
    response : ndarray, shape (pixels,)
        Derivative of the second estimate by its own pixel; unbiased, but possibly noisy.
    posterior_weight : ndarray, shape (pixels,)
        Weight with which the posterior was mixed into the blind mean.
    prior : ndarray, shape (pixels,)
        Weight of the second estimate that is usual on other images.

    Returns
    -------
    float
        0 to 1.
    """
    weights, errors = [], []
    for factor in (1 - CURVE_ERROR, 1, 1 + CURVE_ERROR):
        noise = factor * variance
        share = posterior_weight * np.maximum(1 - noise / total, 0)
        clipped = winsorise(mean, total, noisy)
        own_response = share * (clipped == noisy)
        estimate = mean + share * (clipped - mean)
        apart = other - estimate
        gain = (noisy - estimate) * apart - noise * (response - own_response)
        squares = max(float(np.mean(apart**2)), 1e-30)
        weights.append(float(np.mean(gain)) / squares)
        chance = float(np.var(gain)) / gain.size
        errors.append((chance + (MEMORISED * float(np.mean(noise))) ** 2) / squares**2)
    error, spread = np.var(weights, ddof=1) + np.mean(errors), PRIOR_DEVIATION**2
    found = (spread * np.mean(weights) + error * np.mean(prior)) / (spread + error)
    return float(np.clip(found, 0, 1))


def _fit_unsaturated(
    mean: NDArray[np.floating], total: NDArray[np.floating], noisy: NDArray[np.floating]
) -> tuple[float, float, float]:
    """Fit the curve to the pixels whose noise is not truncated by saturation."""
    squares = (noisy - mean) ** 2
    gain, offset, least = _line(mean, total, squares)
    deviation = np.sqrt(np.maximum(gain * mean + offset, least))
    whole = mean + SATURATION * deviation < noisy.max()
    if whole.all() or whole.sum() < MIN_PIXELS:
        return gain, offset, least
    return _line(mean[whole], total[whole], squares[whole])


def _line(
    mean: NDArray[np.floating], total: NDArray[np.floating], squares: NDArray[np.floating]
) -> tuple[float, float, float]:
    """Fit gain and offset to the smoothest pixels of each bin of the mean, by relative error."""
    order = np.argsort(mean)
    bins = []
    for part in np.array_split(order, max(1, min(MAX_BINS, order.size // MIN_PIXELS))):
        smooth = part[np.argsort(total[part])[: max(1, round(SMOOTHEST * part.size))]]
        centre, level = float(mean[smooth].mean()), float(squares[smooth].mean())
        bins.append((centre, level, float(squares[smooth].std()) / smooth.size**0.5))
    centres, floors, errors = np.array(bins).T
    level = np.maximum(floors, 1e-12)
    # Without the tolerance, bins without any noise would decide alone.
    gain, offset = _fit_line(centres, level, errors, 1 / (level + TOLERANCE * level.max()))
    return gain, offset, FLOOR * float(level.min())


def _fit_line(
    centres: NDArray[np.float64],
    levels: NDArray[np.float64],
    errors: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> tuple[float, float]:
    """Fit gain and offset of the noise to its variance in bins of intensity.

    Where an image is smooth nowhere, structure adds to the variance: bins above the line by more
    than chance are down-weighted, provided that most bins then lie on it, over a range of
    intensity. Otherwise the noise does not follow a line, and all bins count.

    Parameters
    ----------
    centres, levels, errors, weights : ndarray, shape (bins,)
        Mean intensity, variance of the noise, its standard error, and weight of each bin.
    """
    points = np.stack([centres, np.ones_like(centres)], 1)

    def fit(weight: NDArray[np.float64]) -> NDArray[np.float64]:
        found, *_ = np.linalg.lstsq(points * weight[:, None], levels * weight, rcond=None)
        return found.astype(np.float64)

    least, chance = TOLERANCE * float(levels.max()), float(np.median(errors / levels))

    def off(line: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the heights of bins above a line, in standard errors of a bin that lies on it."""
        expected = points @ line
        return (levels - expected) / (chance * np.maximum(expected, least))

    plain = line = fit(weights)
    for _ in range(ROUNDS):
        line = fit(weights / np.maximum(off(line) / CHANCE, 1))
    counted = levels > least
    on_it = counted & (np.abs(off(line)) < CHANCE)
    most = on_it.sum() > MAJORITY * counted.sum()
    gain, offset = line if most and np.ptp(centres[on_it]) > SPAN * np.ptp(centres) else plain
    return float(gain), float(offset)
