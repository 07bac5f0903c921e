"""What a group of OME-Zarr says of its image, read tolerantly: what makes no sense is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

KEPT = ("name", "type", "unit")
"""What is kept of an axis."""


@dataclass(frozen=True)
class ZarrMetadata:
    """An image of a group.

    Attributes
    ----------
    path : str
        Where in the group its array lies.
    letters : str
        One for each axis.
    axes : list of dict
        What is said of each: words only.
    scale, translation : list of float
    omero : dict or None
        How it is shown.
    images, levels : int
        How many images the group holds, and at how many resolutions this one.
    notes : tuple of str
        What made no sense, a sentence each.
    """

    path: str
    letters: str
    axes: list[dict[str, str]]
    scale: list[float]
    translation: list[float]
    omero: dict[str, Any] | None
    images: int
    levels: int
    notes: tuple[str, ...]


def read_about(
    attributes: Mapping[str, Any], series: int = 0, level: int = 0
) -> ZarrMetadata | None:
    """Read the attributes of a group; None if they name no image.

    Parameters
    ----------
    attributes : mapping
        Anything that JSON can say.
    series, level : int
        Which of several images, and at which of its resolutions.

    Raises
    ------
    ValueError
        If an image is named, but not where it lies or what its axes are.
    """
    about = _mapping(attributes.get("ome")) or attributes
    images = _list(about.get("multiscales"))
    if not images:
        return None
    if not 0 <= series < len(images):
        raise ValueError(f"it has no image {series}; it holds {len(images)}, counted from 0")
    first, notes = _mapping(images[series]), list[str]()
    levels = _list(first.get("datasets"))
    if level and not 0 <= level < len(levels):
        raise ValueError(f"it has no level {level}; its image has {len(levels)}, counted from 0")
    full = _mapping(levels[level]) if levels else {}
    path = full.get("path")
    axes = [_axis(each, notes) for each in _list(first.get("axes"))]
    if not isinstance(path, str) or not axes or not all(each["name"] for each in axes):
        raise ValueError("it does not say where its image lies and what its axes are")
    scale, translation = [1.0] * len(axes), [0.0] * len(axes)
    said = (full.get("coordinateTransformations"), first.get("coordinateTransformations"))
    for step in (_mapping(each) for group in said for each in _list(group)):
        factor = _numbers(step.get("scale"), len(axes), notes, positive=True)
        shift = _numbers(step.get("translation"), len(axes), notes)
        if factor:
            scale = [a * b for a, b in zip(scale, factor, strict=True)]
            translation = [a * b for a, b in zip(translation, factor, strict=True)]
        if shift:
            translation = [a + b for a, b in zip(translation, shift, strict=True)]
    letters = "".join(each["name"][0].upper() for each in axes)
    omero = _mapping(about.get("omero")) or None
    counts, said_once = (len(images), len(levels)), tuple(dict.fromkeys(notes))
    return ZarrMetadata(path, letters, axes, scale, translation, omero, *counts, said_once)


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []


def _axis(value: Any, notes: list[str]) -> dict[str, str]:
    said = {"name": value} if isinstance(value, str) else _mapping(value)  # as before 0.4
    kept = {key: said[key] for key in KEPT if isinstance(said.get(key), str)}
    if len(kept) < sum(key in said for key in KEPT):
        notes.append("What it says of an axis makes no sense and is left out.")
    name = kept.get("name", "")
    return {**kept, "name": name if name[:1].isalpha() else ""}


def _numbers(
    value: Any, count: int, notes: list[str], *, positive: bool = False
) -> list[float] | None:
    """Give as many numbers as there are axes; None where there are none."""
    if value is None:
        return None
    given = value if isinstance(value, Sequence) and not isinstance(value, str) else [value] * count
    sound = len(given) == count and all(
        isinstance(each, int | float)
        and not isinstance(each, bool)
        and abs(each) < 1e300
        and isfinite(each)
        and (each > 0 or not positive)
        for each in given
    )
    if not sound:
        notes.append("The pixel size or place that it names makes no sense and is left out.")
        return None
    return [float(each) for each in given]
