"""Optimisation: training steps with Muon, learning-rate schedule and averaging of weights."""

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
"""Number of steps over which the learning rate rises."""
MIN_RATE, RATE_GAIN = 0.5, 10.0
"""Learning rate for pretrained weights, as a fraction of that from scratch, if the first steps do
not improve the prediction, and what is added per relative improvement, up to the full rate."""
SHRINKAGE, MIN_KEPT, LATEST = 0.6, 0.3, 0.125
"""Fraction by which pretrained weights are moved towards random ones, per unit by which the rate
would exceed the full one; minimum fraction that is kept of them; and fraction of the training after
which they are not moved, since too little time would be left."""
SETTLING = 20
"""Number of steps after which the improvement is measured."""
DECAY, MAX_DECAY = 20_000.0, 0.3
"""Weight decay times the number of training pixels, and its maximum: without it an image of 256²
pixels is memorised after some hundred steps, and the validation error rises."""
MEMORY, MAX_FRACTION = 100, 0.2
"""Number of steps over which weights and the displayed training loss are averaged, and maximum
fraction of the training over which weights are, so that a short one forgets its first steps."""


class Patches(NamedTuple):
    """A batch for one training step.

    Attributes
    ----------
    inputs : Tensor, shape (B, K, *space)
        The network input.
    target : Tensor, shape (B, C, *space)
        The noisy image.
    counted : Tensor of bool, shape (B, 1 or C, *space)
        Pixels on which the loss is computed.
    """

    inputs: Tensor
    target: Tensor
    counted: Tensor


class Optimization:
    """A network in training, its optimisers, and the moving average of its weights.

    Parameters
    ----------
    method : Method
    settings : Settings
    pixels : int
        Number of training pixels.
    device : torch.device

    Attributes
    ----------
    steps : int
        Number of steps taken.
    average : Network
        The network with weights averaged over the last steps.
    """

    def __init__(
        self, method: Method, settings: Settings, pixels: int, device: torch.device
    ) -> None:
        self.steps = 0
        self.average = deepcopy(method.network).eval()
        self._method, self._network = method, method.network.train()
        self._pretrained = settings.pretrained
        self._rate, self._seed = settings.learning_rate, settings.seed
        self._decay = min(MAX_DECAY, DECAY / pixels) if method.refines else 0.0
        self._optimisers = [
            Muon(each.parameters(), each.last.parameters()) for each in self._network.members
        ]
        self._rate_factors = [MIN_RATE if self._pretrained else 1.0] * len(self._optimisers)
        self._first: tuple[Patches, Tensor] | None = None
        self.move(device)

    def move(self, device: torch.device) -> None:
        """Move networks, optimiser states and stored patches to a device."""
        self._network.to(device)
        self.average.to(device)
        states = self.average.state_dict().values(), self._network.state_dict().values()
        self._averaged_pairs = [
            pair for pair in zip(*states, strict=True) if pair[0].is_floating_point()
        ]
        for each in self._optimisers:
            each.follow()
        if self._first:
            patches, errors = self._first
            self._first = Patches(*(each.to(device) for each in patches)), errors.to(device)

    def step(self, patches: Patches, done: float) -> Tensor:
        """Take one training step.

        Parameters
        ----------
        patches : Patches
        done : float
            Fraction of the training budget used, 0 to 1.

        Returns
        -------
        Tensor, shape (B, C, *space)
            The prediction for the patches before the step.
        """
        if self._first and self.steps >= SETTLING:
            first, self._first = self._first, None
            self._rate_factors = self._choose_rates(*first, done)
        output = self._predict(patches)
        loss = self._method.loss(output, patches.target, patches.counted, done)
        self.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        rate = self._rate * _rate_factor(self.steps, done)
        parts = zip(self._network.members, self._optimisers, self._rate_factors, strict=True)
        for network, optimiser, share in parts:
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step(share * rate, self._decay)
        mean = self._method.mean(output.detach())
        if self._pretrained and not self.steps:
            self._first = patches, channel_losses(mean, patches.target, patches.counted)
        self.steps += 1
        self._update_average(done)
        return mean

    @property
    def full_rate(self) -> bool:
        """Whether the learning rate is that from scratch; False for independent channels."""
        alone = len(self._rate_factors) == 1
        return not self._pretrained or (alone and self._rate_factors[0] >= 1)

    def zero_grad(self) -> None:
        """Release the gradients."""
        for each in self._optimisers:
            each.zero_grad()

    def _predict(self, patches: Patches) -> Tensor:
        device = patches.inputs.device
        fast = _precision_may_be_reduced(self._network, patches.target)
        with fast_arithmetic(device) if fast else nullcontext():
            output: Tensor = self._network(prefer_layout(patches.inputs))
        return output.float()

    @torch.no_grad()
    def _choose_rates(self, patches: Patches, before: Tensor, done: float) -> list[float]:
        """Choose each network's learning rate by the improvement on the first patches.

        Small steps preserve pretrained weights that suit the image. Weights that do not suit it are
        shrunk towards random initial ones, since even large steps keep them for too long (Ash &
        Adams, "On Warm-Starting Neural Network Training", NeurIPS 2020).
        """
        mean = self._method.mean(self._predict(patches))
        now = channel_losses(mean, patches.target, patches.counted)
        improvement = ((before - now) / before.clamp(min=1e-30)).clamp(min=0)
        shares: list[float] = (MIN_RATE + RATE_GAIN * improvement).tolist()
        shrinkage = SHRINKAGE * max(0.0, 1 - done / LATEST)
        for network, share in zip(self._network.members, shares, strict=True):
            if share > 1 and shrinkage:
                self._shrink_weights(network, keep=max(MIN_KEPT, 1 - shrinkage * (share - 1)))
        return [min(1.0, share) for share in shares]

    def _shrink_weights(self, network: Network, keep: float) -> None:
        fresh = deepcopy(network).cpu()
        with seeded(self._seed):
            initialise(fresh)
        for own, other in zip(network.parameters(), fresh.parameters(), strict=True):
            own.lerp_(other.to(own.device), 1 - keep)

    @torch.no_grad()
    def _update_average(self, done: float) -> None:
        """Update the moving average of the weights."""
        fresh = 0.0 if self._pretrained else 1 / (1 + self.steps)
        short = done / (MAX_FRACTION * self.steps)
        share = min(1.0, max(1 / MEMORY, short, fresh))
        for kept, current in self._averaged_pairs:
            kept.lerp_(current, share)


def _rate_factor(step: int, done: float) -> float:
    """Return the factor of the learning rate: linear warm-up times cosine annealing to 0."""
    return min(1.0, (step + 1) / WARM_UP) * (0.5 + 0.5 * cos(pi * done))


def _precision_may_be_reduced(network: Network, patch: Tensor) -> bool:
    """Whether gradients may be computed in reduced precision.

    On a CPU, PyTorch 2.13 computes those of 3D kernels from uninitialised memory where the input is
    two slices thick.
    """
    if patch.ndim < 5 or patch.device.type != "cpu":
        return True
    sides = zip(patch.shape[2:], network.lattice, strict=False)
    thickness = [ceil(side / each) for side, each in sides]
    return bool(thickness) and 2 not in thickness
