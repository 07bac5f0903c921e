"""The images that methods are compared on: noisy, with a truth to compare with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from skimage import data

from napari_n2s.simulation import fluorescence

Image = NDArray[np.float32]
Denoiser = Callable[[Image], Image]


@dataclass(frozen=True)
class Case:
    """A noisy image with its truth; `sigma` is the noise where it is Gaussian and known."""

    name: str
    noisy: Image
    truth: Image
    peak: float = 255
    sigma: float | None = None
    affine: bool = False


def gaussian(name: str, truth: Image, sigma: float, seed: int = 0) -> Case:
    """Add Gaussian noise."""
    noise = np.random.default_rng(seed).normal(0, sigma, truth.shape)
    return Case(name, (truth + noise).astype(np.float32), truth, sigma=sigma)


def camera(sigma: float = 25) -> Iterator[Case]:
    """Take scikit-image's photograph."""
    yield gaussian("camera", data.camera().astype(np.float32), sigma)


def clean_folder(folder: Path, sigma: float) -> Iterator[Case]:
    """Add Gaussian noise to every image of a folder."""
    for file in sorted(folder.iterdir()):
        yield gaussian(file.stem, iio.imread(file).astype(np.float32), sigma)


def pairs(noisy: Path, truth: Path, affine: bool) -> Iterator[Case]:
    """Pair each truth with the first noisy file whose name begins with its own."""
    for file in sorted(truth.iterdir()):
        found = sorted(noisy.glob(f"{file.stem}*"))
        if found:
            images = (iio.imread(each).astype(np.float32) for each in (found[0], file))
            yield Case(file.stem, *images, affine=affine)


def photons() -> Iterator[Case]:
    """Simulate fluorescence with 1 to 100 photons in an average pixel, and nothing but photons."""
    truth = fluorescence.picture(seed=1).truth.astype(np.float64)
    truth -= truth.min()
    for count in (1, 3, 10, 30, 100):
        expected = truth / truth.mean() * count
        noisy = np.random.default_rng(count).poisson(expected).astype(np.float32)
        yield Case(
            f"{count} photons", noisy, expected.astype(np.float32), peak=float(expected.max())
        )


def unlike(sigma: float) -> Iterator[Case]:
    """Take text and lattices, unlike the pretraining data."""
    y, x = np.mgrid[:384, :384]
    hexagons = sum(
        np.cos(2 * np.pi / 6.5 * (x * np.cos(turn) + y * np.sin(turn)))
        for turn in np.deg2rad((12, 132, 252))
    )
    egg_box = np.sin(2 * np.pi / 7.3 * x) * np.sin(2 * np.pi / 5.1 * y + 0.1 * x)
    yield gaussian("page", data.page().astype(np.float32), sigma)
    yield gaussian("hexagons", (127 + 40 * hexagons).astype(np.float32), sigma)
    yield gaussian("egg box", (127 + 80 * egg_box).astype(np.float32), sigma)


def hardships(size: int = 256) -> Iterator[Case]:
    """Simulate what microscopes do to a picture besides a little noise."""
    rng = np.random.default_rng(0)
    truth = fluorescence.picture(size, seed=2).truth.astype(np.float64)
    unit = (truth - truth.min()) / (truth.max() - truth.min())

    def case(name: str, noisy: NDArray[np.floating], clean: NDArray[np.floating] = unit) -> Case:
        kept = clean.astype(np.float32)
        return Case(name, noisy.astype(np.float32), kept, peak=float(kept.max() - kept.min()))

    for sigma in (0.005, 0.5, 2.0):
        yield case(f"Gaussian, {sigma:g} of the range", unit + rng.normal(0, sigma, unit.shape))
    for count in (1, 10, 1000):
        yield case(f"{count} photons at most", rng.poisson(count * unit) / count)
    yield case(
        "read noise and offset",
        1000 * unit + 1e4 + rng.normal(0, 100, unit.shape),
        1000 * unit + 1e4,
    )
    gained = rng.gamma(np.maximum(rng.poisson(20 * unit), 1e-9), 1 / 20)
    yield case("electron multiplying", gained)
    coarse = np.rint((unit + rng.normal(0, 0.1, unit.shape)).clip(0, 1) * 8) / 8
    yield case("8 grey levels, clipped", coarse)
    hot = unit + rng.normal(0, 0.1, unit.shape)
    hot[rng.random(unit.shape) < 0.002] = 5
    yield case("hot pixels", hot)
    half = unit * (np.arange(size) < size // 2)
    yield case("half empty", rng.poisson(30 * half) / 30, half)
    bright = np.minimum(2 * unit, 1)
    yield case("saturated", np.minimum(bright + rng.normal(0, 0.1, unit.shape), 1), bright)
    y, x = np.mgrid[:size, :size]
    stripes = 0.5 + 0.5 * np.sin(2 * np.pi * (x + 0.4 * y) / 4.3)
    yield case("stripes of 4 pixels", stripes + rng.normal(0, 0.3, unit.shape), stripes)
    line = np.zeros((size, size))
    turn = np.arange(4 * size) / (4 * size)
    for radius in (0.15, 0.3, 0.42):
        at = np.rint(size * (0.5 + radius * np.array([np.cos(6.3 * turn), np.sin(6.3 * turn)])))
        line[tuple(at.astype(int))] = 1
    yield case("filaments of one pixel", line + rng.normal(0, 0.3, unit.shape), line)
