"""Stripe noise: noise correlated along rows or columns, as from line-scanning detectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMOOTH = 0.5
"""Fraction of the pixels that is examined, the smoothest."""
CHANCE = 2.0
"""Standard errors of a difference that are attributed to chance."""
CERTAIN = 0.02
"""Difference of correlations, beyond chance, from which on stripe noise is certain."""


def stripe_strength(
    mean: NDArray[np.floating],
    total: NDArray[np.floating],
    noisy: NDArray[np.floating],
    variance: NDArray[np.floating],
    there: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Measure how certainly noise is correlated along one of the last two axes, 0 to 1.

    Residuals of a blind prediction consist of noise and prediction error. Where the image is smooth
    the latter is small, and about equally correlated along both axes: a difference in correlation
    between the axes comes from the noise.

    Parameters
    ----------
    mean, total, noisy : ndarray, shape (C, *space, Y, X)
        Blind prediction, the variance of the noisy pixels around it, and the noisy pixels.
    variance : ndarray
        That of the noise, of the same shape.
    there : ndarray of bool, shape (*space, Y, X)
        Which pixels have a value.

    Returns
    -------
    ndarray, shape (C,)
    """
    found = []
    for residual, rough in zip((noisy - mean) / np.sqrt(total), total / variance, strict=True):
        smooth = there & (rough <= np.quantile(rough[there], SMOOTH))
        power = max(float((residual[smooth] ** 2).mean()), 1e-30)
        along, doubts = zip(*(_shared(residual, smooth, axis) for axis in (-1, -2)), strict=True)
        beyond = abs(along[0] - along[1]) - CHANCE * float(np.hypot(*doubts))
        found.append(np.clip(beyond / power / CERTAIN, 0, 1))
    return np.array(found, np.float64)


def _shared(
    residual: NDArray[np.floating], smooth: NDArray[np.bool_], axis: int
) -> tuple[float, float]:
    """Return the mean product of neighbours along an axis, and its standard error."""
    one, both = np.moveaxis(residual, axis, -1), np.moveaxis(smooth, axis, -1)
    products = (one[..., 1:] * one[..., :-1])[both[..., 1:] & both[..., :-1]]
    if products.size < 2:
        return 0.0, np.inf
    return float(products.mean()), float(products.std() / np.sqrt(products.size))
