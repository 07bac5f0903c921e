"""A way to learn from the noisy image alone: what is hidden, what counts, and what is scored.

Training, scoring and applying ask a method these questions and know nothing else about it, so that
a network with masks and a network that is blind by its architecture take the same path.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from napari_n2s.nn.networks import Network
from napari_n2s.preparation.augmentation import Orientation


class Method(Protocol):
    """What the loop asks, of normalised images ``(B, C, *space)`` and masks ``(B, 1, *space)``."""

    mixes: ClassVar[bool]
    """Whether what the user gets also needs the blind output; it is `BlindSpot` then."""

    @property
    def network(self) -> Network:
        """The network that is trained."""

    @property
    def orientations(self) -> tuple[Orientation, ...]:
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
