"""A way to learn from the noisy image alone: what is hidden, what counts, and what is scored.

Training, scoring and applying ask a method these questions and know nothing else about it, so that
a network with masks and a network that is blind by its architecture take the same path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from napari_n2s.ideas import blindspot
from napari_n2s.ideas.settings import Settings
from napari_n2s.work.networks import Network, build


class Method(Protocol):
    """What the loop asks, of normalised images ``(B, C, *space)`` and masks ``(B, 1, *space)``."""

    @property
    def network(self) -> Network:
        """The network that is trained."""

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Draw the pixels that one step hides and counts, as a mask of this shape."""

    def sets(self, ndim: int) -> int:
        """Count the masks that `masks` yields."""

    def masks(self, space: tuple[int, ...], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield masks that together cover every pixel once, for the 𝒥-invariant output."""

    def show(self, x: Tensor, hidden: Tensor, generator: torch.Generator) -> Tensor:
        """Give what the network may see so that its output in `hidden` is blind to `x` there."""

    def mean(self, output: Tensor) -> Tensor:
        """Read the predicted image off what the network returned."""

    def loss(self, output: Tensor, target: Tensor, counted: Tensor) -> Tensor:
        """Compare with the noisy image in the counted pixels; a scalar to differentiate."""


@dataclass(frozen=True)
class Masked:
    """Noise2Self with masks: hidden pixels are replaced, and they alone are the target."""

    network: Network
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

    def show(self, x: Tensor, hidden: Tensor, generator: torch.Generator) -> Tensor:
        """Replace the hidden pixels."""
        return blindspot.fill(x, hidden, self.fill, generator)

    def mean(self, output: Tensor) -> Tensor:
        """Take the output as it is."""
        return output

    def loss(self, output: Tensor, target: Tensor, counted: Tensor) -> Tensor:
        """Average the squared error over the counted pixels."""
        return blindspot.masked_loss(output, target, counted)


def choose(settings: Settings, channels: int, ndim: int) -> Method:
    """Make the method that the settings describe, with fresh weights."""
    partition: blindspot.Partition = (
        blindspot.Grid(settings.grid_width)
        if settings.partition == "grid"
        else blindspot.Random(settings.density)
    )
    network = build(settings.network, channels, ndim, settings.seed)
    return Masked(network, partition, settings.fill)
