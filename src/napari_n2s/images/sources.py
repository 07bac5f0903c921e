"""Sources of pixels: arrays in memory, and lazy arrays that are read part by part."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError

Box = tuple[slice, ...]
"""A part of an image: a slice for each axis."""


def as_array(data: Any) -> NDArray[np.generic]:
    """Return an array of any type, memory order and byte order as an image, without a copy.

    Raises
    ------
    ImageError
        If its values are not intensities.
    """
    try:
        image = np.asarray(_fill_masked(data) if isinstance(data, np.ma.MaskedArray) else data)
    except (TypeError, ValueError) as error:
        raise ImageError(
            "The image is not an array of numbers: its rows must all be of one length."
        ) from error
    _require_intensities(image.dtype)
    return image


def _fill_masked(data: Any) -> NDArray[np.generic]:
    """Return a masked array with NaN in place of masked pixels; as it is if there are none."""
    if not np.ma.is_masked(data):
        return np.asarray(data)
    return np.asarray(data.astype(np.result_type(data.dtype, np.float32)).filled(np.nan))


def open_source(data: Any) -> Any:
    """Return an array like `as_array`, but a lazy one as it is, without reading it.

    Lazy arrays are objects with shape and dtype that can be indexed: dask, zarr and xarray arrays,
    and memory-mapped files.

    Raises
    ------
    ImageError
        If its values are not intensities.
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
            "The image holds complex numbers; denoise its magnitude, or its two parts singly."
        )
    if kind.kind not in "iuf":
        raise ImageError(f"The image holds {kind} values, which are not intensities.")


def read_box(image: Any, box: tuple[int | slice, ...]) -> NDArray[np.generic]:
    """Read a part of an image, which may be lazy.

    Raises
    ------
    ImageError
        If reading fails for whatever reason.
    """
    try:
        return np.asarray(image[box])
    except Exception as error:  # of any type: third-party code may be reading
        words = str(error).strip().splitlines() or [type(error).__name__]
        raise ImageError(
            f"A part of the image cannot be read ({words[0].rstrip('.')}); check that its file is "
            "complete and accessible, or choose a part of it that can be read."
        ) from error


class Part:
    """A lazy view of a part of an image, or of an array to be written to.

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
        """Read from the part."""
        return self._image[self._translate(index)]

    def __setitem__(self, index: tuple[int | slice, ...], values: Any) -> None:
        """Write to the part."""
        self._image[self._translate(index)] = values

    def _translate(self, index: tuple[int | slice, ...]) -> tuple[int | slice, ...]:
        moved: list[int | slice] = []
        for at, side, size in zip(index, self._box, self.shape, strict=True):
            if isinstance(at, slice):
                low, high, _ = at.indices(size)
                moved.append(slice(side.start + low, side.start + high))
            else:
                moved.append(side.start + at)
        return tuple(moved)
