"""Limits on memory and processor time that a container or a batch job sets (Linux).

The operating system's own figures are those of the whole machine: a process in a container that
asks for as much memory is killed, and one that starts a thread for every core is slowed down.
Control groups are read in versions 1 and 2 (https://docs.kernel.org/admin-guide/cgroup-v2.html).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import product
from math import inf
from pathlib import Path, PurePosixPath

GROUPS = Path("/sys/fs/cgroup")
"""Where control groups are mounted."""
MEMBERSHIP = Path("/proc/self/cgroup")
"""Lists the control groups of this process."""
SLURM = "SLURM_CPUS_PER_TASK"
"""The environment variable with the number of cores that SLURM grants each task of a job."""


def memory_within_limits() -> float:
    """Measure the bytes that are free under the tightest memory limit, infinite without one.

    Cached file contents that the kernel can drop count as free.
    """
    free = inf
    for folder in _folders("memory"):
        limits = ("memory.max", "memory.limit_in_bytes")
        used = ("memory.current", "memory.usage_in_bytes")
        limit, usage = _first(folder, limits), _first(folder, used)
        if limit is not None and usage is not None:
            free = min(free, max(0.0, limit - max(0.0, usage - _droppable(folder))))
    return free


@cache
def cores_within_limits() -> float:
    """Return the number of cores that control groups and SLURM grant, infinite if they set none."""
    cores = inf
    for folder in _folders("cpu"):
        with suppress(OSError, ValueError, ZeroDivisionError):
            both = folder / "cpu.max"
            if both.exists():
                quota, period = both.read_text().split()
            else:
                quota = (folder / "cpu.cfs_quota_us").read_text()
                period = (folder / "cpu.cfs_period_us").read_text()
            if (granted := float(quota) / float(period)) > 0:  # -1 and max: no limit
                cores = min(cores, granted)
    with suppress(ValueError):
        cores = min(cores, max(1.0, float(os.environ.get(SLURM, inf))))
    return cores


def _folders(controller: str) -> Iterator[Path]:
    """List the folders of the groups that limit this process, from its own up to the root.

    Inside a container the path in the membership may be that outside, which is not mounted: then
    the root is the container's own group.
    """
    with suppress(OSError, ValueError):
        for line in MEMBERSHIP.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            trees = []
            if not controllers:  # version 2, all controllers in one tree
                trees = [GROUPS]
            elif controller in controllers.split(","):  # version 1
                trees = [GROUPS / controllers, GROUPS / controller]
            own = PurePosixPath(path.lstrip("/"))
            for tree, group in product(trees, (own, *own.parents)):
                yield tree / group


def _first(folder: Path, names: tuple[str, ...]) -> float | None:
    """Read the first file of these that is there and holds a number."""
    for name in names:
        with suppress(OSError, ValueError):
            return float((folder / name).read_text())
    return None


def _droppable(folder: Path) -> float:
    """Read how many bytes of a group's usage are cached files that were not used recently."""
    with suppress(OSError, ValueError):
        lines = (folder / "memory.stat").read_text().splitlines()
        found = dict(line.split() for line in lines)
        return float(found.get("total_inactive_file", found.get("inactive_file", 0)))
    return 0.0
