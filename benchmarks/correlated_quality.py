"""How well correlated noise and offsets of rows are removed, beside independent noise.

    python benchmarks/correlated_quality.py [FOLDER]        of clean images, as those of Set12
    python benchmarks/correlated_quality.py --steps 100

Noise of the standard deviation 25 is added to `camera` and to the first four images of the folder:
independent, smeared, in lines of three pixels, bleeding along X, and with offsets of rows half as
strong. PSNR in dB of the noisy image, of the best Gaussian blur chosen by the truth, of BM3D that
is told the true spectrum of the noise, and of the result with nothing set.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage as ndi
from skimage import data

from napari_n2s import denoise

Array = NDArray[np.float64]
SIGMA, IMAGES = 25.0, 4
WIDTHS = (0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 2.5, 3)
"""Standard deviations of the blur in pixels."""
KERNELS: dict[str, Array] = {
    "independent": np.ones((1, 1)),
    "smeared by 0.7": ndi.gaussian_filter(np.pad([[1.0]], 6), 0.7),
    "smeared by 1": ndi.gaussian_filter(np.pad([[1.0]], 6), 1.0),
    "three along X": np.ones((1, 3)),
    "bleeding along X": np.array([[1.0, 0.5]]),
}
"""Kernels by which noise is correlated."""


def main() -> None:
    """Denoise all images with all kinds of noise."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--steps", type=int, default=250)
    chosen = parser.parse_args()
    rng = np.random.default_rng(9)
    gaps: dict[str, list[float]] = {}
    for name, truth in images(chosen.folder):
        plain = 0.0
        for kind, noise, kernel in noises(truth.shape, rng):
            noisy = truth + noise
            clean, report = denoise(noisy, axes="YX", steps=chosen.steps)
            found = psnr(clean, truth)
            plain = found if kind == "independent" else plain
            gaps.setdefault(kind, []).append(plain - found)
            blur = max(psnr(ndi.gaussian_filter(noisy, width), truth) for width in WIDTHS)
            print(
                f"{name}, {kind}: noisy {psnr(noisy, truth):.2f}, blur {blur:.2f}, BM3D "
                f"{psnr(bm3d(noisy, kernel), truth):.2f}, result {found:.2f} dB, radius "
                f"{report.settings.blind_spot_radius}",
                flush=True,
            )
    for kind, each in gaps.items():
        print(f"{kind}: {np.mean(each):.2f} dB less than with independent noise")


def images(folder: Path | None) -> Iterator[tuple[str, Array]]:
    """Yield the clean images."""
    yield "camera", data.camera()[::2, ::2].astype(float)
    files = sorted(folder.iterdir())[:IMAGES] if folder else []
    for file in files:
        yield file.stem, np.asarray(Image.open(file).convert("L"), float)


def noises(shape: tuple[int, ...], rng: np.random.Generator) -> Iterator[tuple[str, Array, Array]]:
    """Yield each kind of noise with its kernel, all of the same strength but the last."""
    white = rng.normal(0, SIGMA, shape)
    for kind, kernel in KERNELS.items():
        yield kind, ndi.convolve(white, kernel / np.linalg.norm(kernel), mode="wrap"), kernel
    offsets = rng.normal(0, SIGMA / 2, (shape[0], 1))
    yield "offsets of rows", white + offsets, np.ones((1, 1))


def bm3d(noisy: Array, kernel: Array) -> Array:
    """Denoise by BM3D with the true power spectrum of the noise."""
    vars(np).setdefault("trapz", np.trapezoid)  # BM3D 4.0 needs it, and NumPy 2.4 lacks it
    from bm3d import bm3d as denoise_with_spectrum

    spectrum = np.abs(np.fft.fft2(kernel / np.linalg.norm(kernel), noisy.shape)) ** 2
    return np.asarray(denoise_with_spectrum(noisy, SIGMA**2 * spectrum * noisy.size))


def psnr(image: Array, truth: Array) -> float:
    """Return the peak signal-to-noise ratio of 8-bit images."""
    return float(10 * np.log10(255**2 / np.mean((np.asarray(image, float) - truth) ** 2)))


if __name__ == "__main__":
    main()
