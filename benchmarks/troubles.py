"""What hot pixels, burnt-in bars, beads, borders and repeated frames cost the rest of a picture.

    python benchmarks/troubles.py                     ten pictures of each kind, with and without
    python benchmarks/troubles.py hot bar --steps 100

Prints for each picture the peak signal-to-noise ratio, away from the trouble, of the noisy picture,
of the result, and of the result for the same picture and noise without the trouble; then, by kind,
how often the two differ by no more than half a decibel.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_n2s import denoise
from napari_n2s.simulation import fluorescence

SIZE, PICTURES, CLOSE = 160, 10, 0.5
Image = NDArray[np.float64]


class Trouble(NamedTuple):
    """A picture with its trouble and without, and where that is."""

    name: str
    axes: str
    spoilt: NDArray[np.generic]
    plain: NDArray[np.generic]
    truth: Image
    where: NDArray[np.bool_]


def scene(
    rng: np.random.Generator, axes: str, photons: float, offset: float
) -> tuple[Image, Image]:
    """Simulate cells, and a camera's picture of them, with frames or channels first."""
    seeds = rng.integers(1000, size=2 if axes[0] == "C" else 1)
    truths = [fluorescence.picture(SIZE, seed=int(seed)).truth.astype(np.float64) for seed in seeds]
    unit = [(each - each.min()) / np.ptp(each) for each in truths]
    stack = np.stack(unit * (4 if axes[0] == "T" else 1))
    light = photons * (stack if len(axes) == 3 else stack[0])
    return light + offset, rng.poisson(light) + offset + rng.normal(0, 1.6, light.shape)


def away(spoilt: NDArray[np.bool_], by: float) -> NDArray[np.bool_]:
    """Say which pixels lie away from some, in their own picture."""
    planes = spoilt.reshape(-1, *spoilt.shape[-2:])
    apart = [ndi.distance_transform_edt(~each) > by if each.any() else ~each for each in planes]
    return np.stack(apart).reshape(spoilt.shape)


def hot(rng: np.random.Generator, noisy: Image, top: float) -> tuple[Image, NDArray[np.bool_], str]:
    """Set pixels to a value, or each to one of its own, of one frame or of all; or to nothing."""
    count = int(10 ** rng.uniform(0, 3))
    value = noisy.max() + 10 ** rng.uniform(1, np.log10(top - noisy.max()))
    kind = rng.choice(["hot", "dead", "cosmic"], p=[0.6, 0.2, 0.2])
    spoilt, mask = noisy.copy(), np.zeros(noisy.shape, bool)
    plane = rng.permutation(SIZE**2)[:count]
    if noisy.ndim == 3 and rng.random() < 0.5:
        mask[rng.integers(len(noisy))].flat[plane] = True
    else:
        mask.reshape(-1, SIZE**2)[:, plane] = True
    values = {"hot": value, "dead": 0.0, "cosmic": rng.uniform(noisy.max(), value, mask.sum())}
    spoilt[mask] = values[kind]
    return spoilt, mask, f"{count} {kind}, up to {0 if kind == 'dead' else value:.0f}"


