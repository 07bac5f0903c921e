"""A time series larger than memory: what it takes to learn from it and to denoise it.

    python benchmarks/large.py [--gigabytes 8] [--seconds 30] [--minutes 3] [--folder /tmp]

Simulates a zarr of uint16 frames, 1024 x 1024 each in a chunk of its own, and one of a hundredth of
its frames. Trains on the large one, then applies the network to frames drawn from all over both
in turn, as many as the minutes allow, writing each to a zarr. Prints the most memory in use beyond
that of the libraries, sampled every 20 ms, and the pixels a second of each. The folder needs room
for the series.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
import zarr

from napari_n2s import Model, train
from napari_n2s.core.device import choose_device, describe
from napari_n2s.core.generators import finish
from napari_n2s.images.chunks import chunks_of, cut
from napari_n2s.images.image import open_image
from napari_n2s.images.sources import Part
from napari_n2s.inference.tile_size import applying
from napari_n2s.simulation.fluorescence import GAIN, OFFSET, READ_NOISE, picture

SIDE = 1024
MOST = 1.5
"""Gigabytes beyond the libraries that are allowed."""
APART = 0.15
"""By how much the rates may differ."""


class Memory:
    """Samples this process's resident memory in a thread of its own."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._base = self._now()
        self._peak = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _now(self) -> int:
        return int(self._process.memory_info().rss)

    def _watch(self) -> None:
        while True:
            self._peak = max(self._peak, self._now())
            time.sleep(0.02)

    def peak(self) -> float:
        """Give the most since this was last asked, in gigabytes beyond what was in use at first."""
        peak, self._peak = self._peak, 0
        return (peak - self._base) / 1e9


def simulate(path: Path, frames: int) -> Any:
    """Write a series that drifts, with photon noise as a normal distribution has it."""
    rng = np.random.default_rng(0)
    truth = np.tile(picture().truth, (SIDE // 512, SIDE // 512))
    sigma = np.sqrt(GAIN * np.maximum(truth - OFFSET, 0) + READ_NOISE**2)
    noise = rng.standard_normal(8 * SIDE**2, np.float32)
    shape, chunks = (frames, SIDE, SIDE), (1, SIDE, SIDE)
    series = zarr.create_array(str(path), shape=shape, chunks=chunks, dtype="u2", compressors=None)
    for number in range(frames):
        start = int(rng.integers(noise.size - SIDE**2))
        drawn = noise[start : start + SIDE**2].reshape(SIDE, SIDE)
        series[number] = np.roll(np.rint(truth + sigma * drawn), number // 8, 1).astype(np.uint16)
    return series


class Applied:
    """One of the series, and how fast frames of it were denoised."""

    def __init__(self, series: Any, out: Path, model: Model) -> None:
        self._model = model
        options: dict[str, Any] = {"shape": series.shape, "chunks": series.chunks, "dtype": "f4"}
        self._out = zarr.create_array(str(out), **options)
        self._series = open_image(series, "TYX")
        written = chunks_of(self._out, self._out.ndim)
        self._boxes = cut(self._series.layout, self._series.chunks, written)
        self.count, self.seconds = 0, 0.0

    def one(self, share: float) -> None:
        """Denoise the frame at a share of the series."""
        box = self._boxes[min(int(share * len(self._boxes)), len(self._boxes) - 1)]
        begin = time.perf_counter()
        out, device = Part(self._out, box), choose_device()
        finish(applying(self._model, device, self._series, part=box, out=out))
        self.seconds += time.perf_counter() - begin
        self.count += 1

    @property
    def rate(self) -> float:
        """Pixels a second."""
        return self.count * SIDE**2 / self.seconds


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=8)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    torch.zeros(1)
    memory = Memory()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder = Path(name)
        frames = max(200, round(chosen.gigabytes * 1e9 / (2 * SIDE**2)))
        large, small = (simulate(folder / str(n), n) for n in (frames, frames // 100))
        print(f"{frames} frames of {SIDE} x {SIDE}, {2 * frames * SIDE**2 / 1e9:.2f} GB")
        print(f"simulating: {memory.peak():.2f} GB beyond the libraries")
        begin = time.perf_counter()
        *_, last = train(large, axes="TYX", seconds=chosen.seconds)
        model, spent = last.best, time.perf_counter() - begin
        most = memory.peak()
        beside = model.context.count if model.context else 0
        print(
            f"training: {spent:.0f} s on the {describe(choose_device())}, {model.step} steps, "
            f"{beside} frames beside, {model.turns} turns; {most:.2f} GB"
        )
        del last
        both = [Applied(each, folder / f"{each.shape[0]}.out", model) for each in (large, small)]
        limit = time.perf_counter() + 60 * chosen.minutes
        for place in np.random.default_rng(0).permutation(small.shape[0]):
            if time.perf_counter() > limit:
                break
            for each in both:
                each.one(place / small.shape[0])
        for each, words in zip(both, ("large", "small"), strict=True):
            print(f"applying, {words}: {each.count} frames, {each.rate / 1e6:.3f} Mpx/s")
        peak, ratio = memory.peak(), both[0].rate / both[1].rate
        most = max(most, peak)
        print(f"applying: {peak:.2f} GB; large / small {ratio:.3f}")
        print("within the limits" if most <= MOST and abs(ratio - 1) <= APART else "BEYOND LIMITS")


if __name__ == "__main__":
    main()
