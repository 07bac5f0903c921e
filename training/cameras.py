"""Simulated cameras, which add noise over four decades of light."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Image = NDArray[np.floating[Any]]


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
    smear : tuple of float, (Y, X)
        Standard deviation in pixels of the Gaussian that correlates the noise of neighbours.
    """

    photons: float = inf
    read_noise: float = 0.0
    multiplies: bool = False
    step: float = 0.0
    clips: bool = False
    smear: tuple[float, ...] = (0.0, 0.0)

    def record(self, picture: Image, rng: np.random.Generator) -> Image:
        """Record an image ``(..., Y, X)`` once."""
        seen: Image = picture
        if self.photons < inf:
            seen = rng.poisson(np.maximum(picture, 0) * self.photons).astype(float)
            if self.multiplies:
                seen = rng.standard_gamma(seen)
            seen /= self.photons
        seen = seen + self.read_noise * rng.standard_normal(picture.shape)
        if any(self.smear):
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
        point = np.zeros((33, 33))
        point[16, 16] = 1
        kernel: Image = gaussian_filter(point, self.smear)
        smear = (*(0.0,) * (noise.ndim - 2), *self.smear)
        spread: Image = gaussian_filter(noise, smear, mode="reflect") / np.linalg.norm(kernel)
        return spread


def draw_camera(
    picture: Image, rng: np.random.Generator, radius: tuple[int, ...] = (0, 0)
) -> Camera:
    """Draw a camera whose noise is from a fifteenth to three times the image's contrast.

    It is correlated up to a blind-spot radius along each axis, and hardly beyond.
    """
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
        smear=tuple(_widest(reach) * rng.random() if reach else 0.0 for reach in radius),
    )


def _widest(reach: int) -> float:
    """Give the largest smear at which the correlation beyond a radius is less than 1/20."""
    return float((reach + 1) / np.sqrt(4 * np.log(20)))
