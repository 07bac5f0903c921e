"""What the computer has: cores to compute on, and memory."""

from __future__ import annotations

import os

import psutil

from napari_n2s.ideas.errors import DeviceError


def threads() -> int:
    """Count the cores to compute on: all but one, which a window needs; of two, both."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, min(cores, max(2, cores - 1)))


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
