"""An image as numbers: what can be denoised, on which scale, and back into its own type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError, MissingPixelsError
from napari_n2s.images.dtypes import require_range, result_kind

Box = tuple[slice, ...]
"""A part of an image: one slice for each of its axes."""

TAIL, FAR_OUT = 0.1, 8.0
"""Share of the values below and above nearly all, and ranges of those by which others lie far
out."""
SAMPLED = 2**18
"""Values that quantiles are found of."""
LARGEST = 1e37
"""Intensities beyond this would leave the range of the float32 in which a result is given."""


def as_image(data: Any) -> NDArray[np.generic]:
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


def open_image(data: Any) -> Any:
    """Do as `as_image`, but leave what can be read piece by piece where it is.

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
        return as_image(data)
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


def find_missing(canonical: NDArray[np.generic], nan_policy: str) -> NDArray[np.bool_]:
    """Find pixels that are NaN or infinite in any channel.

    Parameters
    ----------
    canonical : ndarray, shape (N, C, *space)
    nan_policy : {"raise", "omit"}

    Returns
    -------
    ndarray of bool, shape (N, 1, *space)

    Raises
    ------
    MissingPixelsError
        If there are some and they are to be refused.
    ImageError
        If there is nothing else.
    """
    missing = np.zeros((canonical.shape[0], 1, *canonical.shape[2:]), bool)
    for sample, found in zip(canonical, missing, strict=True):
        found[:] = find_gaps(sample)
    count = int(missing.sum())
    if count == missing.size:
        raise ImageError(
            "Every pixel of the image, or of one of its channels, is NaN or infinite; there is "
            "nothing to learn from."
        )
    if count and nan_policy == "raise":
        raise MissingPixelsError(
            f"{count} of the image's {missing.size} pixels are NaN or infinite; replace them, or "
            "set nan_policy to 'omit' to denoise around them."
        )
    return missing


def find_gaps(sample: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Find the pixels ``(1, *space)`` of a picture ``(C, *space)`` that have no value."""
    if sample.dtype.kind != "f":
        return np.zeros((1, *sample.shape[1:]), bool)
    gaps: NDArray[np.bool_] = ~np.isfinite(sample).all(0, keepdims=True)
    return gaps


@dataclass(frozen=True)
class Scale:
    """The scale on which a network sees an image: each channel with mean 0 and deviation 1.

    Attributes
    ----------
    shift, spread : ndarray of float64, shape (C,)
        Mean and standard deviation of each channel; a spread of 0 marks a constant channel.
    """

    shift: NDArray[np.float64]
    spread: NDArray[np.float64]

    @property
    def variance(self) -> NDArray[np.float64]:
        """What a squared error of 1 on the inner scale is worth in each channel; shape (C,)."""
        return self.spread**2

    def normalise(
        self, sample: NDArray[np.generic], missing: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Bring one sample ``(C, *space)`` to the inner scale, with 0 where a pixel is missing."""
        shift, spread = self._along(sample)
        inner = np.subtract(np.where(missing, shift, sample), shift, dtype=np.float64)
        return (inner / np.where(spread, spread, 1)).astype(np.float32)

    def restore(self, inner: NDArray[np.floating]) -> NDArray[np.float64]:
        """Bring one sample ``(C, *space)`` back to the image's intensities."""
        shift, spread = self._along(inner)
        restored: NDArray[np.float64] = inner * spread + shift
        return restored

    def _along(self, sample: NDArray[np.generic]) -> Iterator[NDArray[np.float64]]:
        column = (-1, *(1,) * (sample.ndim - 1))
        return (each.reshape(column) for each in (self.shift, self.spread))


def measure_scale(canonical: NDArray[np.generic], missing: NDArray[np.bool_]) -> Scale:
    """Measure the mean and standard deviation of each channel, missing pixels left out.

    Values that lie many times as far out as nearly all others do not count, so that a few very
    bright pixels do not decide how the rest is seen.

    Parameters
    ----------
    canonical : ndarray, shape (N, C, *space)
    missing : ndarray of bool, shape (N, 1 or C, *space)
    """
    some = missing.any()
    shift, spread = [], []
    for channel in range(canonical.shape[1]):
        values = canonical[:, channel]
        if some:
            known = ~missing[:, min(channel, missing.shape[1] - 1)]
            values = values[known] if known.any() else values
        low, high = float(values.min()), float(values.max())
        if max(-low, high) > LARGEST:
            raise ImageError(
                "The image's intensities are too large to compute with; scale them down."
            )
        constant = low == high
        bottom, top = np.quantile(_some(values).astype(np.float64), (TAIL, 1 - TAIL)).tolist()
        reach = FAR_OUT * (top - bottom)
        if top > bottom and not bottom - reach <= low <= high <= top + reach:
            values = values[(values >= bottom - reach) & (values <= top + reach)]
        shift.append(low if constant else float(values.mean(dtype=np.float64)))
        spread.append(0.0 if constant else float(values.std(dtype=np.float64)))
    return Scale(np.array(shift), np.array(spread))


def _some(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Take some values from all over an array."""
    flat = values.reshape(-1)
    return flat[:: max(1, flat.size // SAMPLED)]


def check_dtype(dtype: Any, image: Any, nan_policy: str) -> np.dtype[Any]:
    """Check, before any work is done, that a result can be given as a type.

    Parameters
    ----------
    dtype : dtype, optional
        If left out, float32, or float64 where that has too few digits for the image.
    image : array_like
        What will be denoised.
    nan_policy : {"raise", "omit"}
        What will be done with its pixels that are NaN or infinite.

    Raises
    ------
    ImageError
        If it cannot.
    """
    if dtype is None:
        return result_kind(image)
    try:
        kind: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        kind = np.dtype(object)
    if kind.kind not in "iuf":
        raise ImageError(
            f"The result cannot be given as {dtype}; choose an integer or a float type."
        )
    here = isinstance(image, np.ndarray)
    risky = nan_policy == "omit" and kind.kind in "iu" and here and image.dtype.kind == "f"
    if risky and not np.isfinite(image).all():
        raise ImageError(f"The result has NaN pixels, which {kind} cannot hold; ask for float32.")
    if here:
        require_range(image, kind)
    return kind


def to_dtype(image: NDArray[np.float64], kind: np.dtype[Any]) -> NDArray[np.generic]:
    """Convert intensities to another type, clipped into its range; to an integer rounded."""
    if kind.kind == "f":
        if kind.itemsize < 4:
            most = float(np.finfo(kind).max)
            image = np.where(np.isfinite(image), image.clip(-most, most), image)
        return image.astype(kind)
    limits = np.iinfo(kind)
    # A float64 cannot hold the largest 64-bit integers: the clip is made on the side that fits.
    top = float(limits.max) if limits.bits < 64 else np.nextafter(float(limits.max), 0)
    return np.rint(image).clip(float(limits.min), top).astype(kind)
