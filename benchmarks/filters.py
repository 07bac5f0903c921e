"""What ours is compared with, part one: filters and transforms.

Each takes a case and a budget in seconds, which none of them needs, is given the noisy image alone
unless its name says otherwise, and returns a function that denoises an image of that kind.
"""

from __future__ import annotations

from collections.abc import Callable

import bm3d
import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.restoration import (
    calibrate_denoiser,
    denoise_nl_means,
    denoise_tv_chambolle,
    denoise_wavelet,
    estimate_sigma,
)

from cases import Case, Denoiser, Image
from measures import fit
from napari_n2s.filters.baselines import calibrate_baselines
from napari_n2s.filters.donut_filters import donut_filter
from napari_n2s.images.image import open_image
from napari_n2s.preparation.prepared import prepare


def nothing(case: Case, seconds: float) -> Denoiser:
    """Leave the image as it is."""
    return lambda image: image


def best_blur(case: Case, seconds: float) -> Denoiser:
    """Blur with the width that the truth chooses: what no method without it can know."""

    def error(sigma: float) -> float:
        blurred = gaussian_filter(case.noisy, sigma)
        return float(
            np.mean(((fit(blurred, case.truth) if case.affine else blurred) - case.truth) ** 2)
        )

    sigma = min(np.geomspace(0.4, 6, 20), key=error)
    return lambda image: gaussian_filter(image, sigma)


def donut_median(case: Case, seconds: float) -> Denoiser:
    """Take the donut median at its self-supervised radius."""
    median, _ = calibrate_baselines(prepare(open_image(case.noisy, "YX")))
    return lambda image: donut_filter(image, "median", median.strength)


def wavelet(case: Case, seconds: float) -> Denoiser:
    """Calibrate scikit-image's wavelet shrinkage by masking."""
    grid = {"sigma": list(np.arange(0.02, 0.3, 0.03)), "rescale_sigma": [True]}
    return _calibrated(case, denoise_wavelet, grid)


def total_variation(case: Case, seconds: float) -> Denoiser:
    """Calibrate scikit-image's total variation by masking."""
    return _calibrated(case, denoise_tv_chambolle, {"weight": list(np.geomspace(0.02, 0.4, 10))})


def nl_means(case: Case, seconds: float) -> Denoiser:
    """Calibrate scikit-image's non-local means by masking."""
    sigma = estimate_sigma(_unit(case.noisy, case))
    grid = {"h": [sigma * h for h in (0.5, 0.7, 0.9, 1.1, 1.4)], "fast_mode": [True]}
    return _calibrated(case, denoise_nl_means, grid)


def bm3d_known_noise(case: Case, seconds: float) -> Denoiser:
    """Run BM3D, given the noise; for white Gaussian noise alone."""
    return lambda image: bm3d.bm3d(image, case.sigma).astype(np.float32)


def bm3d_stabilised(case: Case, seconds: float) -> Denoiser:
    """Estimate a Poisson-Gaussian noise curve, stabilise its variance, and run BM3D.

    The curve is a line through the noise levels of patches: the median absolute deviation of their
    finest diagonal wavelet coefficients against their mean. The variance is stabilised by
    2 / gain * sqrt(gain * x + offset + 3/8 gain²) (Anscombe's, generalised) and brought back by
    tabulating what Poisson-Gaussian values stabilise to on average (Makitalo & Foi 2013).
    """
    gain, offset = _noise_line(case.noisy)

    def forward(x: Image) -> Image:
        return 2 / gain * np.sqrt(np.maximum(gain * x + offset + 0.375 * gain**2, 0))

    def run(image: Image) -> Image:
        if gain <= 0:
            return bm3d.bm3d(image, np.sqrt(max(offset, 1e-6))).astype(np.float32)
        clean = bm3d.bm3d(forward(image), 1.0)
        low, high = np.quantile(image, [0, 1])
        levels = np.linspace(low, high, 400)
        rng = np.random.default_rng(0)
        spread = np.sqrt(np.maximum(offset, 0))
        counts = np.maximum(levels - (0 if offset >= 0 else offset / gain), 0) / gain
        draws = gain * rng.poisson(counts, (4000, 400)) + (0 if offset >= 0 else offset / gain)
        stable = forward(draws + spread * rng.normal(size=draws.shape)).mean(0)
        return np.interp(clean, np.maximum.accumulate(stable), levels).astype(np.float32)

    return run


def _calibrated(case: Case, function: Callable[..., Image], grid: dict[str, list]) -> Denoiser:
    best = calibrate_denoiser(_unit(case.noisy, case), function, grid)
    low, high = float(case.noisy.min()), float(case.noisy.max())
    return lambda image: best(_unit(image, case)) * (high - low) + low


def _unit(image: Image, case: Case) -> Image:
    low, high = case.noisy.min(), case.noisy.max()
    return (image - low) / (high - low)


def _noise_line(image: Image) -> tuple[float, float]:
    side = 16
    height, width = (size // side * side for size in image.shape)
    patches = image[:height, :width].reshape(height // side, side, width // side, side)
    patches = patches.swapaxes(1, 2).reshape(-1, side, side).astype(np.float64)
    detail = patches[:, ::2, ::2] - patches[:, 1::2, ::2] - patches[:, ::2, 1::2]
    detail = (detail + patches[:, 1::2, 1::2]).reshape(len(patches), -1) / 2
    variance = (np.median(np.abs(detail), 1) / 0.6745) ** 2
    mean = patches.mean((1, 2))
    centres, levels = [], []
    for part in np.array_split(np.argsort(mean), 16):
        centres.append(mean[part].mean())
        levels.append(max(np.median(variance[part]), 1e-6))
    centres, levels = np.array(centres), np.array(levels)
    trust = 1 / (levels + 0.02 * levels.max())
    design = np.stack([centres, np.ones_like(centres)], 1) * trust[:, None]
    gain, offset = np.linalg.lstsq(design, levels * trust, rcond=None)[0]
    return (gain, offset) if gain > 1e-3 else (0.0, float(np.median(levels)))
