"""Noise2Self with masked pixels, for any network."""

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
    """Noise2Self with masks: hidden pixels are replaced, and the loss is computed on them alone.

    Attributes
    ----------
    network : Network
    orientations : tuple of Orientation
    partition : Partition
        How masks partition the pixels.
    fill : str
        How hidden pixels are replaced, as in the settings.
    """

    combines_predictions: ClassVar[bool] = False
    refines: ClassVar[bool] = False
    network: Network
    orientations: tuple[Orientation, ...]
    partition: masks.Partition
    fill: str

    def draw_mask(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Draw one mask of the partition."""
        return self.partition.draw(shape, generator)

    def count_masks(self, ndim: int) -> int:
        """Return the number of masks of the partition."""
        return self.partition.sets(ndim)

    def masks(self, space: tuple[int, ...], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield every mask of the partition."""
        return self.partition.masks(space, generator)

    def make_input(
        self,
        x: Tensor,
        hidden: Tensor,
        blocked: Tensor,
        guides: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Replace hidden and blocked pixels."""
        filled = masks.fill(x, hidden | blocked, self.fill, generator)
        return torch.cat([filled, guides], 1)

    def with_fewer_masks(self, most: int, ndim: int) -> MaskedMethod:
        """Return the method with a partition of about `most` masks, for faster inference."""
        return replace(self, partition=self.partition.coarser(most, ndim))

    def mean(self, output: Tensor) -> Tensor:
        """Return the output, which is the predicted mean."""
        return output

    def loss(self, output: Tensor, target: Tensor, counted: Tensor, done: float) -> Tensor:
        """Compute the mean squared error over the counted pixels."""
        return masks.masked_loss(output, target, counted)
