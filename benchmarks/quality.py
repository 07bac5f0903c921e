"""Quality against truth, ours and its peers, side by side on the same arrays in one run.

    python benchmarks/quality.py                            camera with Gaussian noise of sigma 25
    python benchmarks/quality.py NOISY_FOLDER TRUTH_FOLDER  pairs of files, NAME_1.png and NAME.png

Needs the dependency group ``benchmark``. Every method but the two that say so is given the noisy
image alone. PSNR has the range of the truth's type (255 for 8 bits); ``--affine`` fits brightness
and contrast first, for truths that were stretched by themselves.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import bm3d
import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, median_filter
from skimage import data
from skimage.metrics import structural_similarity
from skimage.restoration import (
    calibrate_denoiser,
    denoise_nl_means,
    denoise_tv_chambolle,
    denoise_wavelet,
    estimate_sigma,
)

from napari_n2s import Settings, denoise
from napari_n2s.ideas.settings import choices
from napari_n2s.work.filters import calibrate_baselines
from napari_n2s.work.material import gather

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """A noisy image with its truth; `sigma` is the noise where it is known."""

    name: str
    noisy: Image
    truth: Image
    sigma: float | None = None


def camera() -> Iterator[Case]:
    """Add Gaussian noise to scikit-image's photograph."""
    truth = data.camera().astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 25, truth.shape)
    yield Case("camera", (truth + noise).astype(np.float32), truth, 25)


def pairs(noisy: Path, truth: Path) -> Iterator[Case]:
    """Pair each truth with the first noisy file whose name begins with its own."""
    for file in sorted(truth.iterdir()):
        found = sorted(noisy.glob(f"{file.stem}*"))
        if found:
            yield Case(file.stem, *(iio.imread(f).astype(np.float32) for f in (found[0], file)))


def best_blur(case: Case) -> Image:
    """Blur with the width that the truth chooses: what no method without it can know."""
    blurs = (gaussian_filter(case.noisy, sigma) for sigma in np.geomspace(0.4, 6, 20))
    return min(blurs, key=lambda blur: float(np.mean((blur - case.truth) ** 2)))


def donut_median(case: Case) -> Image:
    """Take the donut median at its self-supervised radius."""
    material = gather(case.noisy, "YX", Settings())
    median, _ = calibrate_baselines(material.windows.numpy(), material.held_out.numpy())
    reach = int(median.strength)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    ring = (np.hypot(y, x) <= median.strength) & (np.hypot(y, x) > 0)
    return median_filter(case.noisy, footprint=ring)


def calibrated(function: Callable[..., Image], grid: dict[str, list[float]]) -> Callable:
    """Calibrate one of scikit-image's denoisers by the same self-supervised loss."""

    def run(case: Case) -> Image:
        low, high = case.noisy.min(), case.noisy.max()
        unit = (case.noisy - low) / (high - low)
        if "h" in grid:
            sigma = estimate_sigma(unit)
            scaled = {"h": [sigma * h for h in grid["h"]], "fast_mode": [True]}
        else:
            scaled = grid
        return calibrate_denoiser(unit, function, scaled)(unit) * (high - low) + low

    return run


def bm3d_told(case: Case) -> Image:
    """Run BM3D, told the noise where it is known and scikit-image's estimate elsewhere."""
    return bm3d.bm3d(case.noisy, case.sigma or estimate_sigma(case.noisy)).astype(np.float32)


def ours(seconds: float, network: str) -> Callable[[Case], Image]:
    """Train one of our networks for a time."""
    return lambda case: denoise(case.noisy, axes="YX", seconds=seconds, network=network)[0]


METHODS: dict[str, Callable[[Case], Image]] = {
    "noisy": lambda case: case.noisy,
    "Gaussian blur, width by truth": best_blur,
    "donut median": donut_median,
    "wavelet, calibrated": calibrated(
        denoise_wavelet, {"sigma": list(np.arange(0.02, 0.3, 0.03)), "rescale_sigma": [True]}
    ),
    "total variation, calibrated": calibrated(
        denoise_tv_chambolle, {"weight": list(np.geomspace(0.02, 0.4, 10))}
    ),
    "non-local means, calibrated": calibrated(denoise_nl_means, {"h": [0.5, 0.7, 0.9, 1.1, 1.4]}),
    "BM3D, told sigma if known": bm3d_told,
}


def psnr(image: Image, truth: Image, affine: bool) -> float:
    """Return the PSNR in dB for a range of 255, after a fit of brightness and contrast if asked."""
    if affine:
        covariance = np.cov(image.ravel(), truth.ravel())
        image = covariance[0, 1] / covariance[0, 0] * (image - image.mean()) + truth.mean()
    return float(10 * np.log10(255**2 / np.mean((image - truth) ** 2)))


def main() -> None:
    """Run every method on every case and print the table as it grows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--networks", nargs="*", default=["unet-small"], choices=choices("network"))
    parser.add_argument("--affine", action="store_true")
    parser.add_argument("--skip", nargs="*", default=[], help="cases to leave out")
    chosen = parser.parse_args()
    methods = METHODS | {
        f"ours, {network}, {chosen.seconds:g} s": ours(chosen.seconds, network)
        for network in chosen.networks
    }
    cases = list(pairs(*chosen.folders) if chosen.folders else camera())
    cases = [case for case in cases if case.name not in chosen.skip]
    names = " | ".join(case.name for case in cases)
    print(f"| PSNR, dB | {names} | mean | SSIM | seconds each |")
    print("|---|" + "---|" * (len(cases) + 3))
    for name, method in methods.items():
        begin = time.perf_counter()
        results = [method(case) for case in cases]
        seconds = (time.perf_counter() - begin) / len(cases)
        decibels = [psnr(r, c.truth, chosen.affine) for r, c in zip(results, cases, strict=True)]
        similar = [
            structural_similarity(r, c.truth, data_range=255)
            for r, c in zip(results, cases, strict=True)
        ]
        cells = [f"{each:.2f}" for each in (*decibels, np.mean(decibels))]
        print(
            f"| {name} | {' | '.join(cells)} | {np.mean(similar):.3f} | {seconds:.1f} |", flush=True
        )


if __name__ == "__main__":
    main()
