"""Corruptions of a clean image, for benchmarks: those of Noise2Noise, and correlated noise.

Each takes an image of shape ``(..., height, width)``, in intensities from 0 to 1 unless it says
otherwise, and a generator of random numbers, and gives a new float32 image, which is not clipped.
Strengths and recipes are those of Lehtinen et al., "Noise2Noise", ICML 2018.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Image = NDArray[np.floating[Any]]
Random = np.random.Generator

TEXT_SIZES = (10, 24)
"""Heights of letters, in pixels."""
LETTERS = np.array(list(ascii_letters + digits))
LONGEST = 16
"""Letters of a line of text, at most."""
FONT = "fonts/ttf/DejaVuSans.ttf"
"""Among matplotlib's data."""


def gaussian(image: Image, rng: Random, sigma: float = 25 / 255) -> Image:
    """Add white noise of a standard deviation. Its mean is zero: L2."""
    return _single(image + rng.normal(0, sigma, image.shape))


def poisson(image: Image, rng: Random, photons: float = 30.0) -> Image:
    """Count photons, so many in a pixel of intensity 1, and scale back. Mean zero: L2."""
    return _single(rng.poisson(np.clip(image, 0, None) * photons) / photons)


def bernoulli(image: Image, rng: Random, lost: float = 0.5) -> tuple[Image, NDArray[np.bool_]]:
    """Lose a share of the pixels: they are 0. Also says which are left, for the masked L2."""
    left = rng.random(image.shape) >= lost
    return _single(image * left), left


def impulse(
    image: Image, rng: Random, share: float = 0.7, channel_axis: int | None = None
) -> Image:
    """Replace a share of the pixels by random intensities. Its mode is the truth: L0.

    A pixel of a colour image is replaced in all channels, if their axis is given.
    """
    chance = rng.random(image.shape)
    if channel_axis is not None:
        chance = chance.take([0], channel_axis)
    return _single(np.where(chance < share, rng.random(image.shape), image))


def text(image: Image, rng: Random, share: float = 0.25) -> Image:
    """Write over a share of the pixels, in many sizes and greys. Its median is the truth: L1."""
    corrupted = np.array(image, np.float32)
    for plane in corrupted.reshape(-1, *corrupted.shape[-2:]):
        _write_over(plane, rng, share)
    return corrupted


def brown(image: Image, rng: Random, sigma: float = 25 / 255, reach: float = 2.0) -> Image:
    """Add noise that neighbours share: white noise, blurred by `reach` pixels and scaled to sigma.

    No blind spot of a pixel can take it away; a second reading can.
    """
    height, width = image.shape[-2:]
    white = rng.normal(0, 1, image.shape)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    blur = np.exp(-2 * (np.pi * reach * radius) ** 2)
    blurred = np.fft.ifft2(np.fft.fft2(white) * blur).real
    return _single(image + sigma * blurred / np.sqrt(np.mean(blur**2)))


def heavy_tails(image: Image, rng: Random, samples: int = 8, tail: float = 2.0) -> Image:
    """Average a few samples of a distribution of few bright values, as Monte-Carlo renderers do.

    Each sample is 0 or a log-normal value, and is the intensity on average. For linear intensities
    from 0 to any number: the high-dynamic-range loss.

    Parameters
    ----------
    tail : float
        Standard deviation of a sample's logarithm. At 2 its own is seven times its mean.
    """
    mean = np.zeros(image.shape)
    for _ in range(samples):
        mean += np.exp(rng.normal(-(tail**2) / 2, tail, image.shape)) / samples
    return _single(image * mean)


def sample_spectrum(
    image: Image, rng: Random, rarest: float = 0.025
) -> tuple[Image, NDArray[np.complex64], NDArray[np.bool_]]:
    """Measure a tenth of the frequencies at random, the low ones oftener, as fast MRI does.

    Each comes with its mirror, and counts by how rarely it is measured, so that the image is right
    on average: L2, with what was measured put back (`replace_spectrum`).

    Parameters
    ----------
    rarest : float
        Chance of the highest frequency along an axis; the mean is always measured.

    Returns
    -------
    tuple of ndarray
        The image that these frequencies alone make, the spectrum as it is, and which frequencies
        were measured.
    """
    *planes, height, width = image.shape
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)) / 0.5
    chance = rarest**radius
    number = np.arange(height * width).reshape(height, width)
    mirror = np.roll(np.flip(number), 1, (0, 1))
    drawn = rng.random((*planes, height * width))
    sampled = drawn[..., np.minimum(number, mirror)] < chance
    spectrum = np.fft.fft2(image)
    made = np.fft.ifft2(np.where(sampled, spectrum / chance, 0)).real
    return _single(made), spectrum.astype(np.complex64), sampled


def replace_spectrum(image: Tensor, known: Tensor, sampled: Tensor) -> Tensor:
    """Put the frequencies that were measured back into a prediction: F⁻¹ R F f.

    Parameters
    ----------
    image : Tensor, shape (B, C, height, width)
    known : Tensor, complex, of that shape
        The measured spectrum, anything elsewhere.
    sampled : Tensor of bool, of that shape
        Which frequencies were measured, each with its mirror.
    """
    spectrum = torch.where(sampled, known, torch.fft.fft2(image))
    restored: Tensor = torch.fft.ifft2(spectrum).real
    return restored


def _write_over(plane: Image, rng: Random, share: float) -> None:
    """Write random words over a plane until so much of it is covered."""
    from PIL import Image as Canvas
    from PIL import ImageDraw

    height, width = plane.shape
    covered = np.zeros(plane.shape, bool)
    while covered.mean() < share:
        canvas = Canvas.new("1", (width, height))
        word = "".join(rng.choice(LETTERS, rng.integers(1, LONGEST)))
        place = (int(rng.integers(-width // 2, width)), int(rng.integers(-8, height)))
        size = int(rng.integers(*TEXT_SIZES))
        ImageDraw.Draw(canvas).text(place, word, 1, _font(size))
        written = np.asarray(canvas)
        plane[written] = rng.random()
        covered |= written


@cache
def _font(size: int) -> Any:
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), FONT)), size)


def _single(image: NDArray[Any]) -> NDArray[np.float32]:
    return image.astype(np.float32)
