"""The images that methods are compared on: noisy, with a truth to compare with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from skimage import data

from napari_n2s.work import simulate

Image = NDArray[np.float32]


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
    truth = simulate.picture(seed=1).truth.astype(np.float64)
    for count in (1, 3, 10, 30, 100):
        expected = truth / truth.mean() * count
        noisy = np.random.default_rng(count).poisson(expected).astype(np.float32)
        yield Case(
            f"{count} photons", noisy, expected.astype(np.float32), peak=float(expected.max())
        )
