"""What is wrong with readings of one thing: put right where it can be, refused or told."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError
from napari_n2s.images.axes import APART, Layout
from napari_n2s.replicates import comparison
from napari_n2s.replicates.motion import measure_growth

PICTURES = 8
"""Pairs of pictures that are compared for shift, brightness and pattern."""
SHIFTED, PATTERNED, ALIKE = 0.5, 0.1, 1e-3
"""Pixels of shift, share of the noise in both, and difference as a share of the contrast, from
which on something is said."""
APART_BY = 1.5
"""Pixels by which the shifts of separate pictures may differ."""
MIDDLE = {2: 256, 3: 40}
"""Side in pixels of the part in which a guide is compared with the image, by the axes of space."""
DISPERSED = (0.7, 1.4)
"""Between which variance and mean of counted photons are taken for the same."""


class Brightness(NamedTuple):
    """How bright a reading is: its number, contrast as a share of the first's, and both means."""

    number: int
    gain: float
    first: float
    mean: float


class Compared(NamedTuple):
    """What comes of comparing a reading with the first.

    Attributes
    ----------
    image : ndarray
        The reading, as bright as the first.
    offset : tuple of int
        Where it lies in the first, in pixels along each axis.
    brightness : Brightness or None
        What it had, if another.
    words : list of str
        What the user should know besides, a sentence each.
    """

    image: NDArray[np.generic]
    offset: tuple[int, ...]
    brightness: Brightness | None
    words: list[str]


def require_alike(arrays: Sequence[NDArray[np.generic]]) -> None:
    """Refuse readings of different size or type, and copies.

    Raises
    ------
    ImageError
    """
    first = arrays[0]
    for number, other in enumerate(arrays[1:], start=2):
        if other.shape != first.shape:
            raise ImageError(
                f"The readings differ in size: the first is {_times(first.shape)}, number {number} "
                f"{_times(other.shape)}; cut them to the same field."
            )
        if other.dtype != first.dtype:
            raise ImageError(
                f"The readings differ in type: the first is {first.dtype}, number {number} "
                f"{other.dtype}; give both as they were recorded."
            )
        if any(np.array_equal(each, other) for each in (first, arrays[number - 2])):
            raise ImageError(
                f"Reading {number} is the same as one before it, noise and all, so that nothing "
                "can be learnt from it; give another recording of the same thing."
            )


def require_no_copies(frames: NDArray[np.generic], what: str) -> None:
    """Refuse frames ``(T, ...)`` of which most are the same as the one before.

    Raises
    ------
    ImageError
    """
    same = sum(bool(np.array_equal(one, two)) for one, two in pairwise(frames))
    if 2 * same >= len(frames) - 1:
        raise ImageError(
            f"{same} of the {what} are the same as the one before, noise and all; leave the "
            "copies out."
        )


def compare(
    first: NDArray[np.generic],
    other: NDArray[np.generic],
    found: Layout,
    number: int,
    register: bool,
) -> Compared:
    """Compare a reading with the first.

    Parameters
    ----------
    first, other : ndarray
    found : Layout
        Theirs.
    number : int
        The reading's, as it is called.
    register : bool
        Whether a shift is put right.

    Raises
    ------
    ImageError
        If it is a copy.
    """
    name, said = f"Reading {number}", []
    pairs = list(zip(*(_pictures(found.canonical(each)) for each in (first, other)), strict=True))
    shifts = comparison.measure_shifts(pairs)
    shift = tuple(float(each) for each in np.median(shifts, 0)) if shifts else None
    if register and APART in found.axes and shifts and np.ptp(shifts, 0).max() > APART_BY:
        raise ImageError(
            "The pictures are shifted against their partners by different amounts, and register "
            "moves all by the same; denoise them one by one with pair and register."
        )
    whole = tuple(round(each) for each in shift or (0.0, 0.0))
    offset = tuple(
        -whole[found.space.index(letter)] if letter in found.space else 0 for letter in found.axes
    )
    if shift and max(map(abs, shift)) >= SHIFTED:
        ways = ", ".join(
            f"{each:+.1f} along {a}" for each, a in zip(shift, found.space, strict=True)
        )
        remedy = (
            "it was moved back by whole pixels"
            if register
            else "train again with register, which moves it back"
        )
        said.append(f"{name} is shifted by {ways} pixels against the first; {remedy}.")
        pairs = [_moved(one, two, whole) for one, two in pairs]
    brightness = comparison.measure_brightness(pairs)
    gain, dark = brightness or (1.0, 0.0)
    if all(np.std(a - (b - dark) / gain) <= ALIKE * np.std(a) for a, b in pairs):
        raise ImageError(
            f"{name} is a copy of the first, noise and all, in another brightness or place; give a "
            "second recording of the same thing."
        )
    bleached = None
    if brightness:
        means = (float(np.mean([pair[i].mean() for pair in pairs])) for i in range(2))
        other = ((other.astype(np.float64) - dark) / gain).astype(np.float32)
        bleached = Brightness(number, gain, *means)
    if (share := comparison.measure_shared_noise(pairs)) > PATTERNED:
        said.append(
            f"{name} and the first have about {100 * share:.0f} % of their noise in common, as a "
            "camera's fixed pattern (or structure as fine as a pixel); it will stay in the "
            "picture: subtract a dark frame, or move the sample between the readings."
        )
    return Compared(other, offset if register else (0,) * first.ndim, bleached, said)


