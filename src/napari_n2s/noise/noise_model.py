"""The noise of a camera, read off a blind network, and the posterior that puts the pixel back.

A camera's noise variance is a gain times the intensity plus an offset (photons, then electronics).
A network that predicts from the surroundings each pixel's mean μ and the total variance t of the
noisy pixel around it has seen that noise at work: where t is smallest the picture is smooth, and
what is left of the squared residuals there is noise. With σ²(μ) known, the part t - σ²(μ) is the
network's own uncertainty about the truth, and Bayes' rule weighs prediction against pixel (Laine
et al., NeurIPS 2019; Batson & Royer 2019, supplement).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 16
SMOOTHEST = 0.25
"""Share of the pixels of each bin that is taken to be smooth."""
FEWEST = 50
"""Pixels that a bin needs."""
TOLERANCE = 0.003
"""Error of a bin, as a share of the largest noise, that does not matter."""
CUT_OFF = 2.0
"""Standard deviations below the brightest pixel from which on noise is not whole."""
CHANCE, ROUNDS, MOST = 2.0, 20, 0.5
"""Standard errors by which a bin may lie off the line, how often the line is fitted anew without
what lies above, and the share of the bins that have to lie on it then."""
FLOOR = 0.3
"""The curve never falls below this share of the least noise that was seen."""
FARTHEST = 3.0
"""Standard deviations off its prediction up to which a pixel is believed: hot ones lie farther."""
DOUBT = 0.06
"""By how much the curve may be wrong, either way."""
KNOWN = 0.001
"""What share of the noise weights that were trained on it may know: Stein's lemma takes them not to
hang on it."""
VARIES = 0.2
"""By how much what another estimate should count varies from image to image."""
NORMAL = 0.455
"""Median of the square of a standard normal number, of which the mean is 1."""
STRANGE, USUAL = 0.25, 0.35
"""Medians of the squared residuals that are not normal, and that are, as shares of what is."""


@dataclass(frozen=True)
class NoiseCurve:
    """The variance of the noise as a straight line over intensity, for each channel.

    Attributes
    ----------
    gain, offset : ndarray, shape (C,)
        Variance = gain * mean + offset.
    least : ndarray, shape (C,)
        The variance is never less than this.
    """

    gain: NDArray[np.float64]
    offset: NDArray[np.float64]
    least: NDArray[np.float64]

    def variance(self, mean: NDArray[np.floating]) -> NDArray[np.floating]:
        """Give the variance of the noise for means ``(C, *space)``."""
        gain, offset, least = (
            each.astype(mean.dtype).reshape(-1, *(1,) * (mean.ndim - 1))
            for each in (self.gain, self.offset, self.least)
        )
        curve: NDArray[np.floating] = np.maximum(gain * mean + offset, least)
        return curve


def read_noise(
    mean: NDArray[np.floating], total: NDArray[np.floating], noisy: NDArray[np.floating]
) -> NoiseCurve:
    """Read the noise curve off a blind prediction.

    Parameters
    ----------
    mean, total : ndarray, shape (C, pixels)
        Predicted mean, and variance of the noisy pixel around it.
    noisy : ndarray, shape (C, pixels)
    """
    lines = [_read(*channel) for channel in zip(mean, total, noisy, strict=True)]
    return NoiseCurve(*(np.array(each) for each in zip(*lines, strict=True)))


def posterior_weight(
    mean: NDArray[np.floating], total: NDArray[np.floating], noisy: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Say how far the posterior is to be trusted in each channel, 0 to 1.

    It takes residuals for normal. Where a few pixels hold most of their squares, as hot ones or
    single photons in the dark, no curve tells what is noise, and what is predicted stays as it is.

    Parameters
    ----------
    mean, total, noisy : ndarray, shape (C, pixels)
    """
    squares = (noisy - mean) ** 2 / total
    usual = np.median(squares, 1) / (NORMAL * np.maximum(squares.mean(1), 1e-30))
    trust: NDArray[np.float64] = np.clip((usual - STRANGE) / (USUAL - STRANGE), 0, 1)
    return trust


