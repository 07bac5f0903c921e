"""Removal of the offsets of rows and columns of an image before it is denoised."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from napari_n2s.core.generators import finish
from napari_n2s.core.settings import Settings
from napari_n2s.core.system import require_memory
from napari_n2s.exclusion.excluded import exclude
from napari_n2s.images.image import Image
from napari_n2s.images.scale import measure_scale
from napari_n2s.inference.model import Model
from napari_n2s.nn.pretrained import fits, weights_for
from napari_n2s.preparation.held_out import Score
from napari_n2s.preparation.row_offsets import RowOffsets, centre, find_row_offsets, limit

MAX_VALUES = 2**27
"""Maximum number of values of an image whose offsets are removed."""
ROUNDS, GAIN = 2, 1.3
"""Number of times that the offsets are corrected by a prediction of the image, and factor for what
of them the prediction contains."""
WINDOW, ROUGH = 9, 5.0
"""Side in pixels of the window in which roughness is measured, and how much less a pixel counts
where that is as large as the noise."""

NAMES = {-2: "Rows", -1: "Columns"}
Values = NDArray[np.floating]


def remove_stripes(image: Image, settings: Settings) -> tuple[Image, tuple[str, ...]]:
    """Subtract offsets of whole rows or columns where they are certain.

    The offsets of a row are first those from its smooth surroundings, and then what remains in the
    row when the image, as the pretrained network predicts it, is subtracted.

    Parameters
    ----------
    image : Image
        Returned as it is if not in memory, very large, or without offsets.
    settings : Settings

    Returns
    -------
    tuple of Image and tuple of str
        The image, and what the user should know.
    """
    if settings.stripes == "keep" or not image.in_memory or image.size > MAX_VALUES:
        return image, ()
    canonical = image.canonical
    missing, _ = exclude(canonical, settings, image.missing)
    known = ~np.broadcast_to(missing, canonical.shape)
    planes, masks = (_planes(each) for each in (canonical, known))
    found: dict[int, dict[int, RowOffsets]] = {axis: {} for axis in NAMES}
    for number, (plane, mask) in enumerate(zip(planes, masks, strict=True)):
        for axis in NAMES:
            if offsets := find_row_offsets(_rows(plane, axis), _rows(mask, axis)):
                found[axis][number] = offsets
    if not any(found.values()):
        return image, ()
    require_memory(3 * 4 * image.size)
    clean = planes.astype(np.result_type(np.float32, canonical.dtype))
    spreads = {}
    for axis, those in found.items():
        for number, offsets in those.items():
            _subtract(clean[number], masks[number], axis, offsets.values)
            spreads[axis, number] = float(offsets.values.std())
    for _ in range(ROUNDS * _has_pretrained(image)):
        predicted = _planes(_predict(image, clean.reshape(canonical.shape), missing))
        for axis, number in spreads:
            rest = _rows(np.where(masks[number], clean[number] - predicted[number], np.nan), axis)
            weight = _smoothness(_rows(predicted[number], axis), float(np.nanstd(rest)))
            more = limit(GAIN * centre(rest, weight), spreads[axis, number])
            _subtract(clean[number], masks[number], axis, more)
    restored = image.layout.restore(clean.reshape(canonical.shape))
    return replace(image, pixels=restored), tuple(
        _describe(NAMES[axis], [each.strength for each in those.values()], len(planes))
        for axis, those in found.items()
        if those
    )


def _planes(canonical: NDArray[Any]) -> NDArray[Any]:
    return canonical.reshape(-1, *canonical.shape[-2:])


def _rows(plane: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return a view of a plane whose first axis is the given one."""
    return np.moveaxis(plane, axis, 0)


def _subtract(
    plane: Values, known: NDArray[np.bool_], axis: int, offsets: NDArray[np.float64]
) -> None:
    """Subtract offsets in place; excluded pixels stay, so that constant areas remain constant."""
    _rows(plane, axis)[:] -= np.where(_rows(known, axis), offsets[:, None], 0)


def _smoothness(predicted: Values, noise: float) -> Values:
    squares = uniform_filter(predicted**2, WINDOW) - uniform_filter(predicted, WINDOW) ** 2
    weight: Values = 1 / (1 + ROUGH * np.maximum(squares, 0) / max(noise, 1e-30) ** 2)
    return weight


def _has_pretrained(image: Image) -> bool:
    return fits(Settings(), channels=image.channels, ndim=len(image.layout.space))


def _predict(image: Image, canonical: Values, missing: NDArray[np.bool_]) -> Values:
    """Predict a canonical image by the pretrained network, in one pass."""
    settings = Settings(nan_policy="omit", blind_spot_radius=(0,))
    part = replace(image.without_guides(), pixels=image.layout.restore(canonical), original=None)
    model = Model(
        settings=settings,
        channels=1,
        ndim=2,
        scale=measure_scale(canonical, missing),
        context=None,
        weights=weights_for((0, 0)),
        step=0,
        score=Score(nan, nan, 0),
        turns=1,
    )
    return np.asarray(part.layout.canonical(finish(model.applying(part, quick=True))))


def _describe(name: str, strengths: list[float], count: int) -> str:
    strength = float(np.median(strengths))
    where = "" if count == 1 else f" in {len(strengths)} of {count} images"
    return (
        f"{name} have offsets of their own{where} (standard deviation {strength:.2g} times that of "
        "the noise), which were removed; set stripes to 'keep' to leave them."
    )
