"""A detector that bleeds along X, on simulated fluorescence and electron micrographs.

    python benchmarks/bleeding.py
    python benchmarks/bleeding.py --steps 60

Each pixel of the noisy image leaks into the next one, so that the noise of adjacent pixels has a
correlation of 0.15, 0.25 or 0.4. For 1 to 100 photons in the brightest pixels: the blind-spot
radius that is found, and PSNR in dB of the noisy image, of the best Gaussian blur chosen by the
truth, of the result, and of the result for the same image without bleeding.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from scipy.spatial import KDTree

from napari_n2s import denoise
from napari_n2s.simulation import fluorescence
from napari_n2s.simulation.judging import SIGMAS, psnr

Array = NDArray[np.float64]
SIZE, READ_NOISE = 256, 0.5
"""Side of the images in pixels, and standard deviation of the read noise in photons."""
CORRELATIONS, PHOTONS = (0.0, 0.15, 0.25, 0.4), (1, 3, 10, 30, 100)


def cells(seed: int) -> Array:
    """Simulate fluorescence, from 0 to 1."""
    truth = fluorescence.picture(SIZE, seed=seed).truth.astype(float)
    return (truth - truth.min()) / np.ptp(truth)


def membranes(seed: int) -> Array:
    """Simulate an electron micrograph of tissue, from 0 to 1: dark membranes, vesicles, grain."""
    rng = np.random.default_rng(seed)
    grid = np.indices((SIZE, SIZE)).astype(float)
    grid += 12 * np.stack([ndi.gaussian_filter(rng.normal(size=(SIZE, SIZE)), 12) * 40] * 2) / 2
    near, which = KDTree(rng.uniform(0, SIZE, (60, 2))).query(grid.transpose(1, 2, 0), k=2)
    image = rng.uniform(0.6, 0.9, 60)[which[..., 0]]
    image -= 0.5 * np.exp(-((near[..., 1] - near[..., 0]) ** 2) / 6)
    for y, x in rng.uniform(4, SIZE - 4, (150, 2)):
        distance = np.hypot(*(np.indices((SIZE, SIZE)) - np.array([y, x])[:, None, None]))
        image -= 0.3 * np.exp(-((distance - 3) ** 2))
    grain = ndi.gaussian_filter(rng.normal(size=(SIZE, SIZE)), 1.5)
    return (ndi.gaussian_filter(image, 0.7) + 0.04 * grain / grain.std()).clip(0.05, 1)


def bled(image: Array, correlation: float) -> Array:
    """Let each pixel leak into the next, so that white noise has this correlation at one pixel."""
    share = (1 - (1 - 4 * correlation**2) ** 0.5) / (2 * correlation) if correlation else 0.0
    return (image + share * np.roll(image, 1, 1)) / (1 + share)


def images() -> Iterator[tuple[str, Array]]:
    """Yield the scenes."""
    for seed in (1, 2):
        yield f"fluorescence {seed}", cells(seed)
        yield f"electron micrograph {seed}", membranes(seed)


def main() -> None:
    """Denoise all images at all correlations."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=100)
    steps = parser.parse_args().steps
    for name, light in images():
        for photons in PHOTONS:
            rng = np.random.default_rng(photons)
            noisy = rng.poisson(photons * light) + rng.normal(0, READ_NOISE, light.shape)
            for correlation in CORRELATIONS:
                image, truth = (bled(each, correlation) for each in (noisy, photons * light))
                clean, report = denoise(image, axes="YX", steps=steps)
                blur = max(psnr(ndi.gaussian_filter(image, sigma), truth) for sigma in SIGMAS)
                print(
                    f"{name}, {photons} photons, {correlation}: radius "
                    f"{report.settings.blind_spot_radius}, noisy {psnr(image, truth):.2f}, blur "
                    f"{blur:.2f}, result {psnr(clean, truth):.2f} dB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