def posterior(
    mean: NDArray[np.floating],
    total: NDArray[np.floating],
    noisy: NDArray[np.floating],
    noise: NoiseCurve,
    trust: NDArray[np.float64],
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Mix each noisy pixel with its prediction, each by the other's variance.

    All arrays are ``(C, *space)`` but `trust`, ``(C,)``. With prior variance v = max(total - σ², 0)
    the posterior mean is (σ² mean + v noisy) / (σ² + v), of which a share of `trust` is taken. A
    pixel that lies too far off to be believed is taken to lie as far off as may be.

    Returns
    -------
    tuple of ndarray
        The estimate, and the posterior's variance σ² v / (σ² + v): the squared error it promises.
    """
    variance = noise.variance(mean)
    weight = np.maximum(1 - variance / total, 0)
    share = trust.astype(mean.dtype).reshape(-1, *(1,) * (mean.ndim - 1))
    believed = believe(mean, total, noisy)
    return mean + share * weight * (believed - mean), weight * variance


def believe(
    mean: NDArray[np.floating], total: NDArray[np.floating], noisy: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Take each pixel to lie no farther off its prediction than may be believed."""
    farthest = FARTHEST * np.sqrt(total)
    believed: NDArray[np.floating] = np.clip(noisy, mean - farthest, mean + farthest)
    return believed


def usual_share(
    estimate: NDArray[np.floating],
    promised: NDArray[np.floating],
    other: NDArray[np.floating],
    there: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Say what another estimate, of which nothing is promised, counts beside one.

    All are ``(C, *space)`` but `there`, ``(*space)``, which says what pixels have a value. Two
    estimates with the error that the first promises, independent of each other, differ by twice
    that. If they differ by no more, they count the same; if by more, the excess is the other's
    error, and it counts accordingly less.
    """
    apart = ((other - estimate) ** 2)[:, there].mean(1)
    usual = promised[:, there].mean(1) / np.maximum(apart, 1e-30)
    share: NDArray[np.float64] = np.minimum(usual, 0.5).astype(np.float64)
    return share


def best_share(
    mean: NDArray[np.floating],
    total: NDArray[np.floating],
    noisy: NDArray[np.floating],
    variance: NDArray[np.floating],
    other: NDArray[np.floating],
    response: NDArray[np.floating],
    trust: NDArray[np.floating],
    usual: NDArray[np.floating],
) -> float:
    """Find what another estimate should count beside the posterior to make the error least.

    Noise of known variance that is independent from pixel to pixel correlates with an estimate by
    that variance times the estimate's response to its own pixel (Stein, Ann. Statist. 1981), so
    that the error of a mix against the truth can be had without the truth. The noise curve is known
    roughly only, and weights that were trained on the noise know a little of it, which the response
    does not tell: the more either may change the answer, the more what is usual decides.

    Parameters
    ----------
    mean, total, noisy, variance, other : ndarray, shape (pixels,)
        Blind mean and variance, the noisy pixels, their noise, and the other estimate.
    response : ndarray, shape (pixels,)
        Its derivative by its own pixel; it may be right on average only.
    trust : ndarray, shape (pixels,)
        What share of the posterior's weight was taken.
    usual : ndarray, shape (pixels,)
        What it counts elsewhere.

    Returns
    -------
    float
        0 to 1.
    """
    shares, doubts = [], []
    for factor in (1 - DOUBT, 1, 1 + DOUBT):
        noise = factor * variance
        weight = trust * np.maximum(1 - noise / total, 0)
        believed = believe(mean, total, noisy)
        answers = weight * (believed == noisy)
        estimate = mean + weight * (believed - mean)
        apart = other - estimate
        gain = (noisy - estimate) * apart - noise * (response - answers)
        squares = max(float(np.mean(apart**2)), 1e-30)
        shares.append(float(np.mean(gain)) / squares)
        chance = float(np.var(gain)) / gain.size
        doubts.append((chance + (KNOWN * float(np.mean(noise))) ** 2) / squares**2)
    doubt = np.var(shares, ddof=1) + np.mean(doubts)
    found = (VARIES**2 * np.mean(shares) + doubt * np.mean(usual)) / (VARIES**2 + doubt)
    return float(np.clip(found, 0, 1))


def _read(
    mean: NDArray[np.floating], total: NDArray[np.floating], noisy: NDArray[np.floating]
) -> tuple[float, float, float]:
    """Fit gain and offset where noise is whole: a camera that is saturated cuts it off."""
    squares = (noisy - mean) ** 2
    gain, offset, least = _line(mean, total, squares)
    deviation = np.sqrt(np.maximum(gain * mean + offset, least))
    whole = mean + CUT_OFF * deviation < noisy.max()
    if whole.all() or whole.sum() < FEWEST:
        return gain, offset, least
    return _line(mean[whole], total[whole], squares[whole])


def _line(
    mean: NDArray[np.floating], total: NDArray[np.floating], squares: NDArray[np.floating]
) -> tuple[float, float, float]:
    """Fit gain and offset to the smoothest pixels of each bin of the mean, by relative errors."""
    order = np.argsort(mean)
    bins = []
    for part in np.array_split(order, max(1, min(BINS, order.size // FEWEST))):
        smooth = part[np.argsort(total[part])[: max(1, round(SMOOTHEST * part.size))]]
        centre, level = float(mean[smooth].mean()), float(squares[smooth].mean())
        bins.append((centre, level, float(squares[smooth].std()) / smooth.size**0.5))
    centres, floors, errors = np.array(bins).T
    level = np.maximum(floors, 1e-12)
    # Bins that hold no noise at all must not decide alone.
    gain, offset = _fit_line(centres, level, errors, 1 / (level + TOLERANCE * level.max()))
    return gain, offset, FLOOR * float(level.min())


def _fit_line(
    centres: NDArray[np.float64],
    levels: NDArray[np.float64],
    errors: NDArray[np.float64],
    trust: NDArray[np.float64],
) -> tuple[float, float]:
    """Fit gain and offset of the noise to what was read of it in bins of intensity.

    Where a picture is smooth nowhere, structure is taken for noise: bins that lie above the line by
    more than chance explains count less, if most lie on it then. If they do not, noise follows no
    line, and all count.

    Parameters
    ----------
    centres, levels, errors, trust : ndarray, shape (bins,)
        Mean intensity, variance of the noise, its standard error, and weight of each bin.
    """
    points = np.stack([centres, np.ones_like(centres)], 1)

    def fit(weight: NDArray[np.float64]) -> NDArray[np.float64]:
        found, *_ = np.linalg.lstsq(points * weight[:, None], levels * weight, rcond=None)
        return found.astype(np.float64)

    least, chance = TOLERANCE * float(levels.max()), float(np.median(errors / levels))

    def off(line: NDArray[np.float64]) -> NDArray[np.float64]:
        """Say how far bins lie above a line, in standard errors of a bin that lies on it."""
        expected = points @ line
        return (levels - expected) / (chance * np.maximum(expected, least))

    plain = line = fit(trust)
    for _ in range(ROUNDS):
        line = fit(trust / np.maximum(off(line) / CHANCE, 1))
    on_it = np.abs(off(line))[levels > least] < CHANCE
    gain, offset = line if on_it.mean() > MOST else plain
    return float(gain), float(offset)
