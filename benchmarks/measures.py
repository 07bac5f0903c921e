"""How far a denoised image is from the truth, and what it cost."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from skimage.metrics import structural_similarity

from cases import Case, Image

BANDS = (0.0, 1 / 16, 1 / 8, 1 / 4, 1.0)
"""Edges in cycles per pixel: structures larger than 16 pixels, 8 to 16, 4 to 8, and smaller."""


def fit(image: Image, truth: Image) -> Image:
    """Fit brightness and contrast, for a truth that was stretched by itself."""
    covariance = np.cov(image.ravel(), truth.ravel())
    return covariance[0, 1] / covariance[0, 0] * (image - image.mean()) + truth.mean()


def compare(image: Image, case: Case) -> dict[str, float | list[float]]:
    """Measure PSNR in dB, SSIM, and the root mean squared error of each band of frequency."""
    image = fit(image, case.truth) if case.affine else image
    error = (image - case.truth).astype(np.float64)
    power = np.abs(np.fft.fft2(error)) ** 2 / error.size**2
    radius = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in error.shape), indexing="ij"))
    return {
        "psnr": float(10 * np.log10(case.peak**2 / np.mean(error**2))),
        "ssim": float(structural_similarity(image, case.truth, data_range=case.peak)),
        "bands": [
            float(np.sqrt(power[(radius >= low) & (radius < high)].sum()))
            for low, high in pairwise(BANDS)
        ],
    }


def reset_peak() -> None:
    """Forget the process's highest use of memory, where the system can."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    """Give the process's highest use of memory since then, in megabytes."""
    if sys.platform != "linux":
        return float("nan")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
