"""Removal of the offsets of rows, columns and pixels of an image before it is denoised."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.generators import share
from napari_n2s.core.settings import Settings
from napari_n2s.core.system import require_memory
from napari_n2s.exclusion.excluded import exclude
from napari_n2s.images.image import Image
from napari_n2s.offsets.background import find_slow_offsets
from napari_n2s.offsets.fixed_pattern import find_fixed_pattern
from napari_n2s.offsets.prediction import predict, roughness
from napari_n2s.offsets.rows import RowOffsets, centre, find_row_offsets, limit

MAX_VALUES = 2**27
"""Maximum number of values of an image whose offsets are removed."""
SAMPLED, SIDE = 32, 512
"""Number of slices or frames, and side in pixels of their part, in which offsets are searched for
before a larger image is examined as a whole."""
ROUNDS, GAIN = 2, 1.3
"""Number of times that the offsets are corrected by a prediction of the image, and factor for what
of them the prediction contains."""
ROUGH = 5.0
"""How much less a pixel counts where the image is as rough as its noise."""
NAMES = {0: "Rows", 1: "Columns"}
REMOVED = "which {} removed; set offsets to 'keep' to leave {}."

Values = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Removed:
    """Images of one channel without offsets.

    Attributes
    ----------
    planes : ndarray, shape (N, Y, X)
    strengths : dict of int to list of float
        Strengths of the offsets of rows (0) and columns (1) of each image that has some.
    pattern : float
        Strength of the fixed pattern, 0 if there is none.
    """

    planes: NDArray[Any]
    strengths: dict[int, list[float]]
    pattern: float

    @property
    def any(self) -> bool:
        """Whether there were some."""
        return bool(any(self.strengths.values()) or self.pattern)


def removing_offsets(
    image: Image, settings: Settings
) -> Generator[float, None, tuple[Image, tuple[str, ...]]]:
    """Subtract offsets of whole rows or columns, and of pixels in all frames, that are certain.

    Excluded pixels stay as they are, so that constant areas remain constant.

    Parameters
    ----------
    image : Image
        Returned as it is if not in memory, very large, or without offsets.
    settings : Settings

    Yields
    ------
    float
        Fraction done, after each image with offsets of rows or columns.

    Returns
    -------
    tuple of Image and tuple of str
        The image, and what the user should know.
    """
    if settings.offsets == "keep" or not image.in_memory or image.size > MAX_VALUES:
        return image, ()
    canonical = image.canonical
    some = _sample(canonical.shape)
    part = canonical[some]
    if part.size < canonical.size and not any(
        _has_offsets(*each, settings.device)
        for each in _channels(part, image.missing[some], settings)
    ):
        return image, ()
    found = []
    for channel, each in enumerate(_channels(canonical, image.missing, settings)):
        work = _remove(*each, settings.device)
        found.append((yield from share(work, channel, image.channels, float)))
    if not any(each.any for each in found):
        return image, ()
    one = canonical[:, 0].shape
    clean = np.stack([each.planes.reshape(one) for each in found], 1)
    return replace(image, pixels=image.layout.restore(clean)), tuple(_describe(found))


def _sample(shape: tuple[int, ...]) -> Any:
    """Index evenly spaced samples of an image ``(N, C, *space)``, and the middle of each plane."""
    count = max(1, SAMPLED // prod(shape[2:-2]))
    samples = np.unique(np.linspace(0, shape[0] - 1, min(shape[0], count)).astype(int))
    middle = (slice(max(0, (n - SIDE) // 2), (n + SIDE) // 2) for n in shape[-2:])
    return (samples, ..., *middle)


def _channels(
    canonical: NDArray[Any], missing: Mask, settings: Settings
) -> Iterator[tuple[NDArray[Any], Mask]]:
    """Yield the images ``(planes, Y, X)`` of each channel, and their usable pixels."""
    excluded, _ = exclude(canonical, settings, missing)
    known = ~np.broadcast_to(excluded, canonical.shape)
    for planes, masks in zip(canonical.swapaxes(0, 1), known.swapaxes(0, 1), strict=True):
        plane = canonical.shape[-2:]
        yield planes.reshape(-1, *plane), masks.reshape(-1, *plane)


def _has_offsets(planes: NDArray[Any], known: Mask, device: str) -> bool:
    """Whether images of one channel have offsets of any kind."""
    rows = any(_find_rows(*each) for each in zip(planes, known, strict=True))
    return rows or find_fixed_pattern(planes, known, partial(predict, device=device)) is not None


def _remove(planes: NDArray[Any], known: Mask, device: str) -> Generator[float, None, Removed]:
    clean: NDArray[Any] = planes
    strengths: dict[int, list[float]] = {axis: [] for axis in NAMES}
    for number, mask in enumerate(known):
        found = _find_rows(planes[number], mask)
        for axis, offsets in found.items():
            strengths[axis].append(offsets.strength)
        if found:
            clean = _copy(planes) if clean is planes else clean
            _remove_rows(clean[number], mask, found, device)
            yield (number + 1) / len(known)
    pattern = find_fixed_pattern(clean, known, partial(predict, device=device))
    if pattern is None:
        return Removed(clean, strengths, 0.0)
    clean = _copy(planes) if clean is planes else clean
    np.subtract(clean, pattern.values, out=clean, where=known)
    return Removed(clean, strengths, pattern.strength)


def _find_rows(plane: NDArray[Any], known: Mask) -> dict[int, RowOffsets]:
    """Find the offsets of rows (0) and columns (1)."""
    found = {axis: find_row_offsets(_rows(plane, axis), _rows(known, axis)) for axis in NAMES}
    return {axis: offsets for axis, offsets in found.items() if offsets}


def _remove_rows(plane: Values, known: Mask, found: dict[int, RowOffsets], device: str) -> None:
    """Subtract the offsets of rows and columns in place.

    These are first those from the smooth surroundings of a row, then what remains in the row when
    the image, as the pretrained network predicts it, is subtracted, and at last what varies slowly
    in the background.
    """
    for axis, offsets in found.items():
        _subtract(plane, known, axis, offsets.values)
    for last in [False] * ROUNDS + [True]:
        predicted = predict(plane[None], known[None], device)[0]
        for axis, offsets in found.items():
            rows, expected, mask = (_rows(each, axis) for each in (plane, predicted, known))
            spread = float(offsets.values.std())
            if not last:
                _subtract(plane, known, axis, limit(_remaining(rows, expected, mask), spread))
            elif (slow := find_slow_offsets(rows, expected, mask, spread)) is not None:
                _subtract(plane, known, axis, slow)


def _remaining(plane: Values, predicted: Values, known: Mask) -> NDArray[np.float64]:
    """Estimate the offsets that remain in rows, mostly from their smooth parts."""
    rest = np.where(known, plane - predicted, np.nan)
    noise = max(float(np.nanstd(rest)), 1e-30)
    return GAIN * centre(rest, 1 / (1 + ROUGH * roughness(predicted) / noise**2))


def _copy(planes: NDArray[Any]) -> Values:
    """Copy images as floats."""
    kind = np.result_type(np.float32, planes.dtype)
    require_memory(3 * kind.itemsize * planes.size)
    return planes.astype(kind)


def _rows(plane: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return a view of a plane whose first axis is the given one."""
    return np.moveaxis(plane, axis, 0)


def _subtract(plane: Values, known: Mask, axis: int, offsets: Values) -> None:
    """Subtract offsets in place from known pixels."""
    _rows(plane, axis)[:] -= np.where(_rows(known, axis), offsets[:, None], 0)


def _describe(found: list[Removed]) -> list[str]:
    said = []
    total = sum(len(each.planes) for each in found)
    for axis, name in NAMES.items():
        strengths = [strength for each in found for strength in each.strengths[axis]]
        if strengths:
            where = "" if total == 1 else f" in {len(strengths)} of {total} images"
            removed = REMOVED.format("were", "them")
            said.append(
                f"{name} have offsets of their own{where} (standard deviation "
                f"{np.median(strengths):.2g} times that of the noise), {removed}"
            )
    if patterns := [each.pattern for each in found if each.pattern]:
        removed = REMOVED.format("was", "it")
        said.append(
            "All frames have the same fixed pattern of pixels (standard deviation "
            f"{max(patterns):.2g} times that of their noise), {removed}"
        )
    return said
