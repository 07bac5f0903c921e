"""Checks of replicates: size, copies, shift, brightness, shared noise, motion, photon statistics.

Shifts and brightness are corrected, copies and images of different size are rejected, and all else
is reported as a finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError
from napari_n2s.images.axes import APART, Layout
from napari_n2s.replicates import comparison
from napari_n2s.replicates.motion import measure_growth

COMPARED = 8
"""Maximum number of slices or frames compared for shift, brightness and shared noise."""
MIN_SHIFT = 0.5
"""Shift in pixels from which on it is reported."""
MAX_SHARED_NOISE = 0.1
"""Fraction of the noise variance that may be shared without a finding."""
COPY_TOLERANCE = 1e-3
"""Standard deviation of the difference of two images, as a fraction of that of one, up to which one
is a copy of the other."""
MAX_SHIFT_RANGE = 1.5
"""Pixels by which the shifts of the slices or frames of one image may differ."""
POISSON_DISPERSION = (0.7, 1.4)
"""Range of the ratio of variance to mean that is accepted as that of photon counts."""


class Brightness(NamedTuple):
    """Brightness of a replicate, relative to the first.

    Attributes
    ----------
    number : int
        Number of the replicate, counted from 1.
    gain : float
        Its contrast as a fraction of the first's.
    first_mean, mean : float
        Mean intensity of the first and of this replicate.
    """

    number: int
    gain: float
    first_mean: float
    mean: float


class Compared(NamedTuple):
    """A replicate after comparison with the first.

    Attributes
    ----------
    image : ndarray
        The replicate, brought to the brightness of the first.
    offset : tuple of int
        Its position relative to the first, in pixels along each axis; 0 unless registered.
    brightness : Brightness or None
        Its brightness before that, if it differed.
    findings : list of str
        What the user should know, a sentence each.
    """

    image: NDArray[np.generic]
    offset: tuple[int, ...]
    brightness: Brightness | None
    findings: list[str]


def require_alike(arrays: Sequence[NDArray[np.generic]]) -> None:
    """Reject replicates of different size or type, and copies.

    Raises
    ------
    ImageError
    """
    first = arrays[0]
    for number, other in enumerate(arrays[1:], start=2):
        if other.shape != first.shape:
            raise ImageError(
                f"The replicates differ in size: the first is {_shape_text(first.shape)}, number "
                f"{number} {_shape_text(other.shape)}; cut them to the same field."
            )
        if other.dtype != first.dtype:
            raise ImageError(
                f"The replicates differ in type: the first is {first.dtype}, number {number} "
                f"{other.dtype}; give both as they were recorded."
            )
        if any(np.array_equal(each, other) for each in (first, arrays[number - 2])):
            raise ImageError(
                f"Replicate {number} is the same as one before it, noise and all, so that nothing "
                "can be learned from it; give another recording of the same field."
            )


def require_no_copies(frames: NDArray[np.generic], what: str) -> None:
    """Reject frames ``(T, ...)`` of which most are copies of the one before.

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
    layout: Layout,
    number: int,
    register: bool,
) -> Compared:
    """Compare a replicate with the first, and correct its brightness.

    Parameters
    ----------
    first, other : ndarray
    layout : Layout
        Layout of both.
    number : int
        Number of the replicate in messages.
    register : bool
        Correct a shift by whole pixels.

    Raises
    ------
    ImageError
        If it is a copy of the first, or its slices or frames are shifted by different amounts.
    """
    name, findings = f"Replicate {number}", []
    pairs = list(zip(*(_sample(layout.canonical(each)) for each in (first, other)), strict=True))
    shifts = comparison.measure_shifts(pairs)
    shift = tuple(float(each) for each in np.median(shifts, 0)) if shifts else None
    if register and APART in layout.axes and shifts and np.ptp(shifts, 0).max() > MAX_SHIFT_RANGE:
        raise ImageError(
            "Slices or frames are shifted by different amounts, but register moves all by the "
            "same; denoise them one by one with pair and register."
        )
    whole = tuple(round(each) for each in shift or (0.0, 0.0))
    offset = tuple(
        -whole[layout.space.index(letter)] if letter in layout.space else 0
        for letter in layout.axes
    )
    if shift and max(map(abs, shift)) >= MIN_SHIFT:
        ways = ", ".join(
            f"{each:+.1f} along {a}" for each, a in zip(shift, layout.space, strict=True)
        )
        remedy = (
            "it was moved back by whole pixels"
            if register
            else "train again with register, which moves it back"
        )
        findings.append(f"{name} is shifted by {ways} pixels against the first; {remedy}.")
        pairs = [_overlap(one, two, whole) for one, two in pairs]
    brightness = comparison.measure_brightness(pairs)
    gain, dark = brightness or (1.0, 0.0)
    if all(np.std(a - (b - dark) / gain) <= COPY_TOLERANCE * np.std(a) for a, b in pairs):
        raise ImageError(
            f"{name} is a copy of the first, noise and all, rescaled or shifted; give a second "
            "recording of the same field."
        )
    other_brightness = None
    if brightness:
        means = (float(np.mean([pair[i].mean() for pair in pairs])) for i in range(2))
        other = ((other.astype(np.float64) - dark) / gain).astype(np.float32)
        other_brightness = Brightness(number, gain, *means)
    if (share := comparison.measure_shared_noise(pairs)) > MAX_SHARED_NOISE:
        findings.append(
            f"{name} and the first have about {100 * share:.0f} % of their noise in common, as a "
            "camera's fixed pattern (or structure as fine as a pixel); it will stay in the "
            "result: subtract a dark frame, or move the sample between the replicates."
        )
    return Compared(other, offset if register else (0,) * first.ndim, other_brightness, findings)


