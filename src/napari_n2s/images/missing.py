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
        If there are none it is a read-only view that takes no memory.
    """
    shape = (canonical.shape[0], 1, *canonical.shape[2:])
    missing = np.broadcast_to(np.False_, shape)
    if canonical.dtype.kind != "f":
        return missing
    for number, sample in enumerate(canonical):
        missing_here = find_missing_in_sample(sample)
        if missing_here.any():
            missing = missing if missing.flags.writeable else np.zeros(shape, bool)
            missing[number] = missing_here
    return missing


def require_usable(missing: NDArray[np.bool_], nan_policy: str) -> None:
    """Check the missing pixels of an image against the policy for them.

    Parameters
    ----------
    missing : ndarray of bool, shape (N, 1, *space)
    nan_policy : {"raise", "omit"}

    Raises
    ------
    MissingPixelsError
        If some are missing and the policy is "raise".
    ImageError
        If all are missing.
    """
    count = int(np.count_nonzero(missing))
    if count == missing.size:
        raise ImageError(
            "Every pixel of the image, or of one of its channels, is NaN or infinite; there is "
            "nothing to train on."
        )
    if count and nan_policy == "raise":
        raise MissingPixelsError(
            f"{count} of the image's {missing.size} pixels are NaN or infinite; replace them, or "
            "set nan_policy to 'omit' to denoise around them."
        )


def find_missing_in_sample(sample: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Find the missing pixels ``(1, *space)`` of a sample ``(C, *space)``."""
    if sample.dtype.kind != "f":
        return np.zeros((1, *sample.shape[1:]), bool)
    missing_here: NDArray[np.bool_] = ~np.isfinite(sample).all(0, keepdims=True)
    return missing_here
