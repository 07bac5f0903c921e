"""Comparing a denoised simulation with its ground truth, in numbers and in an image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_n2s.simulation.fluorescence import Sample

SIGMAS = np.geomspace(0.5, 4, 13)
"""Standard deviations of the blurs tried, in pixels."""


def psnr(image: NDArray[Any], truth: NDArray[Any]) -> float:
    """Return the peak signal-to-noise ratio in dB, the peak being the range of the truth."""
    error = np.mean((np.asarray(image, np.float64) - truth) ** 2)
    return float(10 * np.log10(np.ptp(truth) ** 2 / error))


def best_blur(sample: Sample) -> float:
    """Return the PSNR of the Gaussian blur of the best width, chosen with the ground truth."""
    noisy = sample.noisy.astype(np.float32)
    return max(psnr(gaussian_filter(noisy, sigma), sample.truth) for sigma in SIGMAS)


def before_and_after(sample: Sample, denoised: NDArray[Any], size: int = 256) -> NDArray[np.uint8]:
    """Place the centres of noisy, denoised and true image side by side, on one grey scale."""
    middle = tuple(slice((n - size) // 2, (n + size) // 2) for n in sample.truth.shape)
    panels = np.concatenate([a[middle] for a in (sample.noisy, denoised, sample.truth)], axis=1)
    low, high = np.quantile(sample.truth[middle], [0.01, 0.999])
    grey: NDArray[np.uint8] = np.rint((panels - low).clip(0, high - low) * (255 / (high - low)))
    return grey.astype(np.uint8)
