"""Isolated outliers: hot and dead detector pixels, and cosmic rays.

The point spread function blurs every object over several pixels. A pixel far beyond the noise whose
neighbours have none of its light was therefore not imaged. In an undersampled image the smallest
spots look the same. A pixel is a certain outlier if it lies far beyond all values that several
neighbouring pixels share, or if its exact value recurs in other candidates, as in saturated or
stuck pixels. Other isolated pixels are uncertain: they may be either.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.util import view_as_blocks

PATCH = 16
"""Side in pixels of the patches in which the noise is measured."""
BINS = 12
"""Levels of intensity for which the noise is measured."""
TRIMMED, KEPT = 0.02, 0.87
"""Fraction of the largest squares that is left out, and what remains of a Gaussian's variance."""
MOST_OF, OF_MOST = 0.8, 1.642
"""A quantile of squared standard normal values, and its value: robust against outliers."""
FAR, FARTHEST = 5.0, 8.0
"""Standard deviations after variance stabilisation from which on a pixel is a candidate, and too
far for noise. If more candidates lie between the two than beyond, the noise has a long tail, and
only the brightest are outliers."""
REACH = 3
"""Radius in pixels of the neighbourhood of a candidate that is examined."""
LARGEST = 3
"""Connected pixels of an outlier, at most; a cosmic ray may hit several."""
HEIGHT = 0.25
"""Fraction of its height from which on neighbours belong to it, as those of a spot of standard
deviation 0.6 pixels do."""
CONTRAST, TEXTURE = 1.5, 2.0
"""Distance of a candidate from its surroundings, at least, relative to their range and in their
standard deviations; the latter quickly rules out most pixels of textures."""
BEYOND = 30.0
"""Distance of a certain bright outlier above the range of the image, in such ranges."""
BELOW = 0.5
"""The same for dark outliers, below the range."""
STUCK, STUCK_FRACTION = 3, 0.25
"""Candidates of exactly one value, in number and as a fraction of all, that are stuck pixels."""
FULL_SCALES = tuple(2**bits - 1 for bits in (10, 11, 12, 13, 14, 15, 16))
"""Largest values of analogue-to-digital converters."""
MOST = 0.1
"""Fraction of the pixels above which isolated ones are the noise itself."""

Mask = NDArray[np.bool_]


