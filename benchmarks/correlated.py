"""Whether correlated noise is found: noise of twenty kinds on ten scenes, and how long it takes.

    python benchmarks/correlated.py

Prints for each kind of noise how often the blind spot runs along the right axes, how often its
radius is right within a pixel, and the cases in which it is not.
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
from napari_n2s.images.image import open_image
from napari_n2s.noise.correlation import choose_blind_spot
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


def jpeg(light: Array, noise: Array) -> Array:
    """Compress the noisy image."""
    file = BytesIO()
    Image.fromarray(np.clip(light + noise, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=80)
    return np.asarray(Image.open(file), float)


def rows(light: Array, noise: Array) -> Array:
    """Add an offset to every row, half as strong as the noise."""
    return light + noise + noise.std() / 2 * np.random.default_rng(1).normal(size=(SIZE, 1))


KINDS: dict[str, tuple[Callable[[Array, Array], Array], tuple[int, int] | None]] = {
    "independent": (lambda light, noise: light + noise, (0, 0)),
    "offsets of rows": (rows, (0, 0)),
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
    "JPEG": (jpeg, None),
}
"""How each kind of noise is made, and the radius along Y and X up to which it is correlated; None
where that depends on the image."""
STRENGTHS = (10.0, 25.0)
"""Standard deviations of the noise."""


def main(tell: Callable[[str], None] = print) -> None:
    """Run all kinds on all scenes."""
    rng = np.random.default_rng(0)
    seconds = []
    for kind, (make, radius) in KINDS.items():
        axes, close, wrong = 0, 0, []
        for name, light in scenes():
            for strength in STRENGTHS:
                image = make(light, rng.normal(0, strength, light.shape))
                prepared = prepare(open_image(image, "YX"), Settings())
                begin = time.perf_counter()
                found = choose_blind_spot(prepared)
                seconds.append(time.perf_counter() - begin)
                right = radius is None or all(
                    bool(a) == bool(b) for a, b in zip(found.radius, radius, strict=True)
                )
                axes += right
                close += right and (
                    radius is None or max(np.abs(np.subtract(found.radius, radius))) <= 1
                )
                if not right or radius is None:
                    doubt = " (in doubt)" if found.cause and not any(found.radius) else ""
                    wrong.append(f"{name} {strength:g}: {found.radius}{doubt}")
        count = 10 * len(STRENGTHS)
        tell(f"{kind}: axes {axes} of {count}, radius within one {close}; {'; '.join(wrong)}")
    tell(f"{np.mean(seconds):.3f} s for {SIZE}²")


if __name__ == "__main__":
    main()