def bar(rng: np.random.Generator, noisy: Image, top: float) -> tuple[Image, NDArray[np.bool_], str]:
    """Burn a bar in, thin or thick, along either axis."""
    thick, long = int(rng.integers(1, 13)), int(rng.integers(20, 100))
    value = float(rng.choice([top, top // 16, 0, noisy.max() * 1.5, noisy.mean()]).round())
    sides = (thick, long) if rng.random() < 0.5 else (long, thick)
    mask = np.zeros(noisy.shape, bool)
    corner = [int(rng.integers(SIZE - each)) for each in sides]
    mask[(..., *(slice(a, a + s) for a, s in zip(corner, sides, strict=True)))] = True
    return np.where(mask, value, noisy), mask, f"{thick} x {long} of {value:.0f}"


def border(
    rng: np.random.Generator, noisy: Image, top: float
) -> tuple[Image, NDArray[np.bool_], str]:
    """Pad some sides, or all around a rotated slice, with one value."""
    value = float(rng.choice([0, 0, top, noisy.mean(), noisy.min() * 0.5]).round())
    mask = np.zeros(noisy.shape, bool)
    if rng.random() < 0.5:
        angle = rng.uniform(3, 40)
        mask[...] = ndi.rotate(np.ones((SIZE, SIZE)), angle, reshape=False, order=0) < 0.5
        return np.where(mask, value, noisy), mask, f"rotated by {angle:.0f} on {value:.0f}"
    widths = rng.integers(1, 40, 4) * (rng.random(4) < 0.5)
    widths[rng.integers(4)] = rng.integers(1, 40)
    for axis, first, width in zip((-2, -2, -1, -1), (1, 0, 1, 0), widths, strict=True):
        moved = np.moveaxis(mask, axis, 0)
        moved[:width] |= bool(first)
        moved[SIZE - width :] |= not first
    return np.where(mask, value, noisy), mask, f"{widths.tolist()} of {value:.0f}"


def bead(
    rng: np.random.Generator, truth: Image, top: float
) -> tuple[Image, NDArray[np.bool_], str]:
    """Add beads many times as bright as all else, to the light itself."""
    count, width = int(rng.integers(1, 5)), rng.uniform(1.0, 5.0)
    height = np.ptp(truth) * 10 ** rng.uniform(1.5, 3)
    y, x = np.mgrid[:SIZE, :SIZE]
    light = np.zeros((SIZE, SIZE))
    for cy, cx in rng.uniform(20, SIZE - 20, (count, 2)):
        light += np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * width**2))
    light = np.broadcast_to(height * light, truth.shape)
    return light, light > 0.05 * np.ptp(truth), f"{count} of sigma {width:.1f}, {height:.0f}"


def make(kind: str, number: int) -> Trouble:
    """Make a picture with a kind of trouble and the same without."""
    rng = np.random.default_rng([ord(kind[0]), ord(kind[-1]), number])
    axes = ("YX", "YX", "TYX", "CYX", "YX")[number % 5]
    integers = number % 2 == 0
    photons = 10 ** rng.uniform(1.3, 2.5)
    if kind == "repeated":
        axes = "TYX"
    truth, plain = scene(rng, axes, photons, offset=100)
    top = 65535.0
    if kind == "repeated":
        order = np.arange(len(plain)) // 2 * 2
        spoilt, mask, words = plain[order], np.zeros(plain.shape, bool), "every frame twice"
    elif kind == "bead":
        light, mask, words = bead(rng, truth, top)
        spoilt = plain + rng.poisson(light)
    else:
        spoilt, mask, words = {"hot": hot, "bar": bar, "border": border}[kind](rng, plain, top)
    if integers:
        spoilt, plain = (np.rint(each).clip(0, top).astype(np.uint16) for each in (spoilt, plain))
    where = away(mask, 3 if kind == "hot" else 8)
    name = f"{axes} {spoilt.dtype}, {photons:.0f} photons, {words}"
    return Trouble(name, axes, spoilt, plain, truth, where)


def psnr(image: NDArray[np.generic], truth: Image, where: NDArray[np.bool_]) -> float:
    """Give the peak signal-to-noise ratio of some pixels, in dB."""
    error = (image.astype(np.float64) - truth)[where] ** 2
    return float(10 * np.log10(np.ptp(truth[where]) ** 2 / error.mean()))


KINDS = ("hot", "bar", "bead", "border", "repeated")


def main(tell: Callable[[str], None] = print) -> None:
    """Run the kinds that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", default=[], choices=[*KINDS, []])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--pictures", type=int, default=PICTURES)
    chosen = parser.parse_args()
    for kind in chosen.kinds or KINDS:
        lost = []
        for number in range(chosen.pictures):
            case = make(kind, number)
            asked = {"axes": case.axes, "steps": chosen.steps}
            plain = dict(asked, context=0) if kind == "repeated" else asked
            spoilt, _ = denoise(case.spoilt, **asked)
            clean, _ = denoise(case.plain, **plain)
            before, found, usual = (
                psnr(each, case.truth, case.where) for each in (case.spoilt, spoilt, clean)
            )
            lost.append(usual - found)
            tell(
                f"{kind:9} noisy {before:5.1f}, result {found:5.2f}, without {usual:5.2f} dB "
                f"({case.name})"
            )
        close = sum(each <= CLOSE for each in lost)
        tell(
            f"{kind}: {close} of {len(lost)} within {CLOSE} dB, mean {np.mean(lost):+.2f}, "
            f"worst {max(lost):+.2f}"
        )


if __name__ == "__main__":
    main()
