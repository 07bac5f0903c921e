"""Data types of results: enough precision and range for the image, and safe conversion."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError

FINE = 64
"""Minimum median difference of neighbouring pixels in units of a type's spacing (ULP), for the type
to be precise enough."""
SIDES = (64, 64, 4)
"""Pixels examined along the last axis, the second to last, and all others."""
ABOVE, BELOW = 0.01, 0.75
"""Maximum fraction of an image's values above and below the range of an integer type: negative
noise around 0 may be clipped."""


def result_kind(image: Any) -> np.dtype[Any]:
    """Return float32, or float64 if float32 is too coarse for the differences within the image.

    Parameters
    ----------
    image : array_like
        If its type is more precise than float32, its centre is read.
    """
    single, kind = np.dtype(np.float32), np.dtype(image.dtype)
    if np.can_cast(kind, single) or 0 in image.shape:
        return single
    sides = [SIDES[min(n, len(SIDES) - 1)] for n in range(len(image.shape))][::-1]
    middle = tuple(
        slice((size - min(size, side)) // 2, (size + min(size, side)) // 2)
        for size, side in zip(image.shape, sides, strict=True)
    )
    try:
        part = np.asarray(image[middle]).astype(np.float64)
    except Exception:  # reported when the image is read for denoising
        return single
    known = np.isfinite(part)
    largest = float(np.max(np.abs(part), where=known, initial=0))
    differences = [_median_difference(part, axis) for axis in range(part.ndim)]
    least = min((each for each in differences if each > 0), default=0.0)
    if least == 0 or largest > float(np.finfo(single).max):
        return single
    return np.dtype(np.float64) if np.spacing(np.float32(largest)) * FINE > least else single


def named_kind(name: str | None, image: Any) -> np.dtype[Any]:
    """Return a result type by its name, "same" for that of the image, None for the default."""
    if name is None:
        return result_kind(image)
    return np.dtype(image.dtype if name == "same" else name)


def _median_difference(part: NDArray[np.float64], axis: int) -> float:
    """Return the median of the non-zero absolute differences between neighbours along an axis."""
    with np.errstate(invalid="ignore"):
        found = np.abs(np.diff(part, axis=axis))
    found = found[(found > 0) & np.isfinite(found)]
    return float(np.median(found)) if found.size else 0.0


def require_range(image: NDArray[np.generic], kind: np.dtype[Any]) -> None:
    """Check that the range of a type suffices for an image.

    Raises
    ------
    ImageError
        If any value exceeds the range of a float type, or many exceed that of an integer type.
    """
    if np.can_cast(image.dtype, kind) or (kind.kind == "f" and kind.itemsize > 2):
        return
    limits: Any = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    known: NDArray[np.bool_] = np.isfinite(image)
    count = max(1, int(np.count_nonzero(known)))
    below = int(np.count_nonzero(known & (image < limits.min))) / count
    above = int(np.count_nonzero(known & (image > limits.max))) / count
    most = (0.0, 0.0) if kind.kind == "f" else (ABOVE, BELOW)
    if above > most[0] or below > most[1]:
        values = image[known]
        raise ImageError(
            f"The image's values reach from {values.min():.6g} to {values.max():.6g}, and {kind} "
            f"only from {limits.min:.6g} to {limits.max:.6g}; ask for float32."
        )


def to_dtype(image: NDArray[np.float64], kind: np.dtype[Any]) -> NDArray[np.generic]:
    """Convert intensities to another type, clipped to its range, rounded for integer types."""
    if kind.kind == "f":
        if kind.itemsize < 4:
            most = float(np.finfo(kind).max)
            image = np.where(np.isfinite(image), image.clip(-most, most), image)
        return image.astype(kind)
    limits = np.iinfo(kind)
    # A float64 cannot hold the largest 64-bit integers: the clip is made on the side that fits.
    top = float(limits.max) if limits.bits < 64 else np.nextafter(float(limits.max), 0)
    return np.rint(image).clip(float(limits.min), top).astype(kind)
