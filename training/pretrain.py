"""Train the pretrained weights: of a blind-spot network, on simulated images alone.

    python training/pretrain.py plane --steps 32000
    python training/pretrain.py neighbours --steps 16000 --onto plane
    python training/pretrain.py radius-2 --steps 10000 --onto radius-3
    python training/pretrain.py correlated --steps 10000 --onto plane

Each writes its weights into the package. If interrupted, the same command continues from the last
checkpoint. Loss and speed are printed.
"""

from __future__ import annotations

import argparse
import time
from copy import deepcopy
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cameras import draw_camera, draw_smear, draw_smear_within
from napari_n2s.core.device import choose_device, fast_arithmetic, prefer_layout
from napari_n2s.methods.blind_spot import BlindSpot
from napari_n2s.nn.blind_spot_network import BlindSpotNetwork
from napari_n2s.nn.muon import Muon
from napari_n2s.nn.pretrained import CORRELATED, FOLDER, KINDS
from napari_n2s.preparation.augmentation import orientations
from scenes import draw_scene

SIZE, IMAGES = 192, 6000
"""Side of the training images in pixels, and their number."""
CROP, BATCH = 96, 4
"""Side of the crops in pixels, and number of crops in a step."""
RATE, WARM_UP, DECAY = 0.006, 100, 0.5
"""Learning rate, steps over which it rises, and fraction of the steps over which it falls."""
MEMORY = 200
"""Steps over which the weights are averaged."""
SAVED = 500
"""Steps between two checkpoints."""
FARTHER = 0.5
"""Fraction of the crops with the nearest neighbours only, not those beyond."""


