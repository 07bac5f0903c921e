"""Fixed pattern of a detector: an offset of each pixel, the same in all frames.

A network that sees neighbouring frames takes it for structure. In the mean of many frames it stands
out from the noise, but so does structure that stands still. The pattern is as strong where the
image is smooth as elsewhere, and independent from pixel to pixel; structure is neither.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_n2s.noise.residuals import find_residuals
from napari_n2s.offsets.prediction import roughness

MIN_FRAMES, SIDE = 8, 512
"""Minimum number of frames, and side in pixels of the part in which a pattern is searched for."""
SMOOTHEST = (0.02, 0.05, 0.1, 0.2)
"""Fractions of the pixels in which it has to be equally strong, the smoothest."""
MIN_STRENGTH = 0.1
"""Minimum standard deviation of the pattern, relative to that of the noise of a frame."""
CERTAIN = 4.0
"""Standard errors by which its variance has to exceed 0 in the smoothest fraction."""
EQUAL = 1.4
"""Maximum ratio of its variances in these fractions: at most 1.25 for patterns from 0.2 of the
noise, and 3 for the finest texture."""
INDEPENDENT = (-0.4, 0.15)
"""Correlation of the pattern in adjacent pixels. It is negative for an independent pattern, from
which each pixel's prediction takes a part: -0.05 to -0.3."""
CLASSES = 8
"""Number of classes of roughness."""

Values = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


class FixedPattern(NamedTuple):
    """A fixed pattern.

    Attributes
    ----------
    values : ndarray, shape (Y, X)
        To be subtracted from each frame.
    strength : float
        Its standard deviation, relative to that of the noise of a frame.
    """

    values: Values
    strength: float


def find_fixed_pattern(
    frames: NDArray[Any], known: Mask, predict: Callable[[Values, Mask], Values]
) -> FixedPattern | None:
    """Estimate the fixed pattern of a movie.

    Parameters
    ----------
    frames : ndarray, shape (T, Y, X)
    known : ndarray of bool, shape (T, Y, X)
        Pixels that have a value and are not excluded.
    predict : callable
        Predicts images ``(N, Y, X)``, each pixel from its surroundings.

    Returns
    -------
    FixedPattern or None
        None if there is none for certain.
    """
    if len(frames) < MIN_FRAMES:
        return None
    parts = slice(len(frames) // 2), slice(len(frames) // 2, None)
    counts = np.stack([known[part].sum(0) for part in parts])
    there = counts.min(0) > 0
    if not there.any():
        return None
    halves = np.stack([_sum(frames[part], known[part]) for part in parts])
    halves = halves / np.maximum(counts, 1)
    mean = halves.mean(0)
    mean[~there] = halves[:, ~there] = np.median(mean[there])
    variances = _measure(halves, ~there, len(frames))
    if variances is None:
        return None
    variance, of_frame = variances
    rest = mean - predict(mean[None], there[None])[0]
    rough = roughness(mean - rest)
    limits = np.quantile(rough[there], np.linspace(0, 1, CLASSES + 1)[1:-1])
    kind = np.digitize(rough, limits)
    values = np.zeros_like(mean)
    for each in range(CLASSES):
        members = there & (kind == each)
        if members.any():
            total = float(np.mean(rest[members] ** 2))
            values[members] = min(1.0, variance / max(total, 1e-30)) * rest[members]
    return FixedPattern(values, float(np.sqrt(variance / of_frame)))


def _measure(halves: Values, missing: Mask, count: int) -> tuple[float, float] | None:
    """Return the variances of the pattern and of the noise of a frame; None if it is structure.

    The noise of the first and the second half of a movie is independent, even if that of adjacent
    frames is not: the product of their residuals is the variance of what both have in common.
    """
    middle = tuple(slice(max(0, (n - SIDE) // 2), (n + SIDE) // 2) for n in missing.shape)
    halves, missing = halves[(slice(None), *middle)], missing[middle]
    found = [find_residuals(each, missing, (0, 0)) for each in (halves.mean(0), *halves)]
    both, *own = found
    if both is None or None in own:
        return None
    one, other = (each.image - each.predicted for each in own if each is not None)
    common, noise = [], []
    for fraction in SMOOTHEST:
        smooth = both.smooth(fraction)
        common.append(float(np.mean((one * other)[smooth])))
        noise.append(float(np.var((one - other)[smooth])) / 2)
    of_frame = noise[-1] * count / 2
    error = noise[0] / both.smooth(SMOOTHEST[0]).sum() ** 0.5
    if of_frame == 0 or min(common) < max(MIN_STRENGTH**2 * of_frame, CERTAIN * error):
        return None
    adjacent = [_adjacent(one, other, smooth, axis) / common[-1] for axis in range(2)]
    independent = INDEPENDENT[0] < min(adjacent) and max(adjacent) < INDEPENDENT[1]
    equal = max(common) < EQUAL * min(common)
    return (common[-1], of_frame) if independent and equal else None


def _adjacent(one: Values, other: Values, smooth: Mask, axis: int) -> float:
    """Return the covariance of adjacent smooth pixels along an axis."""
    ahead, behind = (
        [np.moveaxis(each, axis, 0)[side] for each in (one, other, smooth)]
        for side in (slice(1, None), slice(None, -1))
    )
    products = ahead[0] * behind[1] + ahead[1] * behind[0]
    return float(np.mean(products[np.logical_and(ahead[2], behind[2])])) / 2


def _sum(frames: NDArray[Any], known: Mask) -> Values:
    total = np.zeros(frames.shape[1:])
    for frame, there in zip(frames, known, strict=True):
        np.add(total, frame, out=total, where=there)
    return total
