"""Training on one noisy image, as a generator that a script, the shell and a dock all run."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from copy import deepcopy
from dataclasses import replace
from math import cos, isfinite, pi
from typing import Any

import torch
from torch import Tensor, nn

from napari_n2s.ideas.blindspot import masked_loss
from napari_n2s.ideas.errors import SettingsError
from napari_n2s.ideas.score import Score, pick, score
from napari_n2s.ideas.settings import Settings
from napari_n2s.work.apply import count_passes
from napari_n2s.work.clock import Clock
from napari_n2s.work.device import (
    choose_device,
    fast_arithmetic,
    prefer_layout,
    working_threads,
)
from napari_n2s.work.filters import Baseline, calibrate_baselines
from napari_n2s.work.material import Material, gather
from napari_n2s.work.method import Method, choose
from napari_n2s.work.model import Model
from napari_n2s.work.muon import Muon
from napari_n2s.work.progress import Progress

BATCH, GPU_BATCH = 8, 32
WARM_UP = 30
"""Steps over which the learning rate rises."""
MEMORY = 100
"""Steps over which the weights, and the training loss that is shown, are averaged."""


def train(
    image: Any, *, axes: str | None = None, settings: Settings | None = None, **changes: Any
) -> Generator[Progress, None, Model]:
    """Train a network on one noisy image, without clean data.

    Parameters
    ----------
    image : array_like
        Any number of axes, integers or floats. It is not changed.
    axes : str, optional
        One letter for each axis, as ``"TYX"`` or ``"YXC"``; guessed from the shape if left out.
    settings : Settings, optional
    **changes
        Settings by name, as ``seconds=30``.

    Yields
    ------
    Progress
        At most about ten times a second. It may be abandoned at any of them: ``progress.best`` is
        a model like any other.

    Returns
    -------
    Model
        The one that scored best on the held-out pixels.

    Raises
    ------
    ImageError, SettingsError, DeviceError
        At once, before the first step; SettingsError later if the training diverges.

    Notes
    -----
    The method is Noise2Self's (Batson & Royer 2019). Weights are averaged over the last hundred
    steps or so, and it is the average that is scored and kept.
    """
    clock = Clock()
    settings = replace(settings or Settings(), **changes)
    device = choose_device(settings.device)
    material = gather(image, axes, settings)
    if settings.network == "donut":
        settings.hole_along(material.ndim)
    clock.plan(settings, material.constant)
    return _steps(material, settings, device, clock)


def _steps(
    material: Material, settings: Settings, device: torch.device, clock: Clock
) -> Generator[Progress, None, Model]:
    hole = settings.hole_along(material.ndim) if settings.network == "donut" else None
    baselines = _baselines(material, hole)
    material = material.to(device)
    places = torch.Generator().manual_seed(settings.seed)
    generator = torch.Generator(device).manual_seed(settings.seed)
    batch = settings.batch or (BATCH if device.type == "cpu" else GPU_BATCH)
    method = choose(settings, material.channels, material.ndim)
    network = method.network.to(device).train()
    average = deepcopy(network).eval()
    pairs = _floating(average, network)
    optimiser = Muon(network.parameters(), network.last.parameters())
    best: Model | None = None
    passes = count_passes(method, material.ndim, settings.invariant)
    losses: deque[Tensor] = deque(maxlen=MEMORY)
    step, done = 0, 0.0
    while best is None or done < 1:
        with working_threads():
            crop, blocked = material.draw(batch, settings.crop, method.turns, places)
            crop, blocked = crop.to(device), blocked.to(device)
            hidden = method.draw(tuple(blocked.shape), generator)
            shown = method.show(crop, hidden, blocked, generator)
            counted = hidden & ~blocked
            with fast_arithmetic(device):
                output = network(prefer_layout(shown)).float()
            loss = method.loss(output, crop, counted)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step(settings.learning_rate * _rate(step, done))
            losses.append(masked_loss(method.mean(output.detach()), crop, counted))
            step += 1
            _blend(pairs, share=max(1 / MEMORY, 1 / (1 + step)))

            done = clock.done(step)
            measured = None
            if clock.score_due(step, done):
                float(losses[-1])  # waits for a GPU to have done what it was given
                begin = clock.seconds
                measured = _score(method, average, material, device, settings.seed)
                clock.scored(clock.seconds - begin, passes / material.share_in_windows)
                last = _keep(average, material, settings, step, measured, clock.turns)
                best = last if best is None or measured.loss < best.score.loss else best
        if best is not None and (measured or clock.snapshot_due()):
            mean = float(torch.stack(tuple(losses)).mean() * material.scale.worth.mean())
            yield Progress(step, clock.seconds, done, mean, measured, best, last, baselines)
    return best


def _rate(step: int, done: float) -> float:
    """Share of the learning rate: up in the first steps, then down along a cosine to zero."""
    return min(1.0, (step + 1) / WARM_UP) * (0.5 + 0.5 * cos(pi * done))


def _floating(average: nn.Module, network: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """Pair the weights and statistics of two networks, of which the first follows the second."""
    states = average.state_dict().values(), network.state_dict().values()
    return [pair for pair in zip(*states, strict=True) if pair[0].is_floating_point()]


@torch.no_grad()
def _blend(pairs: list[tuple[Tensor, Tensor]], share: float) -> None:
    """Move the averaged weights a share of the way to the current ones."""
    for kept, current in pairs:
        kept.lerp_(current, share)


@torch.inference_mode()
def _score(
    method: Method, network: nn.Module, material: Material, device: torch.device, seed: int
) -> Score:
    generator = torch.Generator(device).manual_seed(seed)
    shown = method.show(material.windows, material.held_out, material.missing, generator)
    output = method.mean(network(prefer_layout(shown))).cpu().numpy()
    held_out = material.held_out.cpu().numpy()
    noisy = pick(material.windows.cpu().numpy(), held_out)
    found = score(pick(output, held_out), noisy, material.scale.worth)
    if not isfinite(found.loss):
        raise SettingsError("The training diverged; choose a smaller learning rate.")
    return found


def _baselines(material: Material, hole: tuple[int, ...] | None) -> tuple[Baseline, ...]:
    noisy = torch.where(material.missing, torch.nan, material.windows).numpy()
    return calibrate_baselines(noisy, material.held_out.numpy(), material.scale.worth, hole)


def _keep(
    network: nn.Module,
    material: Material,
    settings: Settings,
    step: int,
    found: Score,
    turns: int,
) -> Model:
    return Model(
        settings=settings,
        channels=material.channels,
        ndim=material.ndim,
        scale=material.scale,
        weights={name: w.detach().cpu().clone() for name, w in network.state_dict().items()},
        step=step,
        score=found,
        turns=turns,
    )
