"""The baselines that a network must beat: a median and a blur that leave the centre pixel out.

Both are 𝒥-invariant as they stand, so that their strength can be chosen by the self-supervised
loss (Batson & Royer 2019), on the same held-out pixels on which a network is scored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_n2s.ideas.score import Score, pick, score, squared_errors

RADII = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
SIGMAS = (0.4, 0.5, 0.7, 1.0, 1.4, 2.0, 2.7)
REACH = 8


@dataclass(frozen=True)
class Baseline:
    """A simple filter at its best strength.

    Attributes
    ----------
    name : {"median", "blur"}
    strength : float
        Radius of the median or standard deviation of the blur, in pixels.
    score : Score
    """

    name: str
    strength: float
    score: Score


def calibrate_baselines(
    noisy: NDArray[np.floating],
    held_out: NDArray[np.bool_],
    worth: NDArray[np.floating] | float = 1.0,
    hole: tuple[int, ...] | None = None,
) -> tuple[Baseline, Baseline]:
    """Find the donut median and the donut blur whose loss on the held-out pixels is least.

    Parameters
    ----------
    noisy : ndarray, shape (B, C, *space)
        NaN where a pixel has no value; 0 is taken for the mean where none around has one.
    held_out : ndarray of bool, shape (B, 1, *space)
        Only these pixels are predicted, from whatever surrounds them inside the image.
    worth : ndarray, shape (C,), or float
        What a squared error of 1 is worth in each channel.
    hole : tuple of int, optional
        How far around a pixel others are left out along each axis, where they share its noise.
    """
    hole = hole or (0,) * (noisy.ndim - 2)
    around, distance = _surroundings(noisy, held_out, hole)
    target = pick(noisy, held_out)
    medians = []
    for radius in [r for r in RADII if r >= distance.min()] or [float(REACH)]:
        ring = around[..., distance <= radius]
        ring[np.isnan(ring).all(-1), 0] = 0
        squares = squared_errors(np.nanmedian(ring, -1), target, worth)
        medians.append(Baseline("median", radius, score(squares)))
    blurs = []
    for sigma in SIGMAS:
        weight = np.where(np.isnan(around), 0, np.exp(-(distance**2) / (2 * sigma**2)))
        blurred = np.nansum(around * weight, -1) / np.maximum(weight.sum(-1), 1e-30)
        blurs.append(Baseline("blur", sigma, score(squared_errors(blurred, target, worth))))
    return min(medians, key=_loss), min(blurs, key=_loss)


def _loss(baseline: Baseline) -> float:
    return baseline.score.loss


def _surroundings(
    noisy: NDArray[np.floating], held_out: NDArray[np.bool_], hole: tuple[int, ...]
) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
    """Gather the neighbours of each pixel, NaN beyond the border, and how far away they are.

    Returns
    -------
    tuple of ndarray
        Values ``(pixels, C, neighbours)`` and distances ``(neighbours,)``.
    """
    ndim = noisy.ndim - 2
    border = [(0, 0), (0, 0), *[(REACH, REACH)] * ndim]
    padded = np.moveaxis(np.pad(noisy, border, constant_values=np.nan), 1, -1)
    square = np.indices((2 * REACH + 1,) * ndim).reshape(ndim, -1)
    distance = np.linalg.norm(square - REACH, axis=0)
    away = np.abs(square - REACH) > np.array(hole)[:, None]
    ring = away.any(0) & (distance <= REACH)
    batch, *centre = np.nonzero(held_out[:, 0])
    where = (c[:, None] + offset for c, offset in zip(centre, square[:, ring], strict=True))
    return np.moveaxis(padded[(batch[:, None], *where)], -1, 1), distance[ring]
