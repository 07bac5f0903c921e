"""Resources of the computer: processor cores and free memory."""

from __future__ import annotations

import os

import psutil

from napari_n2s.core.errors import DeviceError
from napari_n2s.core.limits import cores_within_limits, memory_within_limits


def threads() -> int:
    """Count the cores to compute on: all but one, which the window needs; both if there are two.

    Only cores count on which the process may run and which its container or batch job grants.
    """
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    cores = int(min(cores, cores_within_limits()))
    return max(1, min(cores, max(2, cores - 1)))


def free_memory() -> int:
    """Measure the bytes of main memory that are free and within the limits set."""
    return int(min(psutil.virtual_memory().available, memory_within_limits()))


def require_memory(need: float) -> None:
    """Raise an error if work would take more memory than is free.

    Parameters
    ----------
    need : float
        Bytes.

    Raises
    ------
    DeviceError
    """
    free = free_memory()
    if need > free:
        raise DeviceError(
            f"This image takes about {need / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are "
            "free; close other programs, or train on and denoise a part of it."
        )
