"""Simulated fluorescence with ground truth: filaments and nuclei, photon and read noise."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

PHOTONS = 20.0
"""Photons in the brightest pixels."""
GAIN, OFFSET, READ_NOISE = 4.0, 100.0, 6.0
"""Grey values per photon, grey value without light, and standard deviation of the read noise."""
PSF = (1.2, 1.1, 1.1)
"""Standard deviation of the point spread function along Z, Y and X, in pixels."""
HAZE = (2.0, 8.0, 8.0)
"""The same for out-of-focus light."""

Image = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Sample:
    """A noisy image as a camera would record it, and its noise-free expectation.

    Attributes
    ----------
    noisy : ndarray of uint16
    truth : ndarray of float32
        In grey values as well.
    axes : str
    """

    noisy: NDArray[np.uint16]
    truth: NDArray[np.float32]
    axes: str


def picture(size: int = 512, seed: int = 0) -> Sample:
    """Simulate one focal plane; shape ``(size, size)``."""
    rng = np.random.default_rng(seed)
    return _record(_Cell(1, size, rng).render(0)[0], "YX", rng)


def volume(depth: int = 16, size: int = 256, seed: int = 0) -> Sample:
    """Simulate a Z-stack; shape ``(depth, size, size)``."""
    rng = np.random.default_rng(seed)
    return _record(_Cell(depth, size, rng).render(0), "ZYX", rng)


def movie(frames: int = 20, size: int = 256, seed: int = 0) -> Sample:
    """Simulate a time series of drifting objects; shape ``(frames, size, size)``."""
    rng = np.random.default_rng(seed)
    cell = _Cell(1, size, rng)
    return _record(np.stack([cell.render(time)[0] for time in range(frames)]), "TYX", rng)


class _Cell:
    """Positions of filaments and nuclei, and the drift of each per frame."""

    def __init__(self, depth: int, size: int, rng: np.random.Generator) -> None:
        self.shape = (depth, size, size)
        filaments, nuclei, steps = size * (depth + 7) // 48, max(2, size // 80), 2 * size
        heading = rng.uniform(0, 2 * np.pi, (filaments, 1))
        heading = heading + np.cumsum(rng.normal(0, 0.06, (filaments, steps)), 1)
        climb = np.repeat(rng.normal(0, 0.5 * depth / size, (filaments, 1)), steps, 1)
        pace = 0.5 * np.stack([climb, np.sin(heading), np.cos(heading)], -1)
        self.paths = rng.uniform(0, 1, (filaments, 1, 3)) * self.shape + np.cumsum(pace, 1)
        length = rng.uniform(0.2, 1, (filaments, 1)) * steps
        self.brightness = rng.uniform(0.5, 1, (filaments, 1)) * (np.arange(steps) < length)
        self.centres = rng.uniform(0.15, 0.85, (nuclei, 1, 3)) * self.shape
        self.radii = rng.uniform(18, 32, (nuclei, 1, 3)) * [depth / 80, 1, 1] + [1, 0, 0]
        self.spots = rng.normal(0, 0.4, (nuclei, 60, 3)) * self.radii
        self.drift = rng.normal(0, 0.5, (filaments + nuclei, 1, 3)) * [0, 1, 1]

    def render(self, frame: int) -> Image:
        """Render a frame without noise, in arbitrary units; ``(Z, Y, X)``."""
        moved = frame * self.drift
        paths = self.paths + moved[: len(self.paths)]
        centres = self.centres + moved[len(self.paths) :]
        spots = splat(centres + self.spots, np.ones(self.spots.shape[:2]), self.shape)
        sharp = _blur(4 * splat(paths, self.brightness, self.shape), PSF)
        sharp += sum(
            _ellipsoid(self.shape, *each) for each in zip(centres, self.radii, strict=True)
        )
        sharp += _blur(20 * spots, tuple(2 * sigma for sigma in PSF))
        return 0.02 + 0.3 * sharp + 0.25 * _blur(sharp, HAZE)


def _record(seen: Image, axes: str, rng: np.random.Generator) -> Sample:
    photons = PHOTONS * seen / np.quantile(seen, 0.999)
    noisy = GAIN * rng.poisson(photons) + OFFSET + rng.normal(0, READ_NOISE, photons.shape)
    truth = (GAIN * photons + OFFSET).astype(np.float32)
    return Sample(np.rint(noisy).clip(0, 65535).astype(np.uint16), truth, axes)


def _ellipsoid(shape: tuple[int, ...], centre: Image, radii: Image) -> Image:
    grid = np.indices(shape, np.float32).transpose(1, 2, 3, 0)
    distance = np.linalg.norm((grid - centre) / radii, axis=-1)
    inside: Image = 0.6 / (1 + np.exp(np.minimum(12 * (distance - 1), 50)))
    return inside


def splat(points: Image, weights: Image, shape: tuple[int, ...]) -> Image:
    """Distribute weights ``(...)`` at points ``(..., axes)`` linearly over the nearest pixels."""
    points, weights = points.reshape(-1, len(shape)), weights.ravel()
    low = np.floor(points).astype(int)
    image = np.zeros(shape)
    for corner in product((0, 1), repeat=len(shape)):
        where = low + corner
        share = np.prod(1 - np.abs(points - where), 1) * weights
        inside = ((where >= 0) & (where < shape)).all(1)
        np.add.at(image, tuple(where[inside].T), share[inside])
    return image


def _blur(volume: Image, sigma: tuple[float, ...]) -> Image:
    blurred: Image = gaussian_filter(volume, sigma, mode="nearest")
    return blurred
