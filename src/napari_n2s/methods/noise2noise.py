"""Noise2Noise: one replicate is predicted from another, without masks.

The noise of the target is independent of that of the input, so that it averages out in the gradient
(Lehtinen et al., ICML 2018). In terms of Noise2Self, the partition has one set for each replicate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from napari_n2s.nn.losses import LOSSES, tone_map
from napari_n2s.nn.masks import fill
from napari_n2s.nn.networks import Network
from napari_n2s.preparation.augmentation import Orientation

NOT_BLIND = (
    "invariant hides each pixel from its own prediction, which a network trained on replicates "
    "does not do; leave it out."
)


@dataclass(frozen=True)
class Noise2Noise:
    """Noise2Noise as a training method: another replicate is the network input.

    Attributes
    ----------
    network : Network
    orientations : tuple of Orientation
    loss_name : str
        Name of the loss, a key of `LOSSES`.
    guides : int
        Number of channels of guides, which are never a target; they come after those of the other
        replicates.
    """

    combines_predictions: ClassVar[bool] = False
    refines: ClassVar[bool] = False
    network: Network
    orientations: tuple[Orientation, ...]
    loss_name: str
    guides: int

    def draw_mask(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Return a mask of all pixels."""
        return torch.ones(shape, dtype=torch.bool, device=generator.device)

    def count_masks(self, ndim: int) -> int:
        """Return 1."""
        return 1

    def masks(self, space: tuple[int, ...], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield the mask of all pixels."""
        yield torch.ones(1, 1, *space, dtype=torch.bool)

    def make_input(
        self,
        x: Tensor,
        hidden: Tensor,
        blocked: Tensor,
        guides: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Choose another replicate at random as input; the image itself if there is none."""
        replicates, guides = guides.tensor_split([guides.shape[1] - self.guides], 1)
        if replicates.shape[1]:
            others = replicates.reshape(len(x), -1, *x.shape[1:])
            count = (others.shape[1], (len(x),))
            drawn = torch.randint(*count, generator=generator, device=generator.device)
            chosen = others[torch.arange(len(x)), drawn.to(others.device)]
        else:
            chosen = fill(x, blocked, "neighbours")
        return torch.cat([tone_map(chosen) if self.loss_name == "hdr" else chosen, guides], 1)

    def mean(self, output: Tensor) -> Tensor:
        """Return the output, which is the predicted mean."""
        return output

    def loss(self, output: Tensor, target: Tensor, counted: Tensor, done: float) -> Tensor:
        """Compute the loss against the replicate that was not the input."""
        return LOSSES[self.loss_name](output, target, counted, done)
