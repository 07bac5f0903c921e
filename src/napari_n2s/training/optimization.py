"""How a network comes down to its weights: how large steps are, and what is averaged over them."""

from __future__ import annotations

from contextlib import nullcontext
from copy import deepcopy
from math import ceil, cos, pi
from typing import NamedTuple

import torch
from torch import Tensor, nn

from napari_n2s.core.device import fast_arithmetic, prefer_layout
from napari_n2s.core.settings import Settings
from napari_n2s.methods.base import Method
from napari_n2s.nn.masks import channel_losses
from napari_n2s.nn.muon import Muon
from napari_n2s.nn.networks import Network, initialise, seeded

WARM_UP = 30
"""Steps over which the learning rate rises."""
REFINING, SURPRISED = 0.5, 10.0
"""Learning rate from pretrained weights, as a share of that from scratch, where those knew all
that an image has to teach, and what is added, up to the whole, where the first steps predicted it
by a share better."""
FORGETTING, KEPT, LATE = 0.6, 0.3, 0.125
"""By what would be added beyond that, by which share all weights are moved towards fresh ones if
the training has only begun, what is kept of them at least, and the share of a training after which
nothing is forgotten: too little of it would be left."""
SETTLING = 20
"""Steps after which it is found out how much better."""
DECAY, STRONGEST = 20_000.0, 0.3
"""How fast kernels decay, shared by all pixels that are learnt from, and at most: an image of 256²
is known by heart after some hundred steps else, and the error on unseen pixels rises again."""
MEMORY, PORTION = 100, 0.2
"""Steps over which the weights, and the training loss that is shown, are averaged; the weights over
a portion of the training at most: at the end of a short one its beginning would count else."""


class Crops(NamedTuple):
    """What one step is taken on: what the network may see, the noisy image, and what counts.

    Each is a tensor ``(B, ?, *space)``.
    """

    shown: Tensor
    target: Tensor
    counted: Tensor


class Optimization:
    """A network, the steps that it takes, and the average of where it has been.

    Parameters
    ----------
    method : Method
    settings : Settings
    pixels : int
        How many there are to learn from.
    device : torch.device

    Attributes
    ----------
    steps : int
        How many were taken.
    average : Network
        What the network is on average over the last steps.
    """

    def __init__(
        self, method: Method, settings: Settings, pixels: int, device: torch.device
    ) -> None:
        self.steps = 0
        self.average = deepcopy(method.network).eval()
        self._method, self._network = method, method.network.train()
        self._ahead = settings.pretrained
        self._rate, self._seed = settings.learning_rate, settings.seed
        self._decay = min(STRONGEST, DECAY / pixels) if method.combines_predictions else 0.0
        self._optimisers = [
            Muon(each.parameters(), each.last.parameters()) for each in self._network.members
        ]
        self._shares = [REFINING if self._ahead else 1.0] * len(self._optimisers)
        self._first: tuple[Crops, Tensor] | None = None
        self.move(device)

    def move(self, device: torch.device) -> None:
        """Bring everything to a device."""
        self._network.to(device)
        self.average.to(device)
        states = self.average.state_dict().values(), self._network.state_dict().values()
        self._pairs = [pair for pair in zip(*states, strict=True) if pair[0].is_floating_point()]
        for each in self._optimisers:
            each.follow()
        if self._first:
            crops, errors = self._first
            self._first = Crops(*(each.to(device) for each in crops)), errors.to(device)

    def step(self, crops: Crops, done: float) -> Tensor:
        """Take one step, at the learning rate for a share of the training.

        Returns
        -------
        Tensor
            What the crops were predicted to be, as large as these.
        """
        if self._first and self.steps >= SETTLING:
            first, self._first = self._first, None
            self._shares = self._settle(*first, done)
        output = self._predict(crops)
        loss = self._method.loss(output, crops.target, crops.counted, done)
        self.forget()
        loss.backward()  # type: ignore[no-untyped-call]
        rate = self._rate * _schedule(self.steps, done)
        parts = zip(self._network.members, self._optimisers, self._shares, strict=True)
        for network, optimiser, share in parts:
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step(share * rate, self._decay)
        mean = self._method.mean(output.detach())
        if self._ahead and not self.steps:
            self._first = crops, channel_losses(mean, crops.target, crops.counted)
        self.steps += 1
        self._follow(done)
        return mean

    @property
    def steep(self) -> bool:
        """Whether steps are as large as from scratch; no channel learnt apart decides for all."""
        alone = len(self._shares) == 1
        return not self._ahead or (alone and self._shares[0] >= 1)

    def forget(self) -> None:
        """Let go of the gradients."""
        for each in self._optimisers:
            each.zero_grad()

    def _predict(self, crops: Crops) -> Tensor:
        device = crops.shown.device
        fast = _robust(self._network, crops.target)
        with fast_arithmetic(device) if fast else nullcontext():
            output: Tensor = self._network(prefer_layout(crops.shown))
        return output.float()

    @torch.no_grad()
    def _settle(self, crops: Crops, before: Tensor, done: float) -> list[float]:
        """Give each network's share of the rate, by how much better it predicts its first crops.

        Small steps keep what the pretrained weights know. Where that was little, they keep it too
        long, and so do large ones: it is shrunk towards weights as from scratch (Ash & Adams, "On
        Warm-Starting Neural Network Training", NeurIPS 2020).
        """
        mean = self._method.mean(self._predict(crops))
        now = channel_losses(mean, crops.target, crops.counted)
        better = ((before - now) / before.clamp(min=1e-30)).clamp(min=0)
        shares: list[float] = (REFINING + SURPRISED * better).tolist()
        forgetting = FORGETTING * max(0.0, 1 - done / LATE)
        for network, share in zip(self._network.members, shares, strict=True):
            if share > 1 and forgetting:
                self._forget(network, keep=max(KEPT, 1 - forgetting * (share - 1)))
        return [min(1.0, share) for share in shares]

    def _forget(self, network: Network, keep: float) -> None:
        fresh = deepcopy(network).cpu()
        with seeded(self._seed):
            initialise(fresh)
        for own, other in zip(network.parameters(), fresh.parameters(), strict=True):
            own.lerp_(other.to(own.device), 1 - keep)

    @torch.no_grad()
    def _follow(self, done: float) -> None:
        """Move the averaged weights a share of the way to where the network is now."""
        fresh = 0.0 if self._ahead else 1 / (1 + self.steps)
        short = done / (PORTION * self.steps)
        share = min(1.0, max(1 / MEMORY, short, fresh))
        for kept, current in self._pairs:
            kept.lerp_(current, share)


def _schedule(step: int, done: float) -> float:
    """Share of the learning rate: up in the first steps, then down along a cosine to zero."""
    return min(1.0, (step + 1) / WARM_UP) * (0.5 + 0.5 * cos(pi * done))


def _robust(network: Network, crop: Tensor) -> bool:
    """Whether gradients may be computed with few digits.

    On a processor PyTorch 2.13 takes those of a volume's kernels from whatever was in memory where
    what they go over is two slices thick.
    """
    if crop.ndim < 5 or crop.device.type != "cpu":
        return True
    sides = zip(crop.shape[2:], network.lattice, strict=False)
    thickness = [ceil(side / each) for side, each in sides]
    return bool(thickness) and 2 not in thickness
