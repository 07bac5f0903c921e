"""Noise2Noise from two captures of a field beside Noise2Self from one of them, against truth.

    python benchmarks/captures.py NOISY TRUTH             NAME_1.png, NAME_2.png, and NAME.png
    python benchmarks/captures.py NOISY TRUTH --only Confocal_FISH --seconds 60

Both are given the same processor time for their steps, measured on this machine first, so that
other work on it does not count. PSNR with range 255; beside it with brightness and contrast fitted
first, as captures differ in both from the mean that is the truth.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from scipy.ndimage import gaussian_filter

from cases import Image
from measures import fit
from napari_n2s import denoise

TRIAL = 100
"""Steps by which the cost of one is measured; as many again do not count, for they are slower."""


def psnr(image: Image, truth: Image) -> str:
    """Give PSNR in dB as it is, and with brightness and contrast fitted."""
    both = (image, fit(image, truth))
    plain, fitted = (10 * np.log10(255**2 / np.mean((each - truth) ** 2)) for each in both)
    return f"{plain:.2f} / {fitted:.2f}"


def run(image: Image, steps: int, seed: int, **options: Any) -> tuple[Image, float]:
    """Denoise, and give the processor time that it took, in seconds."""
    begin = time.process_time()
    clean, _ = denoise(image, steps=steps, seed=seed, device="cpu", **options)
    return clean, time.process_time() - begin


def steps_within(seconds: float, image: Image, **options: Any) -> int:
    """Count the steps that fit into so much processor time."""
    costs = [run(image, steps, 0, **options)[1] for steps in (TRIAL, 2 * TRIAL)]
    return max(1, round(seconds * TRIAL / (costs[1] - costs[0])))


def main() -> None:
    """Denoise every field both ways and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("noisy", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--only", nargs="*", help="fields")
    parser.add_argument("--seconds", type=float, default=60, help="of one core, for each")
    parser.add_argument("--steps", type=int, nargs=2, help="of either, if they are known")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    names = sorted(each.stem for each in chosen.truth.iterdir())
    steps = chosen.steps
    print("| field | capture 1 | mean of both | that, best blur | Noise2Self | Noise2Noise |")
    for name in chosen.only or names:
        one, two = (
            iio.imread(chosen.noisy / f"{name}_{number}.png").astype(np.float32)
            for number in (1, 2)
        )
        truth = iio.imread(chosen.truth / f"{name}.png").astype(np.float32)
        mean = (one + two) / 2
        blurs = [gaussian_filter(mean, sigma) for sigma in np.arange(0.3, 4, 0.1)]
        best = min(blurs, key=lambda blur: float(np.mean((blur - truth) ** 2)))
        if steps is None:
            steps = [
                steps_within(chosen.seconds, one, **options) for options in ({}, {"pair": two})
            ]
        alone, its = run(one, steps[0], chosen.seed)
        both, theirs = run(one, steps[1], chosen.seed, pair=two)
        cells = [psnr(each, truth) for each in (one, mean, best, alone, both)]
        print(
            f"| {name} | {' | '.join(cells)} | {steps[0]} steps, {its:.0f} s; {steps[1]}, "
            f"{theirs:.0f} s of one core",
            flush=True,
        )


if __name__ == "__main__":
    main()