def main() -> None:
    """Train one kind of pretrained weights."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--onto", choices=KINDS, help="start from the trunk of this kind")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    train(chosen.kind, chosen.steps, chosen.onto, chosen.seed)


def train(kind: str, steps: int, onto: str | None, seed: int) -> None:
    """Train a kind for some steps, from a checkpoint if there is one."""
    device = choose_device()
    torch.manual_seed(seed)
    network = BlindSpotNetwork(**KINDS[kind]).to(device).train()
    if onto:
        copy_weights(network, load_file(FOLDER / f"{onto}.safetensors"))
    average, first = deepcopy(network), 0
    checkpoint = FOLDER / f"{kind}.partial"
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(kept["network"])
        average.load_state_dict(kept["average"])
        first = kept["step"]
    method = BlindSpot(network, orientations(2))
    optimiser = Muon(network.parameters(), network.last.parameters())
    generator = torch.Generator(device).manual_seed(seed + first)
    rng = np.random.default_rng([seed, first])
    scenes = draw_scenes(IMAGES, 1 + network.guides, seed)
    losses, begin = [], time.monotonic()
    for step in range(first, steps):
        radius = None if kind == CORRELATED else network.radius
        drawn = (each.to(device) for each in draw_crops(scenes, radius, rng))
        crop, truth, variance, guides = drawn
        hidden = method.draw_mask(tuple(crop.shape), generator) & (kind != CORRELATED)
        shown = method.make_input(crop, hidden, torch.zeros_like(hidden), guides, generator)
        with fast_arithmetic(device):
            output = network(prefer_layout(shown)).float()
        loss = negative_log_likelihood(output, truth, variance, hidden)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step(RATE * rate(step, first, steps))
        with torch.no_grad():
            for kept, current in zip(average.parameters(), network.parameters(), strict=True):
                kept.lerp_(current, max(1 / MEMORY, 1 / (1 + step - first)))
        losses.append(loss.item())
        if (step + 1) % SAVED == 0 or step + 1 == steps:
            speed = (step + 1 - first) / (time.monotonic() - begin)
            print(f"{step + 1}: {np.mean(losses[-SAVED:]):.4f}, {speed:.1f} steps/s", flush=True)
            save(kind, network, average, step + 1, checkpoint)


def negative_log_likelihood(
    output: Tensor, truth: Tensor, variance: Tensor, hidden: Tensor
) -> Tensor:
    """Score the prediction by the noisy pixel where it is hidden, and by the truth elsewhere."""
    mean, spread = output.chunk(2, 1)
    squares = (mean - truth).square() + torch.where(hidden, variance, 0)
    return 0.5 * (squares / spread + spread.log()).mean()


def rate(step: int, first: int, steps: int) -> float:
    """Give the fraction of the learning rate: rising, constant, then falling linearly to zero."""
    return min((step - first + 1) / WARM_UP, 1, (steps - step) / (DECAY * steps))


def draw_scenes(count: int, frames: int, seed: int) -> NDArray[np.float16]:
    """Simulate scenes, each at several moments; ``(count / frames, frames, SIZE, SIZE)``."""
    with get_context("fork").Pool() as pool:
        jobs = ((seed, number, frames) for number in range(count // frames))
        return np.stack(list(pool.imap(render, jobs, chunksize=16)))


def render(job: tuple[int, int, int]) -> NDArray[np.float16]:
    """Render one scene: at its moment, then before and after it, nearest first."""
    *seed, frames = job
    scene = draw_scene(SIZE, np.random.default_rng(seed))
    moments = [(i + 1) // 2 * (-1) ** i for i in range(frames)]
    return np.stack([scene(moment) for moment in moments]).astype(np.float16)


def draw_crops(
    scenes: NDArray[np.float16], radius: tuple[int, ...] | None, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Draw a batch: noisy crops, their truth, the variance of their noise, and neighbours.

    The noise is correlated up to a blind-spot radius; or in many ways, if that is None.
    """
    batch: list[tuple[NDArray[np.floating], ...]] = []
    for _ in range(BATCH):
        whole = scenes[rng.integers(len(scenes))].astype(np.float32)
        smear = draw_smear(rng) if radius is None else draw_smear_within(radius, rng)
        camera = draw_camera(whole[0], rng, smear)
        y, x = rng.integers(0, SIZE - CROP + 1, 2)
        clean = whole[:, y : y + CROP, x : x + CROP]
        noisy = camera.record(clean, rng)
        truth, variance = clean[:1], camera.variance(clean[:1])
        if camera.clips:  # the target is another recording, whose mean is that of the noisy crop
            truth, variance = camera.record(clean[:1], rng), np.zeros_like(variance)
        shift = whole[0].mean()
        spread = np.sqrt(whole[0].var() + camera.variance(whole[0].mean()))
        neighbours = (noisy[1:] - shift) / spread
        if rng.random() < FARTHER:
            neighbours[2:] = 0
        seen, there = (noisy[:1] - shift) / spread, (truth - shift) / spread
        batch.append((seen, there, variance / spread**2, neighbours))
    crop, clean, noise, guides = (
        torch.from_numpy(np.stack(each).astype(np.float32)) for each in zip(*batch, strict=True)
    )
    return crop, clean, noise, guides


def copy_weights(network: BlindSpotNetwork, weights: dict[str, Tensor]) -> None:
    """Copy the weights of another network that fit; those of further inputs begin at zero."""
    own = network.state_dict()
    for name, values in weights.items():
        if own[name].shape == values.shape:
            own[name] = values.float()
        elif own[name].shape[2:] == values.shape[2:]:
            own[name].zero_()
            own[name][:, : values.shape[1]] = values
    network.load_state_dict(own)


def save(
    kind: str, network: BlindSpotNetwork, average: BlindSpotNetwork, step: int, checkpoint: Path
) -> None:
    """Save the weights for the package, and a checkpoint."""
    halves = {name: each.cpu().half().contiguous() for name, each in average.state_dict().items()}
    save_file(halves, FOLDER / f"{kind}.safetensors", {"steps": str(step)})
    torch.save(
        {"network": network.state_dict(), "average": average.state_dict(), "step": step}, checkpoint
    )


if __name__ == "__main__":
    main()
