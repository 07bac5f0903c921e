"""Whether correlated noise and offsets are found: noise of many kinds on ten scenes.

    python benchmarks/correlated.py

Prints for each kind of noise how often the blind spot runs along the right axes, how often its
radius is right within a pixel, and the cases in which it is not; then how often offsets of rows and
columns and the fixed pattern of movies are found, and how often where there are none; and how long
it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage as ndi
from skimage import data

from napari_n2s import Settings
from napari_n2s.core.generators import finish
from napari_n2s.images.image import open_image
from napari_n2s.noise.correlation import choose_blind_spot
from napari_n2s.offsets.removal import removing_offsets
from napari_n2s.preparation.prepared import prepare
from napari_n2s.simulation import fluorescence

Array = NDArray[np.float64]
SIZE, TOP = 256, 200.0
"""Side of the scenes in pixels, and their brightness."""
PHOTOGRAPHS = ("camera", "coins", "moon", "brick", "cell")


def scenes() -> Iterator[tuple[str, Array]]:
    """Yield ten scenes, half of them photographs and half simulated cells."""
    for name in PHOTOGRAPHS:
        image = np.asarray(getattr(data, name)(), float)
        top, left = ((side - SIZE) // 4 for side in image.shape)
        yield name, _to_range(image[top : top + SIZE, left : left + SIZE])
    for seed in range(5):
        cells = _to_range(fluorescence.picture(SIZE, seed=seed).truth.astype(float))
        yield f"cells {seed}", cells


def _to_range(image: Array) -> Array:
    return TOP * (image - image.min()) / np.ptp(image)


def _like(noise: Array, changed: Array) -> Array:
    """Scale changed noise to the standard deviation that it had."""
    scaled: Array = changed * (noise.std() / changed.std())
    return scaled


def smeared(width: float) -> Callable[[Array, Array], Array]:
    """Smear noise by a Gaussian."""
    return lambda light, noise: light + _like(noise, ndi.gaussian_filter(noise, width))


def line(axis: int, *shares: float) -> Callable[[Array, Array], Array]:
    """Add a pixel's noise to the next ones along an axis, in shares."""
    return lambda light, noise: (
        light
        + _like(
            noise, sum(share * np.roll(noise, n, axis) for n, share in enumerate((1.0, *shares)))
        )
    )


def enlarged(order: int) -> Callable[[Array, Array], Array]:
    """Enlarge the noise of every other pixel to twice its size."""
    zoom = {"order": order, "mode": "nearest", "grid_mode": True}
    return lambda light, noise: light + _like(noise, ndi.zoom(noise[::2, ::2], 2, **zoom))


def jpeg(quality: int) -> Callable[[Array, Array], Array]:
    """Compress the noisy image."""

    def compress(light: Array, noise: Array) -> Array:
        file = BytesIO()
        whole = np.clip(light + noise, 0, 255).astype(np.uint8)
        Image.fromarray(whole).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file), float)

    return compress


def offsets(*shape: int, share: float = 0.5) -> Callable[[Array, Array], Array]:
    """Add offsets to all rows or columns, a share of the noise."""
    return lambda light, noise: (
        light + noise + share * noise.std() * np.random.default_rng(1).normal(size=shape)
    )


KINDS: dict[str, tuple[Callable[[Array, Array], Array], tuple[int, int] | None]] = {
    "independent": (lambda light, noise: light + noise, (0, 0)),
    "offsets of rows": (offsets(SIZE, 1), (0, 0)),
    "smeared by 0.5": (smeared(0.5), (1, 1)),
    "smeared by 0.7": (smeared(0.7), (2, 2)),
    "smeared by 1": (smeared(1), (3, 3)),
    "smeared by 1.3": (smeared(1.3), (4, 4)),
    "two along X": (line(1, 1), (0, 1)),
    "two along Y": (line(0, 1), (1, 0)),
    "three along X": (line(1, 1, 1), (0, 2)),
    "three along Y": (line(0, 1, 1), (2, 0)),
    "bleeding 0.25 along X": (line(1, 0.27), (0, 1)),
    "bleeding 0.4 along X": (line(1, 0.5), (0, 1)),
    "enlarged, nearest": (enlarged(0), (1, 1)),
    "enlarged, linear": (enlarged(1), (2, 2)),
    "JPEG, quality 90": (jpeg(90), None),
    "JPEG, quality 60": (jpeg(60), None),
    "JPEG, quality 30": (jpeg(30), None),
}
"""How each kind of noise is made, and the radius along Y and X up to which it is correlated; None
where that is measured with the truth."""
CORRELATED, UNCERTAIN = 0.22, 0.14
"""Correlation of the error of adjacent pixels from which on noise that is measured with the truth
is correlated, and from which on either verdict is right."""
FRAMES, STEP = 16, 2
"""Number of frames of the movies, and pixels by which the scene moves from frame to frame."""
OFFSETS: dict[str, Callable[[Array, Array], Array]] = {
    "no offsets": lambda light, noise: light + noise,
    "rows, 0.25": offsets(SIZE, 1, share=0.25),
    "rows, 0.5": offsets(SIZE, 1),
    "columns, 0.5": offsets(1, SIZE),
    "columns, 1": offsets(1, SIZE, share=1),
}
"""Offsets, and their standard deviation relative to that of the noise."""
STRENGTHS = (10.0, 25.0)
"""Standard deviations of the noise."""


