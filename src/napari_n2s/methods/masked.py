"""Noise2Self with masks, for any network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from napari_n2s.nn import masks
from napari_n2s.nn.networks import Network
from napari_n2s.preparation.augmentation import Orientation


@dataclass(frozen=True)
class MaskedMethod:
    """Noise2Self with masks: hidden pixels are replaced, and they alone are the target."""

    mixes: ClassVar[bool] = False
    network: Network
    orientations: tuple[Orientation, ...]
    partition: masks.Partition
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
        shown = masks.fill(x, hidden | blocked, self.fill, generator)
        return torch.cat([shown, guides], 1)

    def limited(self, most: int, ndim: int) -> MaskedMethod:
        """Hide more pixels at a time, so that about so many passes give the invariant output."""
        return replace(self, partition=self.partition.coarser(most, ndim))

    def mean(self, output: Tensor) -> Tensor:
        """Take the output as it is."""
        return output

    def loss(self, output: Tensor, target: Tensor, counted: Tensor, done: float) -> Tensor:
        """Average the squared error over the counted pixels."""
        return masks.masked_loss(output, target, counted)
