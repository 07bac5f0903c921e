"""What becomes of a model that is applied to another image than it was trained on.

    python benchmarks/elsewhere.py                  150 steps for each

It is trained on simulated cells with an offset and read noise, and applied to the same image and to
another field, each with another offset, gain or type, and to images that it does not suit. PSNR,
with the range of the truth, of the noisy image, of the model's result, and of a network that was
trained on that image for as long; then the message.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from napari_n2s import Model, N2SError, train
from napari_n2s.simulation import fluorescence

Image = NDArray[np.float64]


def field(seed: int) -> Image:
    """Simulate cells of up to 60 photons."""
    truth = fluorescence.picture(256, seed=seed).truth.astype(np.float64)
    return 60 * (truth - truth.min()) / np.ptp(truth)


def record(truth: Image, seed: int) -> Image:
    """Count photons, on an offset of 100 and with read noise."""
    rng = np.random.default_rng(seed)
    return rng.poisson(truth) + 100 + rng.normal(0, 1.6, truth.shape)


def images() -> Iterator[tuple[str, NDArray[np.generic], Image]]:
    """Give each image with its truth; the first is trained on."""
    one, two = field(2), field(5)
    noisy, other = record(one, 0), record(two, 1)
    yield "the same", noisy, one + 100
    yield "another field", other, two + 100
    yield "500 more", noisy + 500, one + 600
    yield "another field, 500 more", other + 500, two + 600
    yield "3 times as much and 20", 3 * noisy + 20, 3 * (one + 100) + 20
    yield "uint8", np.rint(1.4 * (noisy - 90)).clip(0, 255).astype(np.uint8), 1.4 * (one + 10)
    yield "another field, 5 times the light", record(5 * two, 2), 5 * two + 100
    yield "another field, a fifth of it", record(two / 5, 3), two / 5 + 100
    yield "bright becomes dark", 1000 - noisy, 900 - one
    strip = 20 * two * (np.arange(256) > 200)
    yield "dark but for a bright strip", record(strip, 4), strip + 100


def learn(image: NDArray[np.generic], steps: int) -> Model:
    """Train for so many steps."""
    *_, last = train(image, axes="YX", steps=steps)
    return last.best


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=150)
    steps = parser.parse_args().steps
    model = None
    print("| applied to | noisy | applied | trained there | message |\n|---|---|---|---|---|")
    for name, noisy, truth in images():
        anew = learn(noisy, steps)
        model = model or anew
        cells = [f"{_psnr(noisy, truth):.2f}"]
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                cells.append(f"{_psnr(model.apply(noisy, axes='YX'), truth):.2f}")
                words = " ".join(str(each.message) for each in said)
            except N2SError as error:
                cells.append("")
                words = str(error)
        cells.append(f"{_psnr(anew.apply(noisy, axes='YX'), truth):.2f}")
        print(f"| {name} | {' | '.join(cells)} | {words} |", flush=True)


def _psnr(image: NDArray[np.generic], truth: Image) -> float:
    return float(10 * np.log10(np.ptp(truth) ** 2 / np.mean((image - truth) ** 2)))


if __name__ == "__main__":
    main()
