"""Where pixels come from: an array in memory, or anything that is read piece by piece."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError

Box = tuple[slice, ...]
"""A part of an image: one slice for each of its axes."""


def as_array(data: Any) -> NDArray[np.generic]:
    """Take an array of any kind, order and byte order as an image; it is never written to.

    Raises
    ------
    ImageError
        If its values are no intensities.
    """
    try:
        image = np.asarray(_filled(data) if isinstance(data, np.ma.MaskedArray) else data)
    except (TypeError, ValueError) as error:
        raise ImageError(
            "The image is no array of numbers: its rows must all be of one length."
        ) from error
    _require_intensities(image.dtype)
    return image


def _filled(data: Any) -> NDArray[np.generic]:
    """Give an array whose masked pixels are NaN, as missing ones are; as it is if none are."""
    if not np.ma.is_masked(data):
        return np.asarray(data)
    return np.asarray(data.astype(np.result_type(data.dtype, np.float32)).filled(np.nan))


def open_source(data: Any) -> Any:
    """Do as `as_array`, but leave what can be read piece by piece where it is.

    That is whatever has a shape and a type and can be indexed: a dask, zarr or xarray array, or a
    file mapped into memory.

    Raises
    ------
    ImageError
        If its values are no intensities.
    """
    try:
        kind = np.dtype(data.dtype)
        known = all(isinstance(size, Integral) for size in data.shape)
        lazy = known and not isinstance(data, np.ndarray) and len(data.shape) == data.ndim
    except (AttributeError, TypeError):
        lazy = False
    if not lazy:
        return as_array(data)
    if isinstance(getattr(data, "_meta", None), np.ma.MaskedArray):
        raise ImageError(
            "The image is a dask array of masked arrays; compute it, or fill what is masked with "
            "NaN."
        )
    _require_intensities(kind)
    return data


def _require_intensities(kind: np.dtype[Any]) -> None:
    if kind.kind == "b":
        raise ImageError(
            "The image holds only true and false, like a mask; choose an intensity image."
        )
    if kind.kind == "c":
        raise ImageError(
            "The image holds complex numbers; denoise its magnitude or its parts instead."
        )
    if kind.kind not in "iuf":
        raise ImageError(f"The image holds {kind} values, which are no intensities.")


def read_box(image: Any, box: tuple[int | slice, ...]) -> NDArray[np.generic]:
    """Read a part of an image that may lie in a file or be computed only now.

    Raises
    ------
    ImageError
        If that fails, whatever the reason.
    """
    try:
        return np.asarray(image[box])
    except Exception as error:  # of every type: it may be anybody's code that reads
        words = str(error).strip().splitlines() or [type(error).__name__]
        raise ImageError(
            f"A part of the image cannot be read ({words[0].rstrip('.')}); see that its file is "
            "whole and within reach, or choose a part of it that can be read."
        ) from error


class Part:
    """A part of an image that is read only when it is asked for, or of one to be written to.

    Parameters
    ----------
    image : array_like
    box : tuple of slice
    """

    def __init__(self, image: Any, box: Box) -> None:
        self._image, self._box = image, box
        self.dtype = image.dtype
        self.shape = tuple(side.stop - side.start for side in box)
        self.ndim = len(box)
        self.chunks = getattr(image, "chunks", None)

    def __getitem__(self, index: tuple[int | slice, ...]) -> Any:
        """Read a part of the part."""
        return self._image[self._moved(index)]

    def __setitem__(self, index: tuple[int | slice, ...], values: Any) -> None:
        """Write a part of the part."""
        self._image[self._moved(index)] = values

    def _moved(self, index: tuple[int | slice, ...]) -> tuple[int | slice, ...]:
        moved: list[int | slice] = []
        for at, side, size in zip(index, self._box, self.shape, strict=True):
            if isinstance(at, slice):
                low, high, _ = at.indices(size)
                moved.append(slice(side.start + low, side.start + high))
            else:
                moved.append(side.start + at)
        return tuple(moved)
