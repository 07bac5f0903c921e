"""A way to learn from the noisy image alone: what is hidden, what counts, and what is scored.

Training, scoring and applying ask a method these questions and know nothing else about it, so that
a network with masks and a network that is blind by its architecture take the same path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from napari_n2s.ideas import blindspot
from napari_n2s.ideas.settings import Settings
from napari_n2s.ideas.turns import Turn, turns
from napari_n2s.work import head_start
from napari_n2s.work.apart import Apart
from napari_n2s.work.blind import Blind
from napari_n2s.work.donut import Donut
from napari_n2s.work.networks import NETWORKS, Network, seeded
from napari_n2s.work.paired import Paired

TRUNK: dict[int, dict[str, int]] = {3: {"width": 32, "levels": 0}}
"""The donut's trunk, by the axes of space, where it is not the usual one.

In a volume eleven voxels across hold as many as forty pixels across a picture; a deeper one would
see little else than the border of its cubes.
"""


class Method(Protocol):
    """What the loop asks, of normalised images ``(B, C, *space)`` and masks ``(B, 1, *space)``."""

    mixes: ClassVar[bool]
    """Whether what the user gets also needs the blind output; it is `Blind` then."""

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

    def limited(self, most: int, ndim: int) -> Masked:
        """Hide more pixels at a time, so that about so many passes give the invariant output."""
        return replace(self, partition=self.partition.coarser(most, ndim))

    def mean(self, output: Tensor) -> Tensor:
        """Take the output as it is."""
        return output

    def loss(self, output: Tensor, target: Tensor, counted: Tensor, done: float) -> Tensor:
        """Average the squared error over the counted pixels."""
        return blindspot.masked_loss(output, target, counted)


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
            return Blind(donut, turns(ndim, swaps=square), ahead, wide=any(hole))
        masked = NETWORKS[settings.network](channels, ndim, guides=guides)
    partition: blindspot.Partition = (
        blindspot.Grid(settings.grid_width)
        if settings.partition == "grid"
        else blindspot.Random(settings.density)
    )
    return Masked(masked, turns(ndim), partition, settings.fill)
