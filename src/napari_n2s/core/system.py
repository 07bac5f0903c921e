"""Resources of the computer: processor cores and free memory."""

from __future__ import annotations

import os
import time

import psutil

from napari_n2s.core.errors import DeviceError
from napari_n2s.core.limits import cores_within_limits, memory_within_limits

LOAD_SECONDS = 1.0
"""Seconds over which the load by other programs is measured."""


def _usable() -> set[int]:
    """List the cores on which the process may run."""
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def threads() -> int:
    """Count the cores to compute on: all but one, which the window needs; both if there are two.

    Only cores count on which the process may run and which its container or batch job grants.
    """
    cores = int(min(len(_usable()), cores_within_limits()))
    return max(1, min(cores, max(2, cores - 1)))


class OtherLoad:
    """Measures how many cores other programs keep busy."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._measured: tuple[float, float] | None = None
        self._cores = 0.0

    def cores(self) -> float:
        """Return the number of usable cores that are busy, on average since the last measurement.

        It is measured at most once in `LOAD_SECONDS`, and 0 at first.
        """
        now = time.monotonic()
        if self._measured and now - self._measured[0] < LOAD_SECONDS:
            return self._cores
        usable = _usable()
        every = enumerate(psutil.cpu_times(percpu=True))
        busy = sum(
            each.user + each.system + getattr(each, "nice", 0.0) + getattr(each, "steal", 0.0)
            for core, each in every
            if core in usable
        )
        own = self._process.cpu_times()
        others = busy - own.user - own.system
        if self._measured:
            begun, before = self._measured
            self._cores = max(0.0, (others - before) / (now - begun))
        self._measured = now, others
        return self._cores


OTHERS = OtherLoad()
"""Load by other programs, as this process measures it."""


def free_threads() -> int:
    """Count those of `threads` whose cores other programs leave free; at least 1.

    Threads that wait for each other all become as slow as the one whose core is busy otherwise.
    """
    free = len(_usable()) - OTHERS.cores()
    return max(1, min(threads(), int(free + 0.5)))


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
