"""Mixing the noisy pixel back into a prediction that has not seen it.

A blind prediction errs against the noisy pixels by V + σ², its own error and the noise. Two
independent estimates of one value are best averaged by each other's error: the share of the pixel
is V / (V + σ²), and the error falls from V to V σ² / (V + σ²) (Batson & Royer 2019, supplement).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_n2s.ideas.noise import NoiseCurve

PATCH = 16
BINS = 16
TRUST = 0.1
"""How far two readings of the noise may lie apart, as a share, for either to be believed."""
GAUSSIAN = 0.6745
"""Median absolute value of normal values in standard deviations."""


@dataclass(frozen=True)
class Mixing:
    """How to mix, and what that promises.

    Attributes
    ----------
    noise : NoiseCurve
        As read off the differences of neighbouring pixels.
    doubtful : bool
        Whether two readings of it disagree: for noise that neighbours share, or for structure.
    error : ndarray, shape (C,)
        Mean squared error of the blind prediction against the truth.
    gain : float
        The decibels to be gained.
    """

    noise: NoiseCurve
    doubtful: bool
    error: NDArray[np.float64]
    gain: float

    def mix(
        self, predicted: NDArray[np.floating], noisy: NDArray[np.floating]
    ) -> NDArray[np.floating]:
        """Average a blind prediction with the noisy picture, both ``(C, *space)``."""
        error = self.error.astype(predicted.dtype).reshape(-1, *(1,) * (predicted.ndim - 1))
        share = error / np.maximum(error + self.noise.variance(predicted), 1e-30)
        mixed: NDArray[np.floating] = predicted + share * (noisy - predicted)
        return mixed


def plan_mixing(
    x: NDArray[np.floating], predicted: NDArray[np.floating], noisy: NDArray[np.floating]
) -> Mixing:
    """Read the noise off an image and find what mixing would gain.

    Parameters
    ----------
    x : ndarray, shape (N, C, *space)
    predicted, noisy : ndarray, shape (pixels, C)
        A blind prediction of some of its pixels, and their values.
    """
    curves, doubts = zip(*(_read(x[:, channel]) for channel in range(x.shape[1])), strict=True)
    noise = NoiseCurve(*(np.array(each) for each in zip(*curves, strict=True)))
    variance = noise.variance(predicted.T).mean(1)
    error = np.maximum(((predicted - noisy) ** 2).mean(0) - variance, 0)
    # The error is a difference of two large numbers: one that drowns in the doubt is no answer.
    doubtful = max(doubts) > TRUST or bool((error < TRUST / 2 * variance).any())
    gain = 10 * np.log10(1 + error.sum() / max(variance.sum(), 1e-30))
    return Mixing(noise, doubtful, error.astype(np.float64), float(gain))


def _read(x: NDArray[np.floating]) -> tuple[tuple[float, float, float], float]:
    """Read the noise line off pictures ``(N, *space)``, and how far two readings lie apart."""
    height, width = (min(PATCH, size) for size in x.shape[-2:])
    rows, columns = x.shape[-2] // height, x.shape[-1] // width
    patches = x[..., : rows * height, : columns * width].reshape(-1, rows, height, columns, width)
    patches = patches.swapaxes(2, 3).reshape(-1, height, width)
    along = np.diff(patches, axis=-1)
    across = np.diff(along, axis=-2)
    single, double = _spread(along) / 2, _spread(across) / 4
    order = np.argsort(patches.mean((1, 2)))
    centres, levels = [], []
    for part in np.array_split(order, min(BINS, len(order))):
        centres.append(float(patches[part].mean()))
        levels.append(float(np.median(double[part])))
    level = np.array(levels)
    trust = 1 / np.maximum(level, 0.02 * level.max() + 1e-12)
    design = np.stack([centres, np.ones_like(centres)], 1) * trust[:, None]
    (gain, offset), *_ = np.linalg.lstsq(design, level * trust, rcond=None)
    apart = abs(float(np.median(single)) / max(float(np.median(double)), 1e-12) - 1)
    return (float(gain), float(offset), float(0.3 * level.min())), apart


def _spread(differences: NDArray[np.floating]) -> NDArray[np.floating]:
    """Give the variance of each patch's differences, whatever a few of them are."""
    flat = np.abs(differences).reshape(len(differences), -1)
    variance: NDArray[np.floating] = (np.median(flat, 1) / GAUSSIAN) ** 2
    return variance
