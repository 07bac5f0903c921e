"""Mixing the noisy pixel into its blind prediction.

The mean squared residual of a blind prediction is V + σ², its own error plus the noise. Prediction
and pixel are independent estimates of one value, and their optimal average weighs the pixel by
V / (V + σ²), which reduces the error from V to V σ² / (V + σ²) (Batson & Royer 2019, supplement).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_n2s.noise.from_differences import AGREEMENT, noise_from_differences
from napari_n2s.noise.noise_model import NoiseCurve


@dataclass(frozen=True)
class Mixing:
    """How to mix, and the expected gain.

    Attributes
    ----------
    noise : NoiseCurve
        Estimated from the differences of neighbouring pixels.
    doubtful : bool
        Whether two estimates of it disagree, because noise is correlated or structure is fine.
    error : ndarray, shape (C,)
        Mean squared error V of the blind prediction against the truth.
    gain : float
        Expected improvement in dB.
    """

    noise: NoiseCurve
    doubtful: bool
    error: NDArray[np.float64]
    gain: float

    def mix(
        self, predicted: NDArray[np.floating], noisy: NDArray[np.floating]
    ) -> NDArray[np.floating]:
        """Average a blind prediction with the noisy image, both ``(C, *space)``."""
        error = self.error.astype(predicted.dtype).reshape(-1, *(1,) * (predicted.ndim - 1))
        share = error / np.maximum(error + self.noise.variance(predicted), 1e-30)
        mixed: NDArray[np.floating] = predicted + share * (noisy - predicted)
        return mixed


def plan_mixing(
    x: NDArray[np.floating], predicted: NDArray[np.floating], noisy: NDArray[np.floating]
) -> Mixing:
    """Estimate the noise of an image and what mixing would gain.

    Parameters
    ----------
    x : ndarray, shape (N, C, *space)
    predicted, noisy : ndarray, shape (pixels, C)
        A blind prediction of some of its pixels, and their values.
    """
    noise, apart = noise_from_differences(x)
    variance = noise.variance(predicted.T).mean(1)
    error = np.maximum(((predicted - noisy) ** 2).mean(0) - variance, 0)
    # The error is a difference of two large numbers, and useless if smaller than its uncertainty.
    doubtful = apart.max() > AGREEMENT or bool((error < AGREEMENT / 2 * variance).any())
    gain = 10 * np.log10(1 + error.sum() / max(variance.sum(), 1e-30))
    return Mixing(noise, doubtful, error.astype(np.float64), float(gain))
