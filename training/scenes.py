"""Simulated scenes of many kinds, the training data of the pretrained weights.

A scene is a function of time, in frames (or of depth, in slices): its objects drift, swell and
blink. It returns an image ``(size, size)`` without noise, with values from 0 to about 1. No
photograph or micrograph is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from napari_n2s.simulation.fluorescence import splat

Image = NDArray[Any]
Scene = Callable[[float], Image]

SHARPEST = 1.1
"""Standard deviation in pixels of the point spread function of a well-sampling microscope."""
PACE = 1.0
"""Standard deviation of the shift of an object from frame to frame, in pixels."""


def draw_scene(size: int, rng: np.random.Generator) -> Scene:
    """Draw a scene of a random kind.

    Parameters
    ----------
    size : int
        Side of its images in pixels.
    rng : numpy.random.Generator
    """
    scene = KINDS[rng.integers(len(KINDS))](size, rng)
    blur = rng.choice([0.0, rng.uniform(0.3, 2.0)])
    slope, bend = rng.normal(0, 0.3, 2), np.exp(rng.normal(0, 0.4))
    ramp = np.add.outer(*(each * np.linspace(-1, 1, size) for each in slope))

    def lit(moment: float) -> Image:
        picture: Image = np.clip(scene(moment), 0, None) ** bend * np.exp(ramp)
        blurred: Image = gaussian_filter(picture, blur, mode="nearest")
        return blurred

    low, high = np.quantile(lit(0), (0, 0.9995))
    return lambda moment: ((lit(moment) - low) / max(high - low, 1e-9)).clip(0, 2)


def leaves(size: int, rng: np.random.Generator) -> Scene:
    """Occluding objects of all sizes (dead leaves model), as in natural images.

    Radii follow a power law, which makes images scale-invariant (Lee, Mumford & Huang, "Occlusion
    Models for Natural Images", 2001).
    """
    count = int(np.exp(rng.uniform(np.log(4), np.log(2000))))
    radius = size * np.clip(0.01 * rng.uniform(0, 1, count) ** (-1 / rng.uniform(1, 2.5)), 0, 0.6)
    return _pile(size, radius, np.exp(rng.normal(0, 0.5, count)), rng)


def strokes(size: int, rng: np.random.Generator) -> Scene:
    """Overlapping line segments: writing, scratches, hair, lattices."""
    count = int(np.exp(rng.uniform(np.log(10), np.log(300))))
    radius = size * rng.uniform(0.02, 0.15) * np.exp(rng.normal(0, 0.4, count))
    thin = rng.uniform(0.5, 3, count) / radius
    return _pile(size, radius, thin, rng, steep=float(rng.choice([0.0, np.pi / 4, np.pi])))


def tissue(size: int, rng: np.random.Generator) -> Scene:
    """Adjacent cells with bright or dark walls, as membranes in light or electron microscopy."""
    count = int(np.exp(rng.uniform(np.log(6), np.log(400))))
    centres, pace = rng.uniform(-0.1, 1.1, (count, 2)) * size, rng.normal(0, PACE / 2, (count, 2))
    level, inside = rng.uniform(0, 1, count), rng.uniform(0, 1)
    wall, thick = rng.uniform(-1.5, 2), rng.uniform(0.7, 4)
    grain, warp = _grain(size, rng), [_grain(size, rng, 2.5) for _ in range(2)]
    strength, crooked = rng.uniform(0, 0.5), size * rng.uniform(0, 0.08)
    grid = np.indices((size, size)) + crooked * np.stack(warp)

    def see(moment: float) -> Image:
        near, which = KDTree(centres + moment * pace).query(grid.transpose(1, 2, 0), k=2)
        between = np.exp(-((near[..., 1] - near[..., 0]) ** 2) / (2 * thick**2))
        shades = 0.5 + inside * (level[which[..., 0]] - 0.5)
        picture: Image = shades + wall * between + strength * grain
        return picture

    return see


def fluorescence(size: int, rng: np.random.Generator) -> Scene:
    """Fluorescent filaments, nuclei and puncta, in and out of focus."""
    filaments, nuclei = rng.integers(0, 60), rng.integers(1, 12)
    puncta, steps = int(rng.integers(2) * rng.integers(10, 600)), 2 * size
    turning = rng.normal(0, rng.uniform(0.01, 0.15), (filaments, steps))
    heading = rng.uniform(0, 2 * np.pi, (filaments, 1)) + np.cumsum(turning, 1)
    paths = rng.uniform(0, size, (filaments, 1, 2))
    paths = paths + 0.5 * np.cumsum(np.stack([np.sin(heading), np.cos(heading)], -1), 1)
    glow = rng.uniform(0.2, 1, (filaments, 1)) * (np.arange(steps) < rng.uniform(0, steps))
    spots = rng.uniform(0, size, (puncta, 2))
    bright, wide = np.exp(rng.normal(0, 0.8, puncta)), rng.uniform(1, 2)
    round_ = np.exp(rng.normal(0, 0.3, nuclei))
    bodies = _pile(size, size * rng.uniform(0.03, 0.15, nuclei), round_, rng)
    pace = [rng.normal(0, PACE, (n, *(1,) * (d - 1), 2)) for n, d in ((filaments, 2), (puncta, 1))]
    blinks = rng.uniform(0, 1, puncta) * rng.uniform(0, 1)
    amounts = rng.dirichlet([0.7] * 3) * [8, 1, 30]
    dark, haze = rng.uniform(0, 0.3), rng.uniform(0, 0.6)
    psf = SHARPEST * np.exp(rng.uniform(-0.4, 0.9))

    def see(moment: float) -> Image:
        beat = bright * (1 + blinks * np.sin(3 * moment + 40 * blinks))
        lines = splat(paths + moment * pace[0], glow, (size, size))
        dots = gaussian_filter(splat(spots + moment * pace[1], beat, (size, size)), wide)
        things = amounts[0] * lines + amounts[1] * bodies(moment) + amounts[2] * dots
        sharp: Image = gaussian_filter(things, psf, mode="nearest")
        sharp += haze * gaussian_filter(sharp, 8 * psf, mode="nearest") + dark * sharp.mean()
        return sharp

    return see


def texture(size: int, rng: np.random.Generator) -> Scene:
    """Random fields, waves and lattices."""
    waves = []
    for _ in range(rng.integers(1, 4)):
        angle, period = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(2.5), np.log(60)))
        way = np.array([np.sin(angle), np.cos(angle)]) * 2 * np.pi / period
        waves.append((way, rng.uniform(0, 2 * np.pi), rng.normal(0, 0.3), rng.uniform(0, 1)))
    grid, grain, bent = np.indices((size, size)), _grain(size, rng), 8 * _grain(size, rng, 3)
    share, bending, square = rng.uniform(0, 1), rng.choice([0.0, 1.0]), rng.uniform(0, 6)

    def see(moment: float) -> Image:
        total = np.zeros((size, size))
        for way, phase, speed, height in waves:
            wave = np.sin(np.tensordot(way, grid + bending * bent, 1) + phase + speed * moment)
            total += height * np.tanh(square * wave) if square > 1 else height * wave
        return 1 + share * total / len(waves) + (1 - share) * grain

    return see


def mixed(size: int, rng: np.random.Generator) -> Scene:
    """One kind on one side of a boundary and another beyond it."""
    kinds = (leaves, strokes, tissue, texture)
    this, that = (kinds[i](size, rng) for i in rng.integers(len(kinds), size=2))
    edge = 0.5 + 0.5 * np.tanh(rng.uniform(1, 30) * _grain(size, rng, rng.uniform(2, 3)))
    return lambda moment: edge * this(moment) + (1 - edge) * that(moment)


def _pile(
    size: int,
    radius: Image,
    aspect: Image,
    rng: np.random.Generator,
    steep: float = np.pi,
) -> Scene:
    """Overlay ellipses and boxes, each with an intensity, a gradient and a texture of its own."""
    count = len(radius)
    centre, pace = rng.uniform(-0.1, 1.1, (count, 2)) * size, rng.normal(0, PACE, (count, 2))
    level, slope = rng.uniform(0, 1, count), rng.normal(0, 0.3, (count, 2))
    angle = rng.uniform(0, 2 * np.pi) + rng.uniform(-steep, steep, count)
    boxes, soft = rng.uniform(0, 1, count) < rng.uniform(0, 1), np.exp(rng.uniform(-1, 1, count))
    grain, rough = _grain(size, rng), rng.uniform(0, 0.5) * rng.uniform(0, 1, count) ** 3
    ground = rng.uniform(0, 1) + rough.mean() * grain
    swelling = rng.normal(0, 0.03, count)

    def see(moment: float) -> Image:
        picture: Image = ground.astype(np.float32)
        for i in range(count):
            sides = radius[i] * (1 + swelling[i] * moment) * np.array([1, aspect[i]])
            at, reach = centre[i] + moment * pace[i], int(np.hypot(*sides)) + 3
            low, high = (np.clip(np.rint(at) + d, 0, size).astype(int) for d in (-reach, reach + 1))
            if (low >= high).any():
                continue
            box = slice(low[0], high[0]), slice(low[1], high[1])
            y, x = np.ogrid[box]
            y, x = y - at[0], x - at[1]
            u = (np.cos(angle[i]) * y + np.sin(angle[i]) * x) / sides[0]
            v = (np.cos(angle[i]) * x - np.sin(angle[i]) * y) / sides[1]
            out = np.maximum(abs(u), abs(v)) if boxes[i] else np.hypot(u, v)
            cover = np.clip(0.5 + (1 - out) * sides.min() / soft[i], 0, 1)
            shade = level[i] + slope[i, 0] * u + slope[i, 1] * v + rough[i] * grain[box]
            picture[box] += cover * (shade - picture[box])
        return picture

    return see


def _grain(size: int, rng: np.random.Generator, power: float | None = None) -> Image:
    """Draw a random field of variance 1 whose spectrum follows a power law."""
    power = rng.uniform(0.6, 2.5) if power is None else power
    down, across = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]
    stretch = np.exp(rng.normal(0, 0.5))
    frequency = np.hypot(stretch * down, across / stretch)
    frequency[0, 0] = np.inf
    waves = np.fft.rfft2(rng.normal(0, 1, (size, size))) / frequency**power
    field: Image = np.fft.irfft2(waves, (size, size))
    field /= field.std()
    return field


KINDS = (leaves, leaves, leaves, strokes, tissue, fluorescence, fluorescence, texture, mixed)
