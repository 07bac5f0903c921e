"""Labels of xarray.DataArray and numpy masks: removed from images, restored on results."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from napari_n2s.images.axes import SPACE, UNKNOWN

NAMES = {
    "time": "T",
    "frame": "T",
    "slice": "Z",
    "plane": "Z",
    "depth": "Z",
    "channel": "C",
    "row": "Y",
    "col": "X",
    "column": "X",
}
"""Axis letters by the names of dimensions, singular or plural, other than single letters."""
SMALL = 2**24
"""Maximum number of values of an xarray.DataArray that is read into memory."""


def remove_labels(image: Any, axes: str | None) -> tuple[Any, str | None]:
    """Return an image without labels, and its axes: as given, or as its dimensions are named."""
    if not _is_data_array(image):
        return image, axes
    axes = axes or _axes_of([str(each) for each in image.dims])
    if image.chunks is not None:
        return image.data, axes
    return (image.to_numpy() if image.size <= SMALL else image), axes


def restore_labels(result: Any, like: Any) -> Any:
    """Return a result with the labels or the mask of the image that it was made from.

    Parameters
    ----------
    result : array_like
        Of the image's shape, or without the axis along which replicates were averaged.
    like : array_like
    """
    if isinstance(like, np.ma.MaskedArray) and result.shape == like.shape:
        mask = np.ma.getmaskarray(like)
        return np.ma.MaskedArray(np.where(mask, like.data, result).astype(result.dtype), mask)
    if not _is_data_array(like):
        return result
    whole = like
    for dim in like.dims:
        if result.ndim < like.ndim and like.isel({dim: 0}).shape == result.shape:
            whole = like.isel({dim: 0}, drop=True)
            break
    labelled = whole.copy(data=result)
    labelled.encoding = {}  # storage options of the noisy values may not suit these
    return labelled


def is_labelled(image: Any) -> bool:
    """Whether an array has labels or a mask that its result should have too."""
    return isinstance(image, np.ma.MaskedArray) or _is_data_array(image)


def _is_data_array(image: Any) -> bool:
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(image, xarray.DataArray)


def _axes_of(dims: list[str]) -> str | None:
    """Derive axes from the names of dimensions; None if these do not include Y and X once each."""
    found = []
    for dim in dims:
        name = dim.lower()
        known = name.upper() if len(name) == 1 and name.isalpha() else None
        found.append(known or NAMES.get(name) or NAMES.get(name.removesuffix("s"), ""))
    if any(found.count(letter) != 1 for letter in SPACE):
        return None
    free = [letter for letter in reversed(UNKNOWN) if letter not in found]
    return "".join(each or free.pop(0) for each in found)
