"""Residuals of pixels that are predicted from afar, in the smooth parts of an image.

A pixel is predicted from rings so far away that noise shared by neighbours does not reach it. The
residual is its noise, and structure that cannot be predicted. Where the prediction varies least
there is little structure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

AFAR, RINGS = (5, 5), 3
"""Radius along Y and X of the surroundings from which noise may be correlated with that of a pixel,
and number of rings around them from which the pixel is predicted."""
LAGS = 5
"""Number of distances in pixels at which residuals are compared, not more than those radii."""
PLANES, MAX_PIXELS = 4, 2**19
"""Maximum number of slices or frames that are examined, and of their pixels in total."""
MIN_SIDE = 48
"""Minimum sides of an image in pixels."""
SMOOTHEST = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Fractions of the pixels that are taken for smooth."""
SURROUNDINGS, TREND = 13, 21
"""Sides in pixels of the windows in which smoothness is measured, and in which mean and variance of
the residual are."""
LEAST_NOISE = 0.75
"""Quantile of the local variance of residuals that is the minimum by which they are divided."""
MIN_SHARE = 0.5
"""Minimum fraction of the correlation that is taken for measured, when what the subtraction of the
local mean has removed is added again."""
MAX_DEVIATION = 4.0
"""Standard deviations to which residuals are clipped."""
FITTED, RIDGE = 30_000, 1e-4
"""Approximate number of pixels on which the prediction is fitted, and ridge regularisation relative
to the mean variance of its inputs."""

Image = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Residuals:
    """Residuals of an image whose pixels are predicted from afar.

    Attributes
    ----------
    image, predicted : ndarray, shape (Y, X)
    roughness : ndarray, shape (Y, X)
        Local variance of the prediction; infinite where pixels are missing.
    """

    image: Image
    predicted: Image
    roughness: Image

    def smooth(self, fraction: float) -> Mask:
        """Mark the smoothest pixels, a fraction of those that have a value."""
        limit = np.quantile(self.roughness[np.isfinite(self.roughness)], fraction)
        smooth: Mask = self.roughness <= limit
        return smooth

    def variance(self, smooth: Mask) -> float:
        """Return the variance of the residuals of smooth pixels."""
        return float(np.var((self.image - self.predicted)[smooth]))

    def whitened(self, smooth: Mask) -> Image:
        """Return the residuals of smooth pixels, clipped, with locally the mean 0 and variance 1.

        Where there is hardly any noise, as in the dark among photons, they are mostly structure:
        their variance stays below 1.
        """
        around = np.maximum(ndi.uniform_filter(smooth.astype(np.float64), TREND), TREND**-2)
        residual = self.image - self.predicted
        rest = np.where(smooth, residual - ndi.uniform_filter(residual * smooth, TREND) / around, 0)
        variance = ndi.uniform_filter(rest**2, TREND) / around
        least = max(float(np.quantile(variance[smooth], LEAST_NOISE)), 1e-12)
        whitened: Image = np.clip(
            rest / np.sqrt(np.maximum(variance, least)), -MAX_DEVIATION, MAX_DEVIATION
        )
        return whitened


