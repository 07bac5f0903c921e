"""In which type a result is given, so that no difference within the image is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError

FINE = 64
"""Steps of a type that the difference of two neighbouring pixels must have, in the median."""
SIDES = (64, 64, 4)
"""Pixels looked at along the last axis, the one before, and all others."""
ABOVE, BELOW = 0.01, 0.75
"""Shares of an image's values that may lie beyond the ends of an integer type: noise around 0 may
become 0."""


def result_kind(image: Any) -> np.dtype[Any]:
    """Give float32, or float64 where float32 has too few digits for the image's differences.

    Parameters
    ----------
    image : array_like
        Of one with more digits than float32, the middle is read.
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
    except Exception:  # whoever denoises it will meet that again, and say it
        return single
    known = np.isfinite(part)
    largest = float(np.max(np.abs(part), where=known, initial=0))
    differences = [_median_difference(part, axis) for axis in range(part.ndim)]
    least = min((each for each in differences if each > 0), default=0.0)
    if least == 0 or largest > float(np.finfo(single).max):
        return single
    return np.dtype(np.float64) if np.spacing(np.float32(largest)) * FINE > least else single


def named_kind(name: str | None, image: Any) -> np.dtype[Any]:
    """Give the type of a result by its name, which may be "same" as the image's or left out."""
    if name is None:
        return result_kind(image)
    return np.dtype(image.dtype if name == "same" else name)


def _median_difference(part: NDArray[np.float64], axis: int) -> float:
    """Give the median of the differences between neighbours along an axis, equal ones left out."""
    with np.errstate(invalid="ignore"):
        found = np.abs(np.diff(part, axis=axis))
    found = found[(found > 0) & np.isfinite(found)]
    return float(np.median(found)) if found.size else 0.0


def require_range(image: NDArray[np.generic], kind: np.dtype[Any]) -> None:
    """Make sure that a type has the range for an image.

    Raises
    ------
    ImageError
        If a float type cannot hold some of its values, or an integer type many.
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