class Noise(NamedTuple):
    """A noise model of an image, as precise as finding outliers requires.

    Attributes
    ----------
    gain : float
        Intensity of one photon, or its equivalent for other noise.
    low : float
        Intensity without light.
    read : float
        Variance of the noise at `low`.
    """

    gain: float
    low: float
    read: float

    def stabilise(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """Transform intensities so that the standard deviation of the noise is about 1.

        It is the generalised Anscombe transform (Biometrika 1948) for Poisson and Gaussian noise,
        continued linearly below `low`, where there is no photon noise.
        """
        offset = self.read / self.gain**2 + 0.375
        light = (values - self.low) / self.gain
        above, below = np.maximum(light, 0), np.minimum(light, 0)
        stable: NDArray[np.floating] = 2 * np.sqrt(above + offset) + below / offset**0.5
        return stable


class Outliers(NamedTuple):
    """Isolated pixels far from the values around them.

    Attributes
    ----------
    certain, uncertain : ndarray of bool, shape (Y, X)
    """

    certain: Mask
    uncertain: Mask


def find_outliers(picture: NDArray[np.floating], known: Mask, noise: Noise) -> Outliers:
    """Find isolated pixels far from the values around them.

    Parameters
    ----------
    picture : ndarray of float64, shape (Y, X)
    known : ndarray of bool, shape (Y, X)
        Pixels that have a value and do not lie in constant areas.
    noise : Noise
    """
    none = np.zeros(picture.shape, bool)
    at = np.argwhere(_candidates(picture, known, noise))
    if not len(at):
        return Outliers(none, none)
    around = _gather(np.where(known, picture, np.nan), at)
    value, level, isolated = _examine(around)
    far = np.abs(noise.stabilise(value) - noise.stabilise(level))
    tail = int((isolated & (far > FAR) & (far <= FARTHEST)).sum())
    isolated &= far > FARTHEST
    at, value, level = at[isolated], value[isolated], level[isolated]
    if not len(at) or len(at) > MOST * known.sum():
        return Outliers(none, none)
    rest = known.copy()
    rest[tuple(at.T)] = False
    sure, stuck = _certain(picture, rest, value, level)
    if len(at) <= tail:
        sure &= value > level
    certain, uncertain = known & np.isin(picture, stuck), none.copy()
    certain[tuple(at[sure].T)] = True
    if (~sure).sum() > tail:
        uncertain[tuple(at[~sure].T)] = True
    return Outliers(certain, uncertain)


def measure_noise(picture: NDArray[np.floating], known: Mask) -> Noise:
    """Measure the noise by differences of neighbouring pixels, which include structure.

    Parameters
    ----------
    picture : ndarray of float64, shape (Y, X)
    known : ndarray of bool, shape (Y, X)
    """
    values = picture[known]
    low = float(np.quantile(values, 0.001))
    gone = np.where(known, picture, np.nan)
    height, width = (min(PATCH, size) for size in picture.shape)
    rows, columns = picture.shape[0] // height, picture.shape[1] // width
    whole = gone[: rows * height, : columns * width]
    patches = view_as_blocks(whole, (height, width))  # type: ignore[no-untyped-call]
    patches = patches.reshape(-1, height, width)
    across = np.diff(np.diff(patches, axis=1), axis=2).reshape(len(patches), -1) ** 2 / 4
    full = np.isfinite(across).mean(1) > 0.5
    if not full.any():
        return Noise(1.0, low, float(values.var()))
    across, patches = across[full], patches[full].reshape(int(full.sum()), -1)
    limit, most = _quantiles(across, (1 - TRIMMED, MOST_OF))
    variance = most / OF_MOST
    # With single photons most differences are zero, and so is the quantile.
    trimmed = np.nanmean(np.where(across <= limit[:, None], across, np.nan), 1) / KEPT
    variance = np.where(variance > 0, variance, trimmed)
    (level,) = _quantiles(patches, (0.5,))
    average = np.nanmean(np.minimum(patches, np.quantile(values, 1 - TRIMMED)), 1)
    bins = np.array_split(np.argsort(average), min(BINS, len(average)))
    levels = np.array([average[each].mean() for each in bins])
    variances = np.array([np.median(variance[each]) for each in bins])
    read = float(variances.min())
    rises = (variances - 0.5 * read) / np.maximum(levels - low, 1e-12 + 0.01 * np.ptp(level))
    gain = float(np.quantile(rises[variances > 0], 0.75)) if (variances > 0).any() else 0.0
    least = 1e-6 * float(np.ptp(values)) or 1.0
    if not np.median(variances):  # few photons: the steps between values are single ones
        least = float(np.diff(np.unique(values)).min(initial=np.inf))
    return Noise(max(gain, least), low, read)


def _candidates(picture: NDArray[np.floating], known: Mask, noise: Noise) -> Mask:
    """Find pixels that may be outliers, by mean and standard deviation of those around."""
    weight = known.astype(float)

    def around(values: NDArray[np.floating]) -> NDArray[np.floating]:
        wide, near = (ndi.uniform_filter(values, n, mode="reflect") * n**2 for n in (5, 3))
        total: NDArray[np.floating] = wide - near
        return total

    middle = picture[known].mean()
    filled = np.where(known, picture - middle, 0.0)
    count = np.maximum(around(weight), 1)
    level = around(filled) / count
    varies = np.maximum(around(filled**2) / count - level**2, 0)
    far = np.abs(noise.stabilise(picture) - noise.stabilise(level + middle)) > FAR
    candidates: Mask = far & known & ((filled - level) ** 2 > TEXTURE**2 * varies)
    return candidates


def _gather(picture: NDArray[np.floating], at: NDArray[np.intp]) -> NDArray[np.floating]:
    """Gather the neighbourhoods of candidates, ``(candidates, side, side)``; NaN beyond borders."""
    padded = np.pad(picture, REACH, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * REACH + 1,) * 2)
    around: NDArray[np.floating] = windows[tuple(at.T)]
    return around


