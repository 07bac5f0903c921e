"""Simulated cameras, which add noise over four decades of light."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d, gaussian_filter1d

Image = NDArray[np.floating[Any]]

RADIUS = 8
"""Maximum distance in pixels at which noise is correlated in each direction."""


@dataclass(frozen=True)
class Camera:
    """A camera, in units of the image that it records.

    Attributes
    ----------
    photons : float
        Photoelectrons at an intensity of 1; infinite for no photon noise.
    read_noise : float
        Standard deviation of the read noise.
    multiplies : bool
        Whether it has electron multiplication, which doubles the variance of photon noise.
    step : float
        Quantisation step, 0 for none.
    clips : bool
        Whether intensities are clipped to 0 to 1.
    smear : tuple of ndarray, (Y, X)
        Kernel along each axis that correlates the noise of neighbours.
    """

    photons: float = inf
    read_noise: float = 0.0
    multiplies: bool = False
    step: float = 0.0
    clips: bool = False
    smear: tuple[Image, ...] = ()

    def record(self, picture: Image, rng: np.random.Generator) -> Image:
        """Record an image ``(..., Y, X)`` once."""
        seen: Image = picture
        if self.photons < inf:
            seen = rng.poisson(np.maximum(picture, 0) * self.photons).astype(float)
            if self.multiplies:
                seen = rng.standard_gamma(seen)
            seen /= self.photons
        seen = seen + self.read_noise * rng.standard_normal(picture.shape)
        if self.smear:
            seen = picture + self._spread(seen - picture)
        if self.step:
            seen = self.step * np.rint(seen / self.step)
        return np.clip(seen, 0, 1) if self.clips else seen

    def variance(self, picture: Image) -> Image:
        """Give the variance of the noise at each pixel, without clipping and smear."""
        light = np.maximum(picture, 0) * (1 + self.multiplies) / self.photons
        return np.asarray(light + self.read_noise**2 + self.step**2 / 12)

    def _spread(self, noise: Image) -> Image:
        """Correlate the noise of neighbours, keeping its variance."""
        for axis, kernel in zip((-2, -1), self.smear, strict=True):
            noise = convolve1d(noise, kernel / np.linalg.norm(kernel), axis, mode="reflect")
        return noise


def draw_camera(picture: Image, rng: np.random.Generator, smear: tuple[Image, ...] = ()) -> Camera:
    """Draw a camera whose noise is from a fifteenth to three times the image's contrast."""
    contrast = max(float(picture.std()), 0.02)
    noise = (np.exp(rng.uniform(np.log(0.07), np.log(3))) * contrast) ** 2
    share = rng.choice([0.0, rng.uniform(0, 1), 1.0])
    light = max(float(picture.mean()), 1e-3)
    return Camera(
        photons=light / (share * noise) if share else inf,
        read_noise=float(np.sqrt((1 - share) * noise)),
        multiplies=bool(rng.random() < 0.15),
        step=float(rng.choice([0.0, 0.0, 1 / 255, rng.uniform(0, 0.5) * np.sqrt(noise)])),
        clips=bool(rng.random() < 0.15),
        smear=smear,
    )


def draw_smear_within(radius: tuple[int, ...], rng: np.random.Generator) -> tuple[Image, ...]:
    """Draw kernels that correlate noise up to a radius along each axis, and hardly beyond."""
    if not any(radius):
        return ()
    return tuple(_gaussian(_widest(reach) * rng.random() if reach else 0.0) for reach in radius)


def draw_smear(rng: np.random.Generator) -> tuple[Image, ...]:
    """Draw kernels of many kinds: as of optics, interpolation, binning, detectors that scan."""
    own, other = (_draw_kernel(rng) for _ in range(2))
    return ((own, own), (own, own), (own, _gaussian(0)), (_gaussian(0), own), (own, other))[
        rng.integers(5)
    ]


def _draw_kernel(rng: np.random.Generator) -> Image:
    """Draw a Gaussian, a box, a triangle, an exponential decay, or two adjacent pixels."""
    kernels = (
        lambda: _gaussian(rng.uniform(0.3, 1.8)),
        lambda: np.ones(3),
        lambda: np.array([1.0, 2.0, 1.0]),
        lambda: np.concatenate([np.zeros(RADIUS), rng.uniform(0.1, 0.7) ** np.arange(RADIUS + 1)]),
        lambda: np.array([0.0, 1.0, rng.uniform(0.1, 1)]),
    )
    return np.asarray(kernels[rng.choice(5, p=(0.5, 0.1, 0.1, 0.15, 0.15))]())


def _gaussian(width: float) -> Image:
    point = np.zeros(2 * RADIUS + 1)
    point[RADIUS] = 1
    return np.asarray(gaussian_filter1d(point, width) if width else point)


def _widest(reach: int) -> float:
    """Give the largest standard deviation at which the correlation beyond a radius is < 1/20."""
    return float((reach + 1) / np.sqrt(4 * np.log(20)))
