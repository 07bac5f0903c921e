"""Isolated pixels far off their surroundings: hot and dead pixels of a detector, cosmic rays.

Optics blur everything over several pixels, so that what is bright shines into its neighbours. A
pixel whose neighbours have none of its light, although it lies far beyond the noise, was not
imaged. In an undersampled image the smallest spots look the same. They are told apart by what the
rest of the picture holds: a pixel is certainly an outlier if it lies far beyond all values that
several neighbouring pixels share, or if its exact value recurs in others like it, as that of
saturated or stuck pixels. Other isolated pixels are uncertain: they may be either.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

PATCH = 16
"""Side in pixels of the patches in which the noise is measured."""
BINS = 12
"""Levels of intensity between which the noise is told apart."""
TRIMMED, KEPT = 0.02, 0.87
"""Share of the largest differences that is left out, and what is left of a Gaussian's variance."""
MOST_OF, OF_MOST = 0.8, 1.642
"""A quantile of the squares of Gaussian numbers of variance 1: few outliers do not change it."""
FAR, FARTHEST = 5.0, 8.0
"""Standard deviations, on the scale on which photon noise is the same everywhere, from which on a
pixel is far off, and too far for noise. If more lie between the two than beyond, the noise itself
has a long tail, and only the brightest are outliers."""
REACH = 3
"""Pixels around a candidate that are looked at."""
LARGEST = 3
"""Connected pixels of an outlier at most; a cosmic ray may hit several."""
HEIGHT = 0.25
"""Share of its height at which its neighbours count to it: those of a spot of 0.6 pixels do."""
CONTRAST, TEXTURE = 1.5, 2.0
"""How far it lies off, at least, for the range of what is around it, and in standard deviations of
that, by which most pixels of textures are told at once."""
BEYOND = 30.0
"""Ranges of the picture by which a certain outlier lies beyond it."""
BELOW = 0.5
"""The same for dark pixels, as nothing is darker than no light."""
ALIKE, ALIKE_SHARE = 3, 0.25
"""Candidates of the same exact value at least, and as a share of all, that are stuck pixels."""
FULL_SCALES = tuple(2**bits - 1 for bits in (10, 11, 12, 13, 14, 15, 16))
"""Largest values of detectors' digitisers."""
MOST = 0.1
"""Share of the pixels above which isolated ones are no exceptions but the noise itself."""

Mask = NDArray[np.bool_]


class Noise(NamedTuple):
    """The noise of a picture as far as finding outliers needs it.

    Attributes
    ----------
    gain : float
        Intensity of one photon, or what the noise is like.
    low : float
        Intensity without light.
    read : float
        Variance of the noise there.
    """

    gain: float
    low: float
    read: float

    def stabilise(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """Bring intensities to a scale on which the standard deviation of the noise is about 1.

        It is Anscombe's (Biometrika 1948) for noise of photons and electronics, and straight below
        the intensity without light, where there is no noise of photons.
        """
        offset = self.read / self.gain**2 + 0.375
        light = (values - self.low) / self.gain
        above, below = np.maximum(light, 0), np.minimum(light, 0)
        stable: NDArray[np.floating] = 2 * np.sqrt(above + offset) + below / offset**0.5
        return stable


class Outliers(NamedTuple):
    """Isolated pixels far off their surroundings.

    Attributes
    ----------
    certain, uncertain : ndarray of bool, shape (Y, X)
    """

    certain: Mask
    uncertain: Mask


def find_outliers(picture: NDArray[np.floating], known: Mask, noise: Noise) -> Outliers:
    """Find isolated pixels far off their surroundings.

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
    """Measure the noise by differences of neighbouring pixels; structure counts to it.

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
    blocks = gone[: rows * height, : columns * width].reshape(rows, height, columns, width)
    patches = blocks.swapaxes(1, 2).reshape(-1, height, width)
    across = np.diff(np.diff(patches, axis=1), axis=2).reshape(len(patches), -1) ** 2 / 4
    full = np.isfinite(across).mean(1) > 0.5
    if not full.any():
        return Noise(1.0, low, float(values.var()))
    across, patches = across[full], patches[full].reshape(int(full.sum()), -1)
    limit, most = _quantiles(across, (1 - TRIMMED, MOST_OF))
    variance = most / OF_MOST
    # Single photons: most differences are zero.
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
    if not np.median(variances):  # nothing in between: the steps between values are photons
        least = float(np.diff(np.unique(values)).min(initial=np.inf))
    return Noise(max(gain, least), low, read)


def _candidates(picture: NDArray[np.floating], known: Mask, noise: Noise) -> Mask:
    """Find pixels that may be outliers, by the mean of those around and how they differ."""
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
    """Gather what is around candidates, ``(candidates, side, side)``, NaN beyond the borders."""
    padded = np.pad(picture, REACH, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * REACH + 1,) * 2)
    around: NDArray[np.floating] = windows[tuple(at.T)]
    return around


def _examine(
    around: NDArray[np.floating],
) -> tuple[NDArray[np.floating], NDArray[np.floating], Mask]:
    """Give the values of candidates, the level of what is around, and which are isolated."""
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
    """Give quantiles of each row, NaN left out; a row of nothing else gives NaN."""
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
    """Say which isolated pixels are certainly outliers, by the rest of the picture.

    With them the values that hardly any but isolated pixels have: some of those lie side by side.
    """
    bright = value > level
    bottom, top = _shared_range(np.where(rest, picture, np.nan))
    span = max(top - bottom, 1e-30)
    certain = np.where(bright, value > top + BEYOND * span, value < bottom - BELOW * span)
    certain |= bright & np.isin(value, FULL_SCALES) & (value > top)
    certain |= ~bright & (value <= picture[rest].min())
    unique, which, counts = np.unique(value, return_inverse=True, return_counts=True)
    stuck = counts >= max(ALIKE, ALIKE_SHARE * len(value))
    others = np.zeros(len(unique))
    for number in np.flatnonzero(stuck):
        others[number] = np.count_nonzero(picture[rest] == unique[number])
    stuck &= others <= counts
    result: Mask = certain | stuck[which.reshape(-1)]
    return result, unique[stuck & (2 * others <= counts)]


def _shared_range(picture: NDArray[np.floating]) -> tuple[float, float]:
    """Give the range of values that at least two of four neighbouring pixels reach."""
    height, width = (size // 2 * 2 for size in picture.shape)
    blocks = picture[:height, :width].reshape(height // 2, 2, width // 2, 2)
    four = np.sort(blocks.swapaxes(1, 2).reshape(-1, 4), axis=1)
    four = four[np.isfinite(four).all(1)]
    if not len(four):
        return float(np.nanmin(picture)), float(np.nanmax(picture))
    return float(np.quantile(four[:, 1], 0.001)), float(np.quantile(four[:, 2], 0.999))