def _examine(
    around: NDArray[np.floating],
) -> tuple[NDArray[np.floating], NDArray[np.floating], Mask]:
    """Return values of candidates, the level around them, and which are isolated."""
    count, side, _ = around.shape
    value = around[:, REACH, REACH].copy()
    inner = around[:, REACH - 2 : REACH + 3, REACH - 2 : REACH + 3].reshape(count, -1)
    (level,) = _quantiles(inner, (0.5,))
    height = (value - level)[:, None, None]
    with np.errstate(invalid="ignore"):
        shares = (around - level[:, None, None]) / np.where(height, height, 1) > HEIGHT
    own = np.zeros_like(shares)
    own[:, REACH, REACH] = True
    for _ in range(REACH):
        own = ndi.binary_dilation(own, np.ones((1, 3, 3), bool)) & shares
    rest = np.where(own, np.nan, around).reshape(count, side**2)
    low, high = _quantiles(rest, (0.05, 0.95))
    isolated = own.sum((1, 2)) <= LARGEST
    isolated &= np.abs(value - level) > CONTRAST * (high - low)
    return value, level, isolated


def _quantiles(rows: NDArray[np.floating], shares: tuple[float, ...]) -> list[NDArray[np.floating]]:
    """Return quantiles of each row, NaN left out; a row of nothing else gives NaN."""
    ordered = np.sort(rows, axis=1)
    last = np.maximum(np.isfinite(ordered).sum(1) - 1, 0)
    every = np.arange(len(rows))
    return [ordered[every, np.rint(share * last).astype(int)] for share in shares]


def _certain(
    picture: NDArray[np.floating],
    rest: Mask,
    value: NDArray[np.floating],
    level: NDArray[np.floating],
) -> tuple[Mask, NDArray[np.floating]]:
    """Decide which isolated pixels are certain outliers, by the rest of the image.

    Also give the values that almost only isolated pixels have: stuck pixels may lie side by side.
    """
    bright = value > level
    bottom, top = _shared_range(np.where(rest, picture, np.nan))
    span = max(top - bottom, 1e-30)
    certain = np.where(bright, value > top + BEYOND * span, value < bottom - BELOW * span)
    certain |= bright & np.isin(value, FULL_SCALES) & (value > top)
    certain |= ~bright & (value <= picture[rest].min())
    unique, which, counts = np.unique(value, return_inverse=True, return_counts=True)
    stuck = counts >= max(STUCK, STUCK_FRACTION * len(value))
    others = np.zeros(len(unique))
    for number in np.flatnonzero(stuck):
        others[number] = np.count_nonzero(picture[rest] == unique[number])
    stuck &= others <= counts
    result: Mask = certain | stuck[which.reshape(-1)]
    return result, unique[stuck & (2 * others <= counts)]


def _shared_range(picture: NDArray[np.floating]) -> tuple[float, float]:
    """Return the range of values that at least two of four neighbouring pixels reach."""
    height, width = (size // 2 * 2 for size in picture.shape)
    blocks = view_as_blocks(picture[:height, :width], (2, 2))  # type: ignore[no-untyped-call]
    four = np.sort(blocks.reshape(-1, 4), axis=1)
    four = four[np.isfinite(four).all(1)]
    if not len(four):
        return float(np.nanmin(picture)), float(np.nanmax(picture))
    return float(np.quantile(four[:, 1], 0.001)), float(np.quantile(four[:, 2], 0.999))
