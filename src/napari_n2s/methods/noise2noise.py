"""Noise2Noise: one noisy reading supervises another, and nothing has to be hidden.

The noise of a target is independent of the input that is another reading of the same thing: what
the network is taught by it averages out (Lehtinen et al., ICML 2018). It is Noise2Self with one set
for each reading: where a reading is hidden, all of it is, and another is seen in its place.
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
    "invariant hides each pixel from its own prediction, which a network that learns one reading "
    "from another does not do; leave it out."
)


@dataclass(frozen=True)
class Noise2Noise:
    """Noise2Noise as a method: what lies beside a reading are others; one of them is seen whole."""

    mixes: ClassVar[bool] = False
    network: Network
    orientations: tuple[Orientation, ...]
    name: str
    """Of the loss."""
    guides: int
    """Channels of the last of what lies beside, which are no readings and always seen."""

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Hide and count everything."""
        return torch.ones(shape, dtype=torch.bool, device=generator.device)

    def sets(self, ndim: int) -> int:
        """Count one."""
        return 1

    def masks(self, space: tuple[int, ...], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield it."""
        yield torch.ones(1, 1, *space, dtype=torch.bool)

    def show(
        self,
        x: Tensor,
        hidden: Tensor,
        blocked: Tensor,
        guides: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Show one of the other readings, drawn at random; the image itself if there is none."""
        readings, guides = guides.tensor_split([guides.shape[1] - self.guides], 1)
        if readings.shape[1]:
            others = readings.reshape(len(x), -1, *x.shape[1:])
            count = (others.shape[1], (len(x),))
            drawn = torch.randint(*count, generator=generator, device=generator.device)
            seen = others[torch.arange(len(x)), drawn.to(others.device)]
        else:
            seen = fill(x, blocked, "neighbours")
        return torch.cat([tone_map(seen) if self.name == "hdr" else seen, guides], 1)

    def mean(self, output: Tensor) -> Tensor:
        """Take the output as it is."""
        return output

    def loss(self, output: Tensor, target: Tensor, counted: Tensor, done: float) -> Tensor:
        """Compare with the reading that was not seen."""
        return LOSSES[self.name](output, target, counted, done)
