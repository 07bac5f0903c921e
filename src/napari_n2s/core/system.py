"""What the computer has: cores to compute on, and memory."""

from __future__ import annotations

import os
from functools import cache

import numpy as np
import psutil

from napari_n2s.core.errors import DeviceError


def threads() -> int:
    """Count the cores to compute on: all but one, which a window needs; of two, both."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, min(cores, max(2, cores - 1)))


@cache
def keep_memory() -> None:
    """Let Linux's C library keep what is given back to it, up to 64 MB, for it is soon asked again.

    It returns to the system what exceeds twice the largest block that it has seen given back, and
    of blocks takes note up to 32 MiB (mallopt(3)). Before it has seen one, a first training has its
    memory taken away and cleared anew at every score. Elsewhere this does nothing.
    """
    np.empty(2**25 - 2**20, np.uint8)


def require_memory(need: float) -> None:
    """Refuse work that would take more memory than is free.

    Parameters
    ----------
    need : float
        Bytes.

    Raises
    ------
    DeviceError
    """
    free = psutil.virtual_memory().available
    if need > free:
        raise DeviceError(
            f"This image takes about {need / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are "
            "free; close other programs, or learn from and denoise a part of it."
        )
