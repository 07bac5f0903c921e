"""Mixing the noisy pixel back into a prediction that has not seen it.

A blind prediction errs against the noisy pixels by V + σ², its own error and the noise. Two
independent estimates of one value are best averaged by each other's error: the share of the pixel
is V / (V + σ²), and the error falls from V to V σ² / (V + σ²) (Batson & Royer 2019, supplement).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_n2s.noise.from_differences import TRUST, read_differences
from napari_n2s.noise.noise_model import NoiseCurve


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
    noise, doubts = read_differences(x)
    variance = noise.variance(predicted.T).mean(1)
    error = np.maximum(((predicted - noisy) ** 2).mean(0) - variance, 0)
    # The error is a difference of two large numbers: one that drowns in the doubt is no answer.
    doubtful = doubts.max() > TRUST or bool((error < TRUST / 2 * variance).any())
    gain = 10 * np.log10(1 + error.sum() / max(variance.sum(), 1e-30))
    return Mixing(noise, doubtful, error.astype(np.float64), float(gain))
