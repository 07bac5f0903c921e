"""Trainings beside other work: whether a budget in seconds is kept, and how many steps it holds.

    python benchmarks/load.py
    python benchmarks/load.py --seconds 10

Each run is a process of its own that denoises `camera` with noise of σ = 25: alone, beside one and
two programs that are always busy, and two at once. Prints the seconds from call to result, and the
steps taken.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from contextlib import ExitStack

BUSY = "while True: pass"
RUN = """
import sys, time
import numpy as np
from skimage import data
from napari_n2s import denoise
image = data.camera() + np.random.default_rng(0).normal(0, 25, (512, 512))
denoise(image, axes="YX", steps=1)
begin = time.perf_counter()
_, report = denoise(image, axes="YX", seconds=float(sys.argv[1]))
print(f"{time.perf_counter() - begin:.1f} s, {report.steps} steps")
"""


def main() -> None:
    """Run alone and beside other work."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    seconds = str(parser.parse_args().seconds)
    for busy, together in ((0, 1), (1, 1), (2, 1), (0, 2)):
        with ExitStack() as stack:
            for _ in range(busy):
                other = stack.enter_context(subprocess.Popen([sys.executable, "-c", BUSY]))
                stack.callback(other.kill)
            command = [sys.executable, "-c", RUN, seconds]
            runs = [
                subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
                for _ in range(together)
            ]
            found = " and ".join(run.communicate()[0].strip() for run in runs)
        print(f"beside {busy} busy programs, {together} at once: {found}", flush=True)


if __name__ == "__main__":
    main()
