"""A way to learn from the noisy image alone: what is hidden, what counts, and what is scored.

Training, scoring and applying ask a method these questions and know nothing else about it, so that
a network with masks and a network that is blind by its architecture take the same path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_n2s.ideas import blindspot
from napari_n2s.ideas.differences import raised
from napari_n2s.ideas.noise import (
    NoiseCurve,
    best_share,
    find_trust,
    posterior,
    read_noise,
    usual_share,
)
from napari_n2s.ideas.settings import Settings
from napari_n2s.ideas.turns import Turn, turns
from napari_n2s.work import head_start
from napari_n2s.work.apart import Apart
from napari_n2s.work.donut import Donut
from napari_n2s.work.networks import NETWORKS, Network, seeded
from napari_n2s.work.paired import Paired

HIDDEN = 0.25
"""Share of the pixels that one step of the donut network hides."""
SEEING = 0.75
"""What the pass that saw all counts after a head start, where too little is known of the noise."""
TRUNK: dict[int, dict[str, int]] = {3: {"width": 32, "levels": 0}}
"""The donut's trunk, by the axes of space, where it is not the usual one.

In a volume eleven voxels across hold as many as forty pixels across a picture; a deeper one would
see little else than the border of its cubes.
"""


class Probe(NamedTuple):
    """How the network answers to its own pixel in a part of an image.

    Attributes
    ----------
    box : tuple of slice
        That part of an array ``(C, *space)``.
    response : Tensor, shape (1, C, *part)
        Derivative of the output that saw `x` by the pixel itself; right on average.
    """

    box: tuple[slice, ...]
    response: Tensor


class Blend(NamedTuple):
    """How the output that saw the pixels and the blind one become one.

    Attributes
    ----------
    noise : NoiseCurve
    trust : ndarray, shape (C,)
        How far the posterior of the second is taken.
    share : ndarray, shape (C,)
        What the first counts beside it.
    """

    noise: NoiseCurve
    trust: NDArray[np.float64]
    share: NDArray[np.float64]


class Method(Protocol):
    """What the loop asks, of normalised images ``(B, C, *space)`` and masks ``(B, 1, *space)``."""

    mixes: ClassVar[bool]
    """Whether what the user gets also needs the blind output."""

    @property
    def network(self) -> Network:
        """The network that is trained."""

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The ways in which a picture may lie for it."""

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Draw the pixels that one step hides and counts, as a mask of this shape."""

    def sets(self, ndim: int) -> int:
        """Count the masks that `masks` yields."""

    def masks(self, space: tuple[int, ...], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield masks that together cover every pixel once, for the 𝒥-invariant output."""

    def show(
        self,
        x: Tensor,
        hidden: Tensor,
        blocked: Tensor,
        guides: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Give what the network may see: its output in `hidden` is to be blind to `x` there.

        Nothing at all may depend on `x` in `blocked`. Guides ``(B, G, *space)`` are seen whole.
        """

    def mean(self, output: Tensor) -> Tensor:
        """Read the predicted image off what the network returned."""

    def loss(self, output: Tensor, target: Tensor, counted: Tensor, done: float) -> Tensor:
        """Compare with the noisy image in the counted pixels; a scalar to differentiate.

        Of the training a share is done, 0 to 1.
        """

    def plan(
        self, seen: Tensor, blind: Tensor, x: Tensor, missing: Tensor, probe: Probe
    ) -> Blend | None:
        """Find how to mix the output that saw `x` with the one that is blind."""

    def mix(self, seen: Tensor, blind: Tensor, x: Tensor, blend: Blend | None) -> Tensor:
        """Give the best estimate from both."""


@dataclass(frozen=True)
class Masked:
    """Noise2Self with masks: hidden pixels are replaced, and they alone are the target."""

    mixes: ClassVar[bool] = False
    network: Network
    turns: tuple[Turn, ...]
    partition: blindspot.Partition
    fill: str

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Draw one set of the partition."""
        return self.partition.draw(shape, generator)

    def sets(self, ndim: int) -> int:
        """Count the sets of the partition."""
        return self.partition.sets(ndim)

    def masks(self, space: tuple[int, ...], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield every set of the partition."""
        return self.partition.masks(space, generator)

    def show(
        self,
        x: Tensor,
        hidden: Tensor,
        blocked: Tensor,
        guides: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Replace the hidden pixels as well as the blocked ones."""
        shown = blindspot.fill(x, hidden | blocked, self.fill, generator)
        return torch.cat([shown, guides], 1)

    def mean(self, output: Tensor) -> Tensor:
        """Take the output as it is."""
        return output

    def loss(self, output: Tensor, target: Tensor, counted: Tensor, done: float) -> Tensor:
        """Average the squared error over the counted pixels."""
        return blindspot.masked_loss(output, target, counted)

    def plan(self, seen: Tensor, blind: Tensor, x: Tensor, missing: Tensor, probe: Probe) -> None:
        """There is nothing to find."""

    def mix(self, seen: Tensor, blind: Tensor, x: Tensor, blend: Blend | None) -> Tensor:
        """Take the pass that saw all: it weighs each pixel as one among its neighbours."""
        return seen


@dataclass(frozen=True)
class Blind:
    """The donut network: a quarter of the pixels is hidden and counted; the rest stays as it is.

    Attributes
    ----------
    network : Donut
    turns : tuple of Turn
    sees : bool
        Whether a head start has taught it what to make of pixels that are shown.
    """

    mixes: ClassVar[bool] = True
    network: Donut | Apart
    turns: tuple[Turn, ...]
    sees: bool = False

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Draw each pixel by itself."""
        return torch.rand(shape, generator=generator, device=generator.device) < HIDDEN

    def sets(self, ndim: int) -> int:
        """Count two for each axis."""
        return int(2**ndim)

    def masks(self, space: tuple[int, ...], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield every second block along each axis: the next pixels on a pixel's lattice show."""
        blocks = [
            torch.arange(size).div(s, rounding_mode="floor") % 2
            for size, s in zip(space, self.network.lattice, strict=True)
        ]
        for phase in product(range(2), repeat=len(space)):
            lines = [block == each for block, each in zip(blocks, phase, strict=True)]
            yield torch.stack(torch.meshgrid(*lines, indexing="ij")).all(0)[None, None]

    def show(
        self,
        x: Tensor,
        hidden: Tensor,
        blocked: Tensor,
        guides: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Say which pixels are hidden; remove those that are blocked."""
        valid, hidden = (each.expand_as(x[:, :1]).to(x) for each in (~blocked, hidden | blocked))
        return torch.cat([x * valid, valid, hidden, guides], 1)

    def mean(self, output: Tensor) -> Tensor:
        """Take the first half of the output."""
        return output.chunk(2, 1)[0]

    def loss(self, output: Tensor, target: Tensor, counted: Tensor, done: float) -> Tensor:
        """Average the negative Gaussian log-likelihood of the noisy pixels, up to a constant."""
        mean, total = output.chunk(2, 1)
        weight = counted.expand_as(target).to(target)
        surprise = (mean - target).square() / total + total.log()
        return 0.5 * (surprise * weight).sum() / weight.sum().clamp(min=1)

    def plan(
        self, seen: Tensor, blind: Tensor, x: Tensor, missing: Tensor, probe: Probe
    ) -> Blend | None:
        """Read the noise off the blind output, and find on the probe what the other should count.

        The pass that saw all trusts its weights, which were learnt with a stand-in for the pixel,
        or on simulated pictures; the posterior of the blind one the noise that it reads off its own
        residuals. Their errors differ.
        """
        there = ~missing[0, 0].numpy()
        if not there.any():
            return None
        mean, total, noisy = (each[0].numpy() for each in (*blind.chunk(2, 1), x))
        other = self.mean(seen)[0].numpy()
        known_pixels = [each[:, there] for each in (mean, total, noisy)]
        noise, trust = read_noise(*known_pixels), find_trust(*known_pixels)
        noise = raised(noise, mean, noisy) if there.all() else noise
        estimate, promised = posterior(mean, total, noisy, noise, trust)
        within = there[probe.box[1:]]
        probed = [
            each[probe.box][:, within] for each in (mean, total, noisy, noise.variance(mean), other)
        ]
        probed += [probe.response[0].numpy()[:, within], trust]
        known = np.array([best_share(*channel) for channel in zip(*probed, strict=True)])
        if self.sees:
            return Blend(noise, trust, np.where(np.isnan(known), SEEING, known))
        return Blend(noise, trust, usual_share(estimate, promised, other, there, known))

    def mix(self, seen: Tensor, blind: Tensor, x: Tensor, blend: Blend | None) -> Tensor:
        """Average the pass that saw all with the posterior of the blind one."""
        if blend is None:
            return self.mean(blind)
        mean, total, noisy = (each[0].numpy() for each in (*blind.chunk(2, 1), x))
        other = self.mean(seen)[0].numpy()
        estimate, _ = posterior(mean, total, noisy, blend.noise, blend.trust)
        share = blend.share.astype(estimate.dtype).reshape(-1, *(1,) * (x.ndim - 2))
        return torch.from_numpy(estimate + share * (other - estimate))[None]


def choose(
    settings: Settings,
    channels: int,
    ndim: int,
    beside: int = 0,
    guides: int = 0,
    *,
    paired: bool = False,
) -> Masked | Blind | Paired:
    """Make the method that the settings describe, with the weights that it begins with.

    Parameters
    ----------
    settings : Settings
    channels, ndim : int
    beside : int
        Pictures that are seen beside one.
    guides : int
        Channels of further images that are.
    paired : bool
        Whether readings of one thing are learnt from each other.
    """
    if settings.channels == "apart" and channels > 1:
        each = [choose(settings, 1, ndim, beside, guides) for _ in range(channels)]
        masks = 2 if isinstance(each[0], Blind) else 0
        return replace(each[0], network=Apart([method.network for method in each], masks, guides))
    with seeded(settings.seed):
        if paired:
            name = "unet-small" if settings.network == "donut" else settings.network
            network = NETWORKS[name](channels, ndim, guides=guides)
            return Paired(network, turns(ndim), settings.loss, guides)
        if settings.network == "donut":
            hole = settings.hole_along(ndim)
            square = len(set(hole[-2:])) == 1
            donut = Donut(channels, ndim, hole, beside * channels + guides, **TRUNK.get(ndim, {}))
            ahead = settings.head_start and head_start.fits(settings, channels, ndim)
            if ahead:
                donut.load_state_dict(head_start.weights_for(donut))
            return Blind(donut, turns(ndim, swaps=square), ahead)
        masked = NETWORKS[settings.network](channels, ndim, guides=guides)
    partition: blindspot.Partition = (
        blindspot.Grid(settings.grid_width)
        if settings.partition == "grid"
        else blindspot.Random(settings.density)
    )
    return Masked(masked, turns(ndim), partition, settings.fill)