def tell_brightness(found: Sequence[Brightness]) -> tuple[str, ...]:
    """Say which readings were brought to the brightness of the first."""
    if not found:
        return ()
    several, numbers = len(found) > 1, [each.number for each in found]
    named = ", ".join(map(str, numbers))
    if len(found) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        named = f"{numbers[0]} to {numbers[-1]}"
    contrasts = _from_to([round(100 * each.gain) for each in found])
    means = _from_to([float(f"{each.mean:.4g}") for each in found])
    return (
        f"Reading{'s' * several} {named} "
        f"{'have' if several else 'has'} {contrasts} % of the first one's contrast and a mean of "
        f"{means} where that has {found[0].first:.4g}, as by bleaching; "
        f"{'they are' if several else 'it is'} brought to the brightness of the first.",
    )


def tell_motion(frames: NDArray[np.generic], layout: Layout, along: str) -> tuple[str, ...]:
    """Say whether what moves will be blurred: whether frames differ the more, the farther apart."""
    growth = measure_growth(_numbers(layout.canonical(each)).mean((0, 1)) for each in frames)
    if growth is None:
        return ()
    return (
        f"Pictures two apart along {along} differ by {100 * growth:.0f} % of the contrast more "
        "than those beside each other: what moves will be blurred and what shows in one picture "
        "alone lost. Take each picture by itself (no pairs) if that matters.",
    )


def tell_guides(x: NDArray[np.float32], guides: NDArray[np.float32]) -> tuple[str, ...]:
    """Say whether guides ``(N, A, *space)`` have their noise in common with ``(N, C, *space)``.

    Raises
    ------
    ImageError
        If one is the image itself.
    """
    own, others = _middles(x), _middles(guides)
    for one, two in product(own.swapaxes(0, 1), others.swapaxes(0, 1)):
        way = np.sign((one * two).sum())
        if (one - way * two).std() < ALIKE * one.std():
            raise ImageError(
                "A guide is the image itself, noise and all, so that the network would only copy "
                "it; choose another recording."
            )
        pairs = list(zip(one, two, strict=True))
        if (share := comparison.measure_shared_noise(pairs)) > PATTERNED:
            return (
                f"A guide and the image have about {100 * share:.0f} % of their noise in common "
                "(or structure as fine as a pixel); what they share stays in the picture: take no "
                "guide that was made from the image.",
            )
    return ()


def tell_photons(array: NDArray[np.generic], found: Layout) -> tuple[str, ...]:
    """Say whether variance and mean are the same, as they are of photons."""
    ratio = comparison.measure_dispersion(_pictures(found.canonical(array)))
    if ratio is None or DISPERSED[0] <= ratio <= DISPERSED[1]:
        return ()
    return (
        f"The noise has {ratio:.2g} times the variance that photons counted one by one have: "
        "subtract the camera's offset and divide by its gain first, or the halves share noise.",
    )


def _pictures(canonical: NDArray[np.generic]) -> list[NDArray[np.float64]]:
    """Take some of the pictures ``(*space)``, over all samples and channels, as float64."""
    samples, channels = canonical.shape[:2]
    count = samples * channels
    some = np.unique(np.linspace(0, count - 1, min(PICTURES, count)).astype(int))
    return [_numbers(canonical[divmod(int(number), channels)]) for number in some]


def _middles(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cut the middle out of some pictures ``(N, C, *space)``: enough to know noise by."""
    some = np.unique(np.linspace(0, len(x) - 1, min(PICTURES, len(x))).astype(int))
    sides = [(size, min(size, MIDDLE[x.ndim - 2])) for size in x.shape[2:]]
    box = [slice((size - side) // 2, (size + side) // 2) for size, side in sides]
    return np.stack([x[number][(slice(None), *box)] for number in some]).astype(np.float64)


def _moved(
    one: NDArray[np.float64], two: NDArray[np.float64], steps: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cut from both what both show, the second lying some steps on."""
    first, second = [], []
    for step, size in zip(steps, one.shape, strict=True):
        first.append(slice(max(0, -step), size - max(0, step)))
        second.append(slice(max(0, step), size - max(0, -step)))
    return one[tuple(first)], two[tuple(second)]


def _numbers(image: NDArray[np.generic]) -> NDArray[np.float64]:
    """Give the values as float64, with their mean where one is missing."""
    values = image.astype(np.float64)
    there = np.isfinite(values)
    if there.all():
        return values
    return np.where(there, values, values[there].mean() if there.any() else 0)


def _from_to(numbers: list[float]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
