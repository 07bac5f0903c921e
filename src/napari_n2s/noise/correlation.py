"""Correlation of the noise between neighbouring pixels, and the blind spot that it asks for.

The correlation of noise is the same however smooth its surroundings, that of structure falls with
them: the least one found is taken. Fine texture all over an image cannot always be told from noise
that is correlated alike along both axes. Along one axis it can: texture in smooth parts rarely
prefers one, detectors that scan do.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from napari_n2s.images.axes import Context
from napari_n2s.noise.residuals import find_residuals, multiply_residuals, residuals_of
from napari_n2s.preparation.prepared import PreparedImage

MAX_RADIUS = 4
"""Maximum radius of a blind spot that is chosen."""
MIN_SMOOTH = 1000
"""Minimum number of smooth pixels for a fraction but the largest."""
CORRELATED, POSSIBLY = 0.19, 0.14
"""Correlation of adjacent pixels, averaged over both axes, from which on noise is correlated, and
from which on it may be. Over 84 images with independent noise (photographs, micrographs,
simulations) it is at most 0.16; with noise smeared by half a pixel at least 0.22. Along one axis
weaker correlation is known for certain, but taking noise for independent is then better: in
simulated images by 1.1 dB where it was 0.15, 0.2 dB at 0.25, and 1.6 dB worse at 0.4."""
DIRECTED = 0.075
"""Difference of the correlation along the axes from which on noise is correlated along one: at most
0.055 in these images (a confocal microscope), at least 0.11 for a correlation of 0.25."""
MAX_EXCESS = 0.09
"""Correlation at two pixels beyond that of noise smeared by a Gaussian, the fourth power of that at
one, from which on part of it is texture."""
MAX_LINE_EXCESS = 0.06
"""The same along one axis beyond that of noise that decays exponentially, the square of that at one
pixel."""
FAR, PATTERN = 3, 0.6
"""Number of distances that are not counted as far, and correlation at a far distance, relative to
that of adjacent pixels, from which on it is structure, or an offset of whole rows or columns."""
NOTICEABLE = 0.05
"""Correlation at a distance from which on pixels at that distance are hidden."""
FARTHEST, MIN_SAMPLES, SAMPLES, SIDE = 8, 5, 5, 512
"""Maximum distance of samples that are compared, minimum number of them along an axis, number of
samples that are compared with others, and side in pixels of their part that is."""
SMOOTH, MAX_RATIO = 0.2, 0.75
"""Fraction of the pixels that is taken for smooth then, and variance of the difference of
neighbours, relative to that of samples far apart, up to which their noise is correlated: 0.5 after
averaging two."""
ERRORS = 1.4
"""Standard errors that are subtracted from a difference."""
AS_INDEPENDENT, AS_CORRELATED = (0, 0), (2, 2)
"""Blind-spot radii that may be right instead where noise and fine texture cannot be told apart."""
BY_EYE = "and judge by eye which of the two results is right: their scores cannot be compared."


@dataclass(frozen=True)
class Correlation:
    """Correlation of the residuals of neighbouring pixels in the smooth parts of an image.

    Attributes
    ----------
    along : ndarray, shape (fractions, 2, LAGS)
        Along Y and X at distances of 1 to `LAGS` pixels, for each fraction of the pixels that was
        taken for smooth, the smoothest first.
    error : ndarray, shape (fractions,)
        Standard error for independent noise.
    """

    along: NDArray[np.float64]
    error: NDArray[np.float64]

    @property
    def adjacent(self) -> float:
        """Correlation of adjacent pixels, averaged over both axes."""
        return float(np.min(self.along[:, :, 0].mean(1) + self.error))

    @property
    def difference(self) -> float:
        """By how much adjacent pixels are more correlated along X; negative if along Y."""
        differences = self.along[:, 1, 0] - self.along[:, 0, 0]
        sign = np.sign(differences.mean())
        return float(sign * max(0.0, np.min(sign * differences - ERRORS * self.error)))

    @property
    def lags(self) -> NDArray[np.float64]:
        """Correlation along Y and X, ``(2, LAGS)``, averaged over the smoother fractions."""
        lags: NDArray[np.float64] = self.along[: max(1, len(self.along) // 2 + 1)].mean(0)
        return lags


@dataclass(frozen=True)
class BlindSpotChoice:
    """A blind spot, and why.

    Attributes
    ----------
    radius : tuple of int
        Along Y and X, in pixels.
    cause : str
        A sentence on the noise for the user, empty if it is independent from pixel to pixel.
    advice : str
        A sentence on what to do if the choice is wrong; empty if it is certain.
    alternative : tuple of int or None
        The radius that is right if the choice is wrong; None if it is certain.
    """

    radius: tuple[int, int] = (0, 0)
    cause: str = ""
    advice: str = ""
    alternative: tuple[int, int] | None = None


def choose_blind_spot(prepared: PreparedImage) -> BlindSpotChoice:
    """Choose the blind spot of an image from the correlation of its noise.

    Parameters
    ----------
    prepared : PreparedImage
        All channels have one blind spot, that of the channel with the widest.
    """
    found = []
    for channel in range(prepared.x.shape[1]):
        measured = measure_correlation(
            prepared.x[:, channel],
            prepared.missing[:, min(channel, prepared.missing.shape[1] - 1)],
        )
        found.append(judge(measured) if measured else BlindSpotChoice())
    return max(found, key=lambda each: (prod(2 * r + 1 for r in each.radius), each.cause))


def judge(measured: Correlation) -> BlindSpotChoice:
    """Choose the blind spot for a correlation of residuals."""
    lags, strength = measured.lags, measured.adjacent
    excess = float(np.mean(lags[:, 1] - np.maximum(lags[:, 0], 0) ** 4))
    if abs(measured.difference) > DIRECTED:
        own, other = lags[::-1] if measured.difference > 0 else lags
        along = own - np.maximum(other, 0)
        both = (own[1] - own[0] ** 2 + other[1] - max(other[0], 0) ** 4) / 2
        if _is_structure(own) or both > MAX_EXCESS or along[1] > along[0] ** 2 + MAX_LINE_EXCESS:
            return BlindSpotChoice()
        if other[0] < CORRELATED or excess > MAX_EXCESS:
            reach = _reach(along)
            radius, axis = ((0, reach), "X") if measured.difference > 0 else ((reach, 0), "Y")
            if own[0] < CORRELATED:
                return BlindSpotChoice(
                    cause="Noise is weakly correlated between neighbouring pixels along "
                    f"{axis} (correlation {own[0]:.2f}).",
                    advice="It is taken for independent, which is more accurate where correlation "
                    "is so weak. If streaks remain in the result, train once more with "
                    f"blind_spot_radius {radius[0]} {radius[1]}, {BY_EYE}",
                    alternative=radius,
                )
            return BlindSpotChoice(
                radius,
                f"Noise is correlated between neighbouring pixels along {axis} (correlation "
                f"{own[0]:.2f}), up to a distance of {_pixels(reach)}.",
            )
    if strength < POSSIBLY or all(_is_structure(each) for each in lags):
        return BlindSpotChoice()
    if excess > MAX_EXCESS or strength < CORRELATED:
        return BlindSpotChoice(
            cause="It cannot be told whether noise is correlated between neighbouring pixels, or "
            "the image is full of fine texture.",
            advice="It is taken for independent. If blotches remain in the result, train once more "
            f"with blind_spot_radius {AS_CORRELATED[0]}, {BY_EYE}",
            alternative=AS_CORRELATED,
        )
    reach = max(_reach(each) for each in lags)
    return BlindSpotChoice(
        (reach, reach),
        f"Noise is correlated between neighbouring pixels (correlation {strength:.2f}), up to a "
        f"distance of {_pixels(reach)}.",
        "If what looks like noise is fine texture, train once more with blind_spot_radius "
        f"{AS_INDEPENDENT[0]}, {BY_EYE}",
        AS_INDEPENDENT,
    )


def _pixels(count: int) -> str:
    return f"{count} pixel{'s' * (count > 1)}"


def _is_structure(lags: NDArray[np.float64]) -> bool:
    """Whether pixels are nearly as correlated far apart, which those of noise are not."""
    return bool(np.abs(lags[FAR:]).max() > PATTERN * lags[0])


def _reach(lags: NDArray[np.float64]) -> int:
    """Return the distance up to which pixels are noticeably correlated, at least 1."""
    noticeable = lags[:MAX_RADIUS] > NOTICEABLE
    return max(1, MAX_RADIUS if noticeable.all() else int(np.argmin(noticeable)))


def measure_correlation(
    images: NDArray[np.floating], missing: NDArray[np.bool_]
) -> Correlation | None:
    """Measure the correlation of residuals in the smoothest parts of images of one kind.

    Parameters
    ----------
    images : ndarray, shape (N, *space)
        With missing pixels filled in.
    missing : ndarray of bool, shape (N, *space)

    Returns
    -------
    Correlation or None
        None if they are too small or constant.
    """
    found = [multiply_residuals(each) for each in residuals_of(images, missing)]
    if not found:
        return None
    sums, pairs = (np.sum([getattr(each, name) for each in found], 0) for name in ("sums", "pairs"))
    few = np.flatnonzero(pairs[:-1, 0, 1] < MIN_SMOOTH)
    sums, pairs = (np.delete(each, few, 0) for each in (sums, pairs))
    means = sums / np.maximum(pairs, 1)
    return Correlation(
        along=means[:, :, 1:] / np.maximum(means[:, :, :1], 1e-12),
        error=np.maximum(pairs[:, 0, 1], 1) ** -0.5,
    )


def find_correlated_samples(prepared: PreparedImage) -> dict[str, str]:
    """Find the axes along which neighbouring slices or frames have correlated noise.

    Running averages do, and interpolated slices. The noise of the difference of two samples has the
    sum of their variances, less what is correlated; structure that stands still cancels. Of
    neighbours it is compared with that of samples far apart.

    Returns
    -------
    dict of str to str
        A finding for each such axis, by its letter.
    """
    found = {}
    for axis in prepared.layout.sample_axes:
        size = prepared.layout.shape[prepared.layout.axes.index(axis)]
        if size < MIN_SAMPLES:
            continue
        neighbours = prepared.layout.neighbours(Context(axis, min(FARTHEST, (size - 1) // 2)))
        some = np.unique(np.linspace(0, len(neighbours) - 1, SAMPLES).astype(int))
        ratios = []
        for n in some:
            near, far = neighbours[n, :2], neighbours[n, -2:]
            if not {int(n), *near} & set(far):
                own, other = (_excess_variance(prepared, int(n), each) for each in (near, far))
                ratios.append(own / other)
        ratios = [each for each in ratios if np.isfinite(each)]
        if ratios and np.median(ratios) < MAX_RATIO:
            found[axis] = (
                f"Noise is correlated between neighbouring images along {axis}, as after a running "
                "average or interpolation; neighbours along it are not shown to the network."
            )
    return found


def _excess_variance(prepared: PreparedImage, number: int, others: NDArray[np.intp]) -> float:
    """Return the variance of differences to others relative to the sum of variances; or NaN.

    Variances are those of residuals in the smooth parts of the sample; the least one counts.
    """
    x, missing = (
        each[(slice(None), 0, *(each.shape[axis] // 2 for axis in range(2, each.ndim - 2)))]
        for each in (prepared.x, prepared.missing)
    )
    middle = (slice(None), *(slice(max(0, (n - SIDE) // 2), (n + SIDE) // 2) for n in x.shape[1:]))
    planes, mask = x[middle].astype(np.float64), missing[middle][number]
    own = find_residuals(planes[number], mask)
    if own is None:
        return float("nan")
    smooth = own.smooth(SMOOTH)
    ratios = []
    for other in others:
        each = find_residuals(planes[other], mask)
        difference = find_residuals(planes[other] - planes[number], mask)
        if each is not None and difference is not None:
            total = own.variance(smooth) + each.variance(smooth)
            ratios.append(difference.variance(smooth) / max(total, 1e-12))
    return min(ratios, default=float("nan"))
