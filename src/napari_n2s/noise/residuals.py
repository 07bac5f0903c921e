"""Residuals of pixels that are predicted from afar, in the smooth parts of an image.

A pixel is predicted from rings so far away that noise shared by neighbours does not reach it. The
residual is its noise, and structure that cannot be predicted. Where the prediction varies least
there is little structure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

INNER, OUTER = 6, 8
"""Chebyshev distances in pixels of the first and the last ring from which a pixel is predicted."""
LAGS = 5
"""Number of distances in pixels at which residuals are compared, less than `INNER`."""
MIN_SIDE = 48
"""Minimum sides of an image in pixels."""
SMOOTHEST = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Fractions of the pixels that are taken for smooth."""
SURROUNDINGS, TREND = 13, 21
"""Sides in pixels of the windows in which smoothness is measured, and in which mean and variance of
the residual are."""
LEAST_NOISE = 0.75
"""Quantile of the local variance of residuals that is the minimum by which they are divided."""
MAX_DEVIATION = 4.0
"""Standard deviations to which residuals are clipped."""
FITTED, RIDGE = 30_000, 1e-4
"""Approximate number of pixels on which the prediction is fitted, and ridge regularisation relative
to the mean variance of its inputs."""

Image = NDArray[np.float64]
Mask = NDArray[np.bool_]


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


def correlate_residuals(image: Image, missing: Mask) -> ResidualProducts | None:
    """Multiply the residuals of smooth pixels at small distances.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        With missing pixels filled in.
    missing : ndarray of bool, shape (Y, X)

    Returns
    -------
    ResidualProducts or None
        None if the image is too small or constant.
    """
    if min(image.shape) < MIN_SIDE or missing.all() or image.std() == 0:
        return None
    image = (image - image.mean()) / image.std()
    predicted = _predict(image)
    residual = image - predicted
    squares = ndi.uniform_filter(predicted**2, SURROUNDINGS)
    roughness = squares - ndi.uniform_filter(predicted, SURROUNDINGS) ** 2
    roughness[missing] = np.inf
    limits = np.quantile(roughness[~missing], SMOOTHEST)
    whitened = _whiten(residual, roughness <= limits[-1])
    found = [_products(whitened, roughness <= limit) for limit in limits]
    sums, pairs = zip(*found, strict=True)
    return ResidualProducts(np.array(sums), np.array(pairs))


def _whiten(residual: Image, smooth: Mask) -> Image:
    """Give the residuals of smooth pixels the mean 0 and the variance 1 locally, and clip them.

    Where there is hardly any noise, as in the dark among photons, they are mostly structure: their
    variance stays below 1.
    """
    around = np.maximum(ndi.uniform_filter(smooth.astype(np.float64), TREND), TREND**-2)
    rest = np.where(smooth, residual - ndi.uniform_filter(residual * smooth, TREND) / around, 0)
    variance = ndi.uniform_filter(rest**2, TREND) / around
    variance = np.maximum(variance, max(float(np.quantile(variance[smooth], LEAST_NOISE)), 1e-12))
    whitened: Image = np.clip(rest / np.sqrt(variance), -MAX_DEVIATION, MAX_DEVIATION)
    return whitened


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


def _predict(image: Image) -> Image:
    """Predict pixels linearly from the rings around them."""
    inputs = list(_ring_sums(image))
    step = max(1, image.size // FITTED)
    design = np.stack([*(each.ravel()[::step] for each in inputs), np.ones(-(-image.size // step))])
    square = design @ design.T
    square += RIDGE * np.trace(square) / len(square) * np.eye(len(square))
    *weights, constant = np.linalg.solve(square, design @ image.ravel()[::step])
    predicted = np.full(image.shape, constant)
    for each, weight in zip(inputs, weights, strict=True):
        predicted += weight * each
    return predicted


def _ring_sums(image: Image) -> Iterator[Image]:
    """Yield sums over the sides of each ring along either axis, and over the middles of these."""
    padded = np.pad(image, OUTER, mode="reflect")
    y, x = (slice(OUTER, OUTER + size) for size in image.shape)
    for axis, (own, other) in enumerate(((y, x), (x, y))):
        lines = np.moveaxis(padded, axis, 0)
        sums = np.cumsum(np.pad(lines, ((0, 0), (1, 0))), axis=1)
        for radius in range(INNER, OUTER + 1):
            sides = [slice(own.start + s, own.stop + s) for s in (-radius, radius)]
            ahead = slice(other.start + radius + 1, other.stop + radius + 1)
            behind = slice(other.start - radius, other.stop - radius)
            for ends in ((sums[:, ahead], sums[:, behind]), (lines[:, other], None)):
                rows = ends[0] if ends[1] is None else ends[0] - ends[1]
                yield np.moveaxis(rows[sides[0]] + rows[sides[1]], 0, axis)
