"""Missing pixels: those that are NaN or infinite in any channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError, MissingPixelsError


def find_missing(canonical: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Find the missing pixels of an image.

    Parameters
    ----------
    canonical : ndarray, shape (N, C, *space)

    Returns
    -------
    ndarray of bool, shape (N, 1, *space)
        Where there are none it takes no memory, and cannot be written to.
    """
    shape = (canonical.shape[0], 1, *canonical.shape[2:])
    missing = np.broadcast_to(np.False_, shape)
    if canonical.dtype.kind != "f":
        return missing
    for number, sample in enumerate(canonical):
        gaps = find_gaps(sample)
        if gaps.any():
            missing = missing if missing.flags.writeable else np.zeros(shape, bool)
            missing[number] = gaps
    return missing


def require_usable(missing: NDArray[np.bool_], nan_policy: str) -> None:
    """Make sure that an image has pixels, and none that are missing if these raise an error.

    Parameters
    ----------
    missing : ndarray of bool, shape (N, 1, *space)
    nan_policy : {"raise", "omit"}

    Raises
    ------
    MissingPixelsError
        If some are missing and are to raise an error.
    ImageError
        If all are.
    """
    count = int(np.count_nonzero(missing))
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


def find_gaps(sample: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Find the pixels ``(1, *space)`` of a picture ``(C, *space)`` that have no value."""
    if sample.dtype.kind != "f":
        return np.zeros((1, *sample.shape[1:]), bool)
    gaps: NDArray[np.bool_] = ~np.isfinite(sample).all(0, keepdims=True)
    return gaps
