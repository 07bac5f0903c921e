"""The orderings of Noise2Noise (Lehtinen et al., ICML 2018), at small scale, against truth.

    python benchmarks/noise2noise.py                  all of it
    python benchmarks/noise2noise.py text impulse     some of it

One small U-Net for each row, trained on crops of scikit-image's photographs, corrupted anew in each
step; all rows of an experiment see the same crops, corrupted in the same way, and differ in target
and loss alone. PSNR on photographs that none has seen, the average over them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skimage import color, data, transform
from torch import Tensor

import corruptions
from corruptions import replace_spectrum
from napari_n2s.core.device import fast_arithmetic, prefer_layout
from napari_n2s.nn.losses import LOSSES, tone_map
from napari_n2s.nn.muon import Muon
from napari_n2s.nn.networks import UNet

Image = NDArray[np.floating[Any]]
Spoil = Callable[[Image, np.random.Generator], tuple[Image, dict[str, Image]]]
Random = np.random.Generator

LEARNT_FROM = (
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "brick",
    "gravel",
    "moon",
    "cell",
    "text",
)
TESTED_ON = ("camera", "coins", "immunohistochemistry")
IN_COLOUR = ("astronaut", "chelsea", "hubble_deep_field", "retina")
TESTED_IN_COLOUR = ("coffee", "immunohistochemistry", "rocket")
SIDE = 512
CROP, BATCH = 64, 4
STEPS = 2000
RATE = 0.015
"""Of learning, at first."""
FALL = 1.5
"""The power of the share of the steps that are left, as which the rate falls to zero."""
LONGEST = 0.1
"""Norm of a gradient, at most."""
CENTRE, SPREAD = 0.5, 0.25
"""Of intensities from 0 to 1: what a network sees and says has a mean of about 0, a spread of 1."""
MEMORY = 60
"""Steps over which the weights are averaged."""


@dataclass(frozen=True)
class Row:
    """One way to train: on clean or corrupted targets, with a loss, tone-mapped input or not."""

    name: str
    clean: bool
    loss: str
    mapped: bool = False


@dataclass(frozen=True)
class Experiment:
    """A way to spoil images, and the rows that are compared.

    Attributes
    ----------
    spoil : callable
        Takes images and random numbers; returns corrupted ones, and by name what goes with them:
        `left`, the pixels that count in a target, or `known` and `sampled`, a spectrum.
    bright : bool
        Whether intensities go beyond 1: made so, and tone-mapped before they are compared.
    colour : bool
        Whether images are in colour, not in grey.
    width : int
        Features of the networks. What noisy targets cost grows with the number of weights.
    longer : int
        How many times the usual steps it takes until the rows differ by what is compared, and not
        by how far they have come.
    """

    spoil: Spoil
    rows: tuple[Row, ...]
    bright: bool = False
    colour: bool = False
    width: int = 8
    longer: int = 1

    @property
    def training_images(self) -> tuple[str, ...]:
        """Names of the photographs to learn from."""
        return IN_COLOUR if self.colour else LEARNT_FROM

    @property
    def tested_on(self) -> tuple[str, ...]:
        """Names of those that no network has seen."""
        return TESTED_IN_COLOUR if self.colour else TESTED_ON


def plain(corruption: Callable[..., Image], **options: float) -> Spoil:
    return lambda images, rng: (corruption(images, rng, **options), {})


def bernoulli(images: Image, rng: Random) -> tuple[Image, dict[str, Image]]:
    corrupted, left = corruptions.bernoulli(images, rng)
    return corrupted, {"left": left}


def spectrum(images: Image, rng: Random) -> tuple[Image, dict[str, Image]]:
    made, known, sampled = corruptions.sample_spectrum(images, rng)
    return made, {"known": known, "sampled": sampled}


CLEAN, NOISY = Row("clean targets", True, "l2"), Row("noisy targets", False, "l2")
EXPERIMENTS = {
    "gaussian": Experiment(plain(corruptions.gaussian), (CLEAN, NOISY), longer=2),
    "poisson": Experiment(plain(corruptions.poisson), (CLEAN, NOISY), longer=2),
    "bernoulli": Experiment(bernoulli, (CLEAN, NOISY), longer=4),
    "text": Experiment(
        plain(corruptions.text),
        (
            CLEAN,
            Row("corrupted targets, L2", False, "l2"),
            Row("corrupted targets, L1", False, "l1"),
        ),
        width=16,
        longer=2,
    ),
    "impulse": Experiment(
        plain(corruptions.impulse, channel_axis=1),
        (
            CLEAN,
            Row("corrupted targets, L2", False, "l2"),
            Row("corrupted targets, L1", False, "l1"),
            Row("corrupted targets, L0", False, "l0"),
        ),
        colour=True,
        width=16,
        longer=4,
    ),
    "heavy tails": Experiment(
        plain(corruptions.heavy_tails, tail=1.5),
        (
            Row("noisy targets, L2", False, "l2"),
            Row("noisy targets, L2, tone-mapped input", False, "l2", mapped=True),
            Row("noisy targets, HDR, tone-mapped input", False, "hdr", mapped=True),
        ),
        bright=True,
    ),
    "k-space": Experiment(spectrum, (CLEAN, NOISY), longer=12),
}


def photographs(names: tuple[str, ...], experiment: Experiment) -> list[Image]:
    """Take photographs ``(C, height, width)`` from 0 to 1, about SIDE high; or bright as lamps."""
    found = []
    for name in names:
        image = getattr(data, name)()
        values = image / np.iinfo(image.dtype).max
        if image.ndim == 2:
            values = values[..., None]
        elif not experiment.colour:
            values = color.rgb2gray(values[..., :3])[..., None]
        scale = min(1, SIDE / min(values.shape[:2]))
        small = transform.rescale(values, scale, anti_aliasing=scale < 1, channel_axis=-1)
        small = small[: small.shape[0] // 4 * 4, : small.shape[1] // 4 * 4].clip(0, 1)
        linear = small**2.2
        shown = linear / (1.05 - linear) if experiment.bright else small
        found.append(np.moveaxis(shown, -1, 0).astype(np.float32))
    return found


def crops(images: list[Image], rng: Random) -> Iterator[Image]:
    """Cut crops ``(B, C, side, side)`` from anywhere, flipped and turned at random."""
    while True:
        batch = []
        for _ in range(BATCH):
            image = images[rng.integers(len(images))]
            a, b = (int(rng.integers(size - CROP + 1)) for size in image.shape[1:])
            crop = np.rot90(image[:, a : a + CROP, b : b + CROP], rng.integers(4), (1, 2))
            batch.append(crop[..., ::-1] if rng.integers(2) else crop)
        yield np.stack(batch)


def train(experiment: Experiment, row: Row, steps: int, seed: int) -> UNet:
    """Train on corrupted crops and their targets; give the average of the late weights."""
    torch.manual_seed(seed)
    network = UNet(3 if experiment.colour else 1, 2, width=experiment.width, levels=2)
    network = network.to(memory_format=torch.channels_last)
    average = deepcopy(network)
    optimiser = Muon(network.parameters(), network.last.parameters())
    loss = LOSSES[row.loss]
    images = photographs(experiment.training_images, experiment)
    places, inputs, targets = (np.random.default_rng((seed, each)) for each in range(3))
    for step, clean in zip(range(steps), crops(images, places), strict=False):
        corrupted, known = experiment.spoil(clean, inputs)
        target, about = (clean, {}) if row.clean else experiment.spoil(clean, targets)
        counted = torch.from_numpy(about.get("left", np.ones(clean.shape, bool)))
        output = run(network, corrupted, known, row)
        optimiser.zero_grad()
        loss(output, torch.from_numpy(target), counted, step / steps).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), LONGEST)
        optimiser.step(RATE * min(1, (step + 1) / 30) * (1 - step / steps) ** FALL)
        with torch.no_grad():
            for kept, current in zip(average.parameters(), network.parameters(), strict=True):
                kept.lerp_(current, max(1 / MEMORY, 1 / (step + 2)))
    return average


def run(network: UNet, corrupted: Image, about: dict[str, Image], row: Row) -> Tensor:
    """Apply a network to a corrupted image; restore what is known of its spectrum."""
    x = torch.from_numpy(corrupted)
    with fast_arithmetic(x.device):
        shown = ((tone_map(x) if row.mapped else x) - CENTRE) / SPREAD
        output: Tensor = network(prefer_layout(shown)).float() * SPREAD + CENTRE
    if "known" in about:
        known, sampled = (torch.from_numpy(about[each]) for each in ("known", "sampled"))
        output = replace_spectrum(output, known, sampled)
    return output


def psnr(image: Tensor, truth: Image, bright: bool) -> float:
    """Compare with the truth, which reaches to 1; bright images as they are shown."""
    shown = (tone_map(each) if bright else each for each in (image, torch.from_numpy(truth)))
    one, two = shown
    return float(-10 * torch.log10((one - two).square().mean()))


def measure(name: str, row: Row | None, steps: int, seed: int) -> list[float]:
    """Train a row of an experiment; give PSNR in dB of all pictures, of the input if it is None."""
    torch.set_num_threads(1)  # a second core is worth more to another row
    experiment, rng = EXPERIMENTS[name], np.random.default_rng(1000)
    truths = [each[None] for each in photographs(experiment.tested_on, experiment)]
    tests = [(truth, *experiment.spoil(truth, rng)) for truth in truths]
    network = None if row is None else train(experiment, row, steps * experiment.longer, seed)
    found = []
    with torch.inference_mode():
        for truth, corrupted, about in tests:
            shown = torch.from_numpy(corrupted)
            clean = shown if network is None else run(network, corrupted, about, row)
            found.append(psnr(clean, truth, experiment.bright))
    return found


def main() -> None:
    """Train all rows, two at a time, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiments", nargs="*", default=list(EXPERIMENTS))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    begin = time.monotonic()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        work = {
            (name, row.name if row else "input"): pool.submit(
                measure, name, row, chosen.steps, chosen.seed
            )
            for name in chosen.experiments
            for row in (None, *EXPERIMENTS[name].rows)
        }
        for (name, row), result in work.items():
            if row == "input":
                tested = EXPERIMENTS[name].tested_on
                print(f"\n| {name} | {' | '.join(tested)} | mean, dB |")
                print("|---" * (2 + len(tested)) + "|")
            each = " | ".join(f"{value:.2f}" for value in result.result())
            print(f"| {row} | {each} | {np.mean(result.result()):.2f} |", flush=True)
    print(f"{chosen.steps} steps, or some times as many, {time.monotonic() - begin:.0f} s.")


if __name__ == "__main__":
    main()