def measured_radius(error: Array) -> tuple[int, int] | None:
    """Return the radius up to which an error is correlated; None if that is uncertain."""
    reach = []
    for axis in range(2):
        along = np.moveaxis(error - ndi.gaussian_filter(error, 6), axis, 0)
        lags = [np.mean(along[lag:] * along[: SIZE - lag]) / along.var() for lag in range(1, 5)]
        if UNCERTAIN < lags[0] < CORRELATED:
            return None
        reach.append(int(np.argmin([*(each > 0.05 for each in lags), False])))
        if lags[0] < CORRELATED:
            reach[-1] = 0
    return reach[0], reach[1]


def is_right(found: tuple[int, ...], radius: tuple[int, int]) -> tuple[bool, bool]:
    """Whether a blind spot runs along the right axes, and whether its radius is right within 1."""
    axes = all(bool(a) == bool(b) for a, b in zip(found, radius, strict=True))
    return axes, axes and max(abs(a - b) for a, b in zip(found, radius, strict=True)) <= 1


def find_correlations(tell: Callable[[str], None]) -> None:
    """Let the blind spot be chosen for all kinds of noise on all scenes."""
    rng = np.random.default_rng(0)
    seconds, total = [], np.zeros(3, int)
    for kind, (make, radius) in KINDS.items():
        axes, close, count, wrong = 0, 0, 0, []
        for name, light in scenes():
            for strength in STRENGTHS:
                image = make(light, rng.normal(0, strength, light.shape))
                prepared = prepare(open_image(image, "YX"), Settings())
                begin = time.perf_counter()
                found = choose_blind_spot(prepared)
                seconds.append(time.perf_counter() - begin)
                right = radius or measured_radius(image - light)
                if right is None:
                    continue
                verdict = is_right(found.radius, right)
                axes, close, count = axes + verdict[0], close + verdict[1], count + 1
                if not verdict[0]:
                    doubt = " (in doubt)" if found.cause and not any(found.radius) else ""
                    wrong.append(f"{name} {strength:g}: {found.radius} for {right}{doubt}")
        total += axes, close, count
        tell(f"{kind}: axes {axes} of {count}, radius within one {close}; {'; '.join(wrong)}")
    tell(f"all: axes {total[0]} of {total[2]}, radius within one {total[1]}")
    tell(f"{np.mean(seconds):.3f} s for {SIZE}²")


def find_offsets(tell: Callable[[str], None]) -> None:
    """Look for offsets of rows and columns, and for the fixed pattern of movies."""
    rng = np.random.default_rng(0)
    for kind, make in OFFSETS.items():
        found = []
        for _, light in scenes():
            for strength in STRENGTHS:
                image = make(light, rng.normal(0, strength, light.shape))
                found += finish(removing_offsets(open_image(image, "YX"), Settings()))[1]
        named = {name: sum(each.startswith(name) for each in found) for name in ("Rows", "Columns")}
        tell(f"{kind}: found {named} in {10 * len(STRENGTHS)}")
    for moves in (True, False):
        for share in (0.0, 0.15, 0.25, 0.5, 1.0):
            count, seconds = 0, 0.0
            for _, light in scenes():
                for strength in STRENGTHS:
                    shifts = STEP * np.arange(FRAMES) * moves
                    frames = np.stack([np.roll(light, each, 1) for each in shifts])
                    frames += rng.normal(0, strength, frames.shape)
                    frames += rng.normal(0, share * strength, light.shape)
                    begin = time.perf_counter()
                    image = open_image(frames, "TYX")
                    said = finish(removing_offsets(image, Settings()))[1]
                    seconds += time.perf_counter() - begin
                    count += any("fixed pattern" in each for each in said)
            every = 10 * len(STRENGTHS)
            tell(
                f"{'moving' if moves else 'still'}, pattern {share:g} of the noise: found in "
                f"{count} of {every}, {seconds / every:.2f} s for {FRAMES} x {SIZE}²"
            )


def main(tell: Callable[[str], None] = print) -> None:
    """Run all."""
    find_correlations(tell)
    find_offsets(tell)


if __name__ == "__main__":
    main()
