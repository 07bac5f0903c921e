"""Whether a few photons are as bright in the result: its regions against those of the noisy image.

    python benchmarks/brightness.py                 150 steps for each
    python benchmarks/brightness.py --steps 1000

Simulated cells, a field that is the same everywhere and one that grows brighter, at 0.02 to 5
photons in an average pixel. Of all parts of 128 x 128 pixels it prints the mean of the result less
that of the noisy image, as a share of the latter: of the whole, and the worst; beside it the
standard error of the noisy mean, by which that differs from the truth.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from napari_n2s import denoise
from napari_n2s.simulation import fluorescence

SIDE = 128
COUNTS = 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5


def scenes(size: int = 256) -> dict[str, NDArray[np.float64]]:
    """Give each scene with a mean of 1."""
    cells = fluorescence.picture(size, seed=2).truth.astype(np.float64)
    cells -= 0.9 * cells.min()
    y, x = np.mgrid[:size, :size] / size
    return {
        name: scene / scene.mean()
        for name, scene in {"cells": cells, "even": 0 * x + 1, "rising": 0.3 + x + 0.5 * y}.items()
    }


def regions(image: NDArray[np.generic]) -> NDArray[np.float64]:
    """Give the mean of each part of 128 x 128 pixels."""
    rows, columns = (size // SIDE for size in image.shape)
    parts = image[: rows * SIDE, : columns * SIDE].astype(np.float64)
    means: NDArray[np.float64] = parts.reshape(rows, SIDE, columns, SIDE).mean((1, 3))
    return means


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=150)
    steps = parser.parse_args().steps
    print("| scene | photons | whole, % | worst region, % | standard error, % | PSNR, dB |")
    print("|---|---|---|---|---|---|")
    for name, scene in scenes().items():
        for count in COUNTS:
            truth = count * scene
            noisy = np.random.default_rng(0).poisson(truth).astype(np.uint16)
            clean, _ = denoise(noisy, axes="YX", steps=steps)
            off = regions(clean) / regions(noisy) - 1
            worst = off.flat[np.abs(off).argmax()]
            psnr = 10 * np.log10(truth.max() ** 2 / np.mean((clean - truth) ** 2))
            whole = clean.mean(dtype=np.float64) / noisy.mean() - 1
            error = 100 / np.sqrt(count * SIDE**2)
            print(
                f"| {name} | {count:g} | {100 * whole:+.2f} | {100 * worst:+.2f} | {error:.1f} | "
                f"{psnr:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
