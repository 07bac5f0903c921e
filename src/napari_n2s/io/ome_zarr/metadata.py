"""Metadata of OME-Zarr, parsed tolerantly: what is invalid is ignored with a note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

AXIS_KEYS = ("name", "type", "unit")
"""Entries of an axis that are copied."""


@dataclass(frozen=True)
class ZarrMetadata:
    """Metadata of one image of a group.

    Attributes
    ----------
    path : str
        Path of its array in the group.
    letters : str
        One letter for each axis.
    axes : list of dict
        Name, type and unit of each axis.
    scale, translation : list of float
        Of each axis.
    omero : dict or None
        Display settings.
    images, levels : int
        Number of images in the group, and of resolution levels of this one.
    notes : tuple of str
        What is ignored because it is invalid, one sentence each.
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


def parse_metadata(
    attributes: Mapping[str, Any], series: int = 0, level: int = 0
) -> ZarrMetadata | None:
    """Parse the attributes of a group; None if they name no image.

    Parameters
    ----------
    attributes : mapping
        Any JSON.
    series, level : int
        Index of the image and of its resolution level.

    Raises
    ------
    ValueError
        If the image has no path or no axes, or `series` or `level` does not exist.
    """
    attributes = _mapping(attributes.get("ome")) or attributes
    images = _list(attributes.get("multiscales"))
    if not images:
        return None
    if not 0 <= series < len(images):
        raise ValueError(f"it has no image {series}; it holds {len(images)}, counted from 0")
    image, notes = _mapping(images[series]), list[str]()
    levels = _list(image.get("datasets"))
    if level and not 0 <= level < len(levels):
        raise ValueError(f"it has no level {level}; its image has {len(levels)}, counted from 0")
    dataset = _mapping(levels[level]) if levels else {}
    path = dataset.get("path")
    axes = [_axis(each, notes) for each in _list(image.get("axes"))]
    if not isinstance(path, str) or not axes or not all(each["name"] for each in axes):
        raise ValueError("it declares no path or no axes for its image")
    scale, translation = [1.0] * len(axes), [0.0] * len(axes)
    transforms = [each.get("coordinateTransformations") for each in (dataset, image)]
    for step in (_mapping(each) for group in transforms for each in _list(group)):
        factor = _numbers(step.get("scale"), len(axes), notes, positive=True)
        shift = _numbers(step.get("translation"), len(axes), notes)
        if factor:
            scale = [a * b for a, b in zip(scale, factor, strict=True)]
            translation = [a * b for a, b in zip(translation, factor, strict=True)]
        if shift:
            translation = [a + b for a, b in zip(translation, shift, strict=True)]
    letters = "".join(each["name"][0].upper() for each in axes)
    omero = _mapping(attributes.get("omero")) or None
    counts, unique_notes = (len(images), len(levels)), tuple(dict.fromkeys(notes))
    return ZarrMetadata(path, letters, axes, scale, translation, omero, *counts, unique_notes)


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []


def _axis(value: Any, notes: list[str]) -> dict[str, str]:
    axis = {"name": value} if isinstance(value, str) else _mapping(value)  # as before 0.4
    kept = {key: axis[key] for key in AXIS_KEYS if isinstance(axis.get(key), str)}
    if len(kept) < sum(key in axis for key in AXIS_KEYS):
        notes.append("A part of its description of the axes is invalid and ignored.")
    name = kept.get("name", "")
    return {**kept, "name": name if name[:1].isalpha() else ""}


def _numbers(
    value: Any, count: int, notes: list[str], *, positive: bool = False
) -> list[float] | None:
    """Return one number for each axis; None if there are none, or with a note if invalid."""
    if value is None:
        return None
    given = value if isinstance(value, Sequence) and not isinstance(value, str) else [value] * count
    valid = len(given) == count and all(
        isinstance(each, int | float)
        and not isinstance(each, bool)
        and abs(each) < 1e300
        and isfinite(each)
        and (each > 0 or not positive)
        for each in given
    )
    if not valid:
        notes.append("Its pixel size or position is invalid and ignored.")
        return None
    return [float(each) for each in given]
