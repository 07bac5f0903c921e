"""What two measures against short delays bring, each with and without it in turn.

    python benchmarks/overheads.py --repeats 5

Loading PyTorch's library beforehand (`core.torch_loading`): the longest time for which another
thread of a new process, which wakes up every 2 ms, does not get to run. The histogram median
(`filters.histogram_median`): seconds for a preview of 512². Medians over the repeats.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from statistics import median
from typing import Any

LOADING = """
import json, sys, threading, time
from napari_n2s.core import torch_loading
if sys.argv[1] == "without":
    torch_loading._load_library = lambda: None
ready = []
thread = threading.Thread(target=lambda: (torch_loading.load_torch(), ready.append(1)))
begin = last = time.perf_counter()
thread.start()
gaps = []
while not ready:
    time.sleep(0.002)
    now = time.perf_counter()
    gaps.append(now - last - 0.002)
    last = now
gaps.sort()
print(json.dumps({
    "longest wait, s": gaps[-1], "sum of waits over 20 ms, s": sum(g for g in gaps if g > 0.02),
    "seconds": last - begin}))
"""


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    compare("_load_library", LOADING, ("with", "without"), repeats)
    medians(repeats)


def compare(name: str, script: str, ways: tuple[str, ...], repeats: int) -> None:
    """Run a script in new processes, the ways in turn, and print the median of what it prints."""
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way in ways:
            ran = subprocess.run(
                [sys.executable, "-c", script, way], capture_output=True, text=True, check=True
            )
            found[way].append(json.loads(ran.stdout.splitlines()[-1]))
    for way, runs in found.items():
        told = (f"{key} {median(run[key] for run in runs):.3g}" for key in runs[0])
        print(f"{name}, {way}: {', '.join(told)}", flush=True)


def medians(repeats: int) -> None:
    """Time a preview's median exactly and by histogram."""
    import numpy as np

    from napari_n2s.filters.donut_filters import donut_filter
    from napari_n2s.filters.footprint import disk
    from napari_n2s.filters.histogram_median import histogram_median

    picture = np.random.default_rng(0).normal(size=(512, 512)).astype(np.float32)
    for radius in (3.0, 4.0, 6.0, 10.0):
        spent: list[list[float]] = [[], []]
        for _ in range(repeats + 1):
            for own, work in zip(
                spent,
                (
                    lambda r=radius: donut_filter(picture, "median", r),
                    lambda r=radius: histogram_median(picture, disk(r, (1, 1))),
                ),
                strict=True,
            ):
                begin = time.perf_counter()
                work()
                own.append(time.perf_counter() - begin)
        exact, rough = (median(each[1:]) for each in spent)
        neighbours = len(disk(radius, (1, 1)).offsets)
        print(
            f"median of {neighbours} neighbours (radius {radius:g}): exact {exact:.3f} s, by "
            f"histogram {rough:.3f} s, {exact / rough:.1f} times as fast",
            flush=True,
        )


if __name__ == "__main__":
    main()
