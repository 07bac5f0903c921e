"""Speed of the donut median and of calibration, beside scipy and scikit-image in the same run.

    python benchmarks/calibration.py

Prints seconds and ratios, and whether the results agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.ndimage import median_filter, rank_filter
from skimage import data
from skimage.restoration import calibrate_denoiser, denoise_nl_means

from napari_n2s import calibrate
from napari_n2s.calibration.result import filtering
from napari_n2s.core.generators import finish
from napari_n2s.filters.catalogue import choose_denoiser
from napari_n2s.filters.donut_filters import donut_filter
from napari_n2s.filters.footprint import disk
from napari_n2s.images.image import open_image
from napari_n2s.preparation.prepared import prepare

REPEATS = 5


def seconds(work: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, Any]:
    """Time a piece of work, the fastest of a few."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - begin)
    return min(times), result


def medians(size: int = 2048) -> None:
    """Time the whole filter and the curve of strengths."""
    ring = disk(3, (1, 1)).kernel() > 0
    upper = int(ring.sum()) // 2
    print(f"| donut median, radius 3, {size}² | scipy, s | ours, s | times as fast | equal |")
    print("|---|---|---|---|---|")
    for kind in ("uint8", "uint16", "float32", "float64"):
        image = (np.random.default_rng(0).random((size, size)) * 200).astype(kind)
        theirs, expected = seconds(lambda image=image: median_filter(image, footprint=ring), 2)
        ours, result = seconds(lambda image=image: donut_filter(image, "median", 3))
        lower = rank_filter(image, upper - 1, footprint=ring)
        equal = (
            "yes" if np.array_equal((lower.astype(result.dtype) + expected) / 2, result) else "NO"
        )
        print(f"| {kind} | {theirs:.2f} | {ours:.3f} | {theirs / ours:.1f} | {equal} |")
    image = np.random.default_rng(0).poisson(50, (size, size)).astype(np.uint16)
    grid = {"radius": [float(radius) for radius in range(1, 8)]}
    denoiser = choose_denoiser("median", None)

    def curve() -> None:
        ready = prepare(open_image(image, "YX"))
        predict = denoiser.predictor(ready, blind=True)
        for radius in grid["radius"]:
            ready.score(predict({"radius": radius}))

    print(f"The curve for radii 1 to 7 on {size}²: {seconds(curve)[0]:.3f} s.")
    part = image[:512, :512]
    ready, quick, took = prepare(open_image(image, "YX")), denoiser.for_preview(), []
    for radius in range(1, 11):
        values = {"radius": float(radius)}
        work = partial(filtering, part, "YX", quick, values, ready)
        took.append(f"{1000 * seconds(lambda work=work: finish(work()))[0]:.0f}")
    print(f"Previews of 512² at radii 1 to 10: {', '.join(took)} ms.")


def non_local_means() -> None:
    """Calibrate scikit-image's filter on one grid, its way and ours."""
    truth = data.camera() / 255
    noisy = truth + np.random.default_rng(0).normal(0, 0.1, truth.shape)
    steps = [float(step) for step in np.linspace(0.04, 0.2, 9)]

    def filtered(picture: np.ndarray, h: float) -> np.ndarray:
        return denoise_nl_means(picture, h=h, patch_size=5, patch_distance=6, fast_mode=True)

    theirs, (_, (tried, losses)) = seconds(
        lambda: calibrate_denoiser(noisy, filtered, {"h": steps}, extra_output=True), 3
    )
    chosen = tried[int(np.argmin(losses))]["h"]

    spread = float(prepare(open_image(noisy, "YX")).scale.spread[0])
    grid = {"h": [step / spread for step in steps]}
    ours, found = seconds(lambda: calibrate(noisy, "nlm", grid, refine=False), 3)
    print(
        f"Non-local means on camera, 9 strengths: scikit-image {theirs:.1f} s, ours {ours:.2f} s, "
        f"{theirs / ours:.1f} times as fast; they choose h = {chosen:.3g} and "
        f"{found.best.values['h'] * spread:.3g}."
    )
    errors = [float(np.mean((filtered(noisy, h) - truth) ** 2)) for h in steps]
    print(f"The truth chooses h = {steps[int(np.argmin(errors))]:.3g}.")


if __name__ == "__main__":
    medians()
    non_local_means()