def residuals_of(
    images: NDArray[np.floating], missing: Mask, inside: tuple[int, ...] = AFAR
) -> list[Residuals]:
    """Predict the pixels of some planes of images ``(N, *space)``, of large ones in their middle.

    Parameters
    ----------
    images : ndarray, shape (N, *space)
        With missing pixels filled in.
    missing : ndarray of bool, shape (N, *space)
    inside : tuple of int, (Y, X)
        Radius of the surroundings that are left out.

    Returns
    -------
    list of Residuals
        Empty if the planes are too small or constant.
    """
    height, width = images.shape[-2:]
    count = images.size // (height * width)
    some = np.unique(np.linspace(0, count - 1, min(count, PLANES)).astype(int))
    side = int((MAX_PIXELS / len(some)) ** 0.5)
    box = tuple(slice(max(0, (size - side) // 2), (size + side) // 2) for size in (height, width))
    planes = (each.reshape(-1, height, width)[some] for each in (images, missing))
    found = (
        find_residuals(image[box].astype(np.float64), mask[box], inside)
        for image, mask in zip(*planes, strict=True)
    )
    return [each for each in found if each is not None]


def find_residuals(image: Image, missing: Mask, inside: tuple[int, ...] = AFAR) -> Residuals | None:
    """Predict the pixels of an image from afar.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        With missing pixels filled in.
    missing : ndarray of bool, shape (Y, X)
    inside : tuple of int, (Y, X)
        Radius of the surroundings that are left out.

    Returns
    -------
    Residuals or None
        None if the image is too small or constant.
    """
    if min(image.shape) < MIN_SIDE or missing.all() or image.std() == 0:
        return None
    predicted = _predict(image, inside)
    squares = ndi.uniform_filter(predicted**2, SURROUNDINGS)
    roughness = squares - ndi.uniform_filter(predicted, SURROUNDINGS) ** 2
    roughness[missing] = np.inf
    return Residuals(image, predicted, roughness)


@dataclass(frozen=True)
class ResidualProducts:
    """Products of residuals, summed over pairs of smooth pixels at distances 0 to `LAGS`.

    Attributes
    ----------
    sums, pairs : ndarray, shape (fractions, 2, LAGS + 1)
        The sums along Y and X, and the number of pairs.
    """

    sums: Image
    pairs: Image


def multiply_residuals(residuals: Residuals) -> ResidualProducts:
    """Multiply the residuals of smooth pixels at small distances along Y and X."""
    whitened = residuals.whitened(residuals.smooth(SMOOTHEST[-1]))
    found = [_products(whitened, residuals.smooth(fraction)) for fraction in SMOOTHEST]
    sums, pairs = zip(*found, strict=True)
    return ResidualProducts(np.array(sums), np.array(pairs))


def autocorrelation(
    residuals: Sequence[Residuals], fraction: float, reach: tuple[int, ...]
) -> Image:
    """Measure the correlation of the residuals of smooth pixels at all offsets up to a distance.

    Parameters
    ----------
    residuals : sequence of Residuals
    fraction : float
        Of the pixels, the smoothest.
    reach : tuple of int, (Y, X)

    Returns
    -------
    ndarray, shape (2 * reach + 1, ...)
        1 at the centre.
    """
    down, along = reach
    sums, pairs = np.zeros((2, 2 * down + 1, 2 * along + 1))
    averaged = []
    for each in residuals:
        smooth = each.smooth(fraction)
        values, weight = each.whitened(smooth), smooth.astype(np.float64)
        averaged.append(TREND**2 * ndi.uniform_filter(weight, TREND)[smooth].mean())
        height, width = weight.shape
        for dy, dx in product(range(down + 1), range(-along, along + 1)):
            here = slice(dy, height), slice(max(0, dx), width + min(0, dx))
            there = slice(0, height - dy), slice(max(0, -dx), width - max(0, dx))
            places = [down + dy, down - dy], [along + dx, along - dx]
            sums[places] += np.vdot(values[here], values[there])
            pairs[places] += np.vdot(weight[here], weight[there])
    found = sums / np.maximum(pairs, 1)
    found /= max(float(found[down, along]), 1e-12)
    # To subtract the mean of n pixels reduces all products by the mean of the correlation over n.
    count = float(np.mean(averaged))
    whole = max(float(found.sum()), 0) / max(1 + (found.sum() - found.size) / count, MIN_SHARE)
    lost = min(whole / count, 1 - MIN_SHARE)
    corrected: Image = found * (1 - lost) + lost
    return corrected


def _products(whitened: Image, smooth: Mask) -> tuple[Image, Image]:
    weight = smooth.astype(np.float64)
    sums, pairs = (
        np.array([[_shifted(each, axis, lag) for lag in range(LAGS + 1)] for axis in range(2)])
        for each in (whitened * weight, weight)
    )
    return sums, pairs


def _shifted(image: Image, axis: int, lag: int) -> float:
    """Sum the products of pixels at a distance along an axis."""
    along = np.moveaxis(image, axis, 0)
    return float(np.vdot(along[lag:], along[: len(along) - lag]))


def _predict(image: Image, inside: tuple[int, ...]) -> Image:
    """Predict pixels linearly from rings around them."""
    shift, spread = image.mean(), image.std()
    image = (image - shift) / spread
    inputs = list(_ring_sums(image, inside))
    step = max(1, image.size // FITTED)
    design = np.stack([*(each.ravel()[::step] for each in inputs), np.ones(-(-image.size // step))])
    square = design @ design.T
    square += RIDGE * np.trace(square) / len(square) * np.eye(len(square))
    *weights, constant = np.linalg.solve(square, design @ image.ravel()[::step])
    predicted = np.full(image.shape, constant)
    for each, weight in zip(inputs, weights, strict=True):
        predicted += weight * each
    found: Image = predicted * spread + shift
    return found


def _ring_sums(image: Image, inside: tuple[int, ...]) -> Iterator[Image]:
    """Yield sums over the sides of each ring along either axis, and over the middles of these."""
    outer = max(inside) + RINGS
    padded = np.pad(image, outer, mode="reflect")
    y, x = (slice(outer, outer + size) for size in image.shape)
    for axis, (own, other) in enumerate(((y, x), (x, y))):
        lines = np.moveaxis(padded, axis, 0)
        sums = np.cumsum(np.pad(lines, ((0, 0), (1, 0))), axis=1)
        for ring in range(1, RINGS + 1):
            distance, half = inside[axis] + ring, inside[1 - axis] + ring
            sides = [slice(own.start + s, own.stop + s) for s in (-distance, distance)]
            ahead = slice(other.start + half + 1, other.stop + half + 1)
            behind = slice(other.start - half, other.stop - half)
            for ends in ((sums[:, ahead], sums[:, behind]), (lines[:, other], None)):
                rows = ends[0] if ends[1] is None else ends[0] - ends[1]
                yield np.moveaxis(rows[sides[0]] + rows[sides[1]], 0, axis)
