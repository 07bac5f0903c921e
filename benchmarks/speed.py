"""Where the time goes: quality against seconds, cost against size, and how busy the device is.

    python benchmarks/speed.py [--device cuda] [--plot curve.png] [--sizes 256 512 1024 2048]

Needs the dependency group ``benchmark``. One command for a processor and for a GPU alike: steps a
second, the share of that time in which a GPU computes, seconds and memory from the call to the
result for images of several sizes, and PSNR on `camera` (sigma 25) after several budgets. Budgets
are in minutes of five times BM3D's time, as in ``quality.py``; on a GPU in seconds.
"""

from __future__ import annotations

import argparse
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from cases import Case, camera
from filters import bm3d_known_noise
from measures import compare, peak, reset_peak
from napari_n2s import Settings, denoise, train
from napari_n2s.core.device import choose_device, describe
from quality import minute

MINUTES = (1 / 12, 1 / 6, 1 / 3, 1 / 2, 1, 2, 5)
GPU_SECONDS = (2, 5, 15, 60)


def steps_per_second(case: Case, device: str) -> tuple[float, float]:
    """Measure steps a second over five seconds, and the share of it in which a GPU computes."""
    training = train(case.noisy, axes="YX", steps=10**6, device=device)
    begin = next(step for step in training if step.step >= 100)
    gpu = choose_device(device).type == "cuda"
    with profile(activities=[ProfilerActivity.CUDA]) if gpu else nullcontext() as seen:
        end = next(step for step in training if step.seconds - begin.seconds > 5)
    wall = end.seconds - begin.seconds
    events = seen.key_averages() if seen else []
    kernels = (e.self_device_time_total for e in events if e.device_type == DeviceType.CUDA)
    return (end.step - begin.step) / wall, sum(kernels) / 1e6 / wall


def cost(size: int, seconds: float, device: str) -> tuple[float, float]:
    """Denoise a square image within a budget: seconds from call to result, and megabytes."""
    reset_peak()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    image = np.random.default_rng(0).poisson(20, (size, size)).astype(np.uint16)
    begin = time.perf_counter()
    denoise(image, axes="YX", seconds=seconds, device=device)
    spent = time.perf_counter() - begin
    if choose_device(device).type == "cuda":
        return spent, torch.cuda.max_memory_allocated() / 2**20
    return spent, peak()


def curve(case: Case, budgets: list[float], device: str) -> dict[str, list[tuple[float, float]]]:
    """Measure PSNR after several budgets, beside BM3D's."""
    points: dict[str, list[tuple[float, float]]] = {}

    def add(name: str, begin: float, image: np.ndarray) -> None:
        seconds, quality = time.perf_counter() - begin, compare(image, case)["psnr"]
        points.setdefault(name, []).append((seconds, quality))
        print(f"{name:24} {seconds:7.1f} s {quality:6.2f} dB", flush=True)

    begin = time.perf_counter()
    add("BM3D, given σ", begin, bm3d_known_noise(case, 0)(case.noisy))
    for seconds in budgets:
        begin = time.perf_counter()
        image, _ = denoise(case.noisy, axes="YX", seconds=seconds, device=device)
        add("ours", begin, image)
    return points


def draw(points: dict[str, list[tuple[float, float]]], file: Path) -> None:
    """Plot quality against seconds."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.6), layout="constrained")
    for name, line in points.items():
        axes.semilogx(*zip(*line, strict=True), marker="o", label=name)
    axes.set(xlabel="seconds, from call to result", ylabel="PSNR, dB")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file, dpi=110)


def main() -> None:
    """Print the tables and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--sizes", type=int, nargs="*", default=[256, 512, 1024, 2048])
    chosen = parser.parse_args()
    device = choose_device(chosen.device)
    print(f"Computing on the {describe(device)}; default settings: {Settings().network}.")
    (case,) = camera()
    rate, busy = steps_per_second(case, chosen.device)
    print(f"{rate:.1f} steps a second" + (f", GPU busy {busy:.0%}" if busy else ""))
    unit = minute() if device.type == "cpu" else 15.0
    print(f"A minute is {unit:.1f} s here.\n\n| size | budget, s | s, call to result | MB |")
    print("|---|---|---|---|")
    for size in chosen.sizes:
        seconds, memory = cost(size, unit, chosen.device)
        print(f"| {size}² | {unit:.0f} | {seconds:.1f} | {memory:.0f} |", flush=True)
    budgets = [m * unit for m in MINUTES] if device.type == "cpu" else list(GPU_SECONDS)
    points = curve(case, budgets, chosen.device)
    if chosen.plot:
        draw(points, chosen.plot)


if __name__ == "__main__":
    main()
