"""Whether noise runs along lines, as that of a detector which is read while it scans."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMOOTH = 0.5
"""Share of the pixels that is looked at, the smoothest."""
SURE = 2.0
"""Standard errors that are taken for chance."""
PLAIN = 0.02
"""Correlation, beyond chance, from which on there is no doubt."""


def find_lines(
    mean: NDArray[np.floating],
    total: NDArray[np.floating],
    noisy: NDArray[np.floating],
    variance: NDArray[np.floating],
    there: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Say how plainly neighbours along one axis of a picture share some of their noise, 0 to 1.

    Residuals of a blind prediction hold noise, and what that errs by. Where the picture is smooth
    the latter is small, and much the same along both axes: what residuals of neighbours along one
    have more in common than along the other is noise.

    Parameters
    ----------
    mean, total, noisy : ndarray, shape (C, *space, Y, X)
        Blind prediction, the variance of the noisy pixels around it, and these.
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
        beyond = abs(along[0] - along[1]) - SURE * float(np.hypot(*doubts))
        found.append(np.clip(beyond / power / PLAIN, 0, 1))
    return np.array(found, np.float64)


def _shared(
    residual: NDArray[np.floating], smooth: NDArray[np.bool_], axis: int
) -> tuple[float, float]:
    """Average the products of neighbours along an axis; give that and its standard error."""
    one, both = np.moveaxis(residual, axis, -1), np.moveaxis(smooth, axis, -1)
    products = (one[..., 1:] * one[..., :-1])[both[..., 1:] & both[..., :-1]]
    if products.size < 2:
        return 0.0, np.inf
    return float(products.mean()), float(products.std() / np.sqrt(products.size))