def describe_brightness(found: Sequence[Brightness]) -> tuple[str, ...]:
    """Report which replicates were brought to the brightness of the first."""
    if not found:
        return ()
    several, numbers = len(found) > 1, [each.number for each in found]
    named = ", ".join(map(str, numbers))
    if len(found) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        named = f"{numbers[0]} to {numbers[-1]}"
    contrasts = _range_text([round(100 * each.gain) for each in found])
    means = _range_text([float(f"{each.mean:.4g}") for each in found])
    return (
        f"Replicate{'s' * several} {named} "
        f"{'have' if several else 'has'} {contrasts} % of the first one's contrast and a mean of "
        f"{means} where that has {found[0].first_mean:.4g}, as by bleaching; "
        f"{'they are' if several else 'it is'} brought to the brightness of the first.",
    )


def describe_motion(frames: NDArray[np.generic], layout: Layout, along: str) -> tuple[str, ...]:
    """Report motion, which averaging will blur: frames differ the more, the farther apart."""
    growth = measure_growth(
        _without_missing(layout.canonical(each)).mean((0, 1)) for each in frames
    )
    if growth is None:
        return ()
    return (
        f"Images two apart along {along} differ by {100 * growth:.0f} % of the contrast more "
        "than neighbouring ones: what moves will be blurred, and what shows in a single image "
        "lost. Denoise each image by itself (no pairs) if that matters.",
    )


def describe_dispersion(array: NDArray[np.generic], layout: Layout) -> tuple[str, ...]:
    """Report a variance that differs from the mean, which photon counts do not have."""
    ratio = comparison.measure_dispersion(_sample(layout.canonical(array)))
    low, high = POISSON_DISPERSION
    if ratio is None or low <= ratio <= high:
        return ()
    return (
        f"The noise has {ratio:.2g} times the variance of photon counts (Poisson noise): "
        "subtract the camera's offset and divide by its gain first, or the halves share noise.",
    )


def _sample(canonical: NDArray[np.generic]) -> list[NDArray[np.float64]]:
    """Sample slices or frames ``(*space)`` evenly from all samples and channels, as float64."""
    samples, channels = canonical.shape[:2]
    count = samples * channels
    some = np.unique(np.linspace(0, count - 1, min(COMPARED, count)).astype(int))
    return [_without_missing(canonical[divmod(int(number), channels)]) for number in some]


def _overlap(
    one: NDArray[np.float64], two: NDArray[np.float64], steps: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Crop two images to the field that both show, the second shifted by some pixels."""
    first, second = [], []
    for step, size in zip(steps, one.shape, strict=True):
        first.append(slice(max(0, -step), size - max(0, step)))
        second.append(slice(max(0, step), size - max(0, -step)))
    return one[tuple(first)], two[tuple(second)]


def _without_missing(image: NDArray[np.generic]) -> NDArray[np.float64]:
    """Convert to float64, missing values replaced by the mean."""
    values = image.astype(np.float64)
    there = np.isfinite(values)
    if there.all():
        return values
    return np.where(there, values, values[there].mean() if there.any() else 0)


def _range_text(numbers: list[float]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _shape_text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
