"""Protocol of a training method: masks, network input, predicted mean and loss.

Training, validation and inference use a method by this protocol alone, so that masked networks and
architectural blind-spot networks share their code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from napari_n2s.nn.networks import Network
from napari_n2s.preparation.augmentation import Orientation


class Method(Protocol):
    """A training method, for normalised images ``(B, C, *space)`` and masks ``(B, 1, *space)``."""

    combines_predictions: ClassVar[bool]
    """Whether its result combines visible and blind predictions, as that of `BlindSpot` does."""
    refines: ClassVar[bool]
    """Whether its result is refined by non-local Bayes."""

    @property
    def network(self) -> Network:
        """The network that is trained."""

    @property
    def orientations(self) -> tuple[Orientation, ...]:
        """Orientations for augmentation and test-time augmentation."""

    def draw_mask(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Draw the pixels that one training step hides and compares, as a mask of this shape."""

    def count_masks(self, ndim: int) -> int:
        """Return the number of masks that `masks` yields."""

    def masks(self, space: tuple[int, ...], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield masks that partition the pixels, for the 𝒥-invariant prediction of all of them."""

    def make_input(
        self,
        x: Tensor,
        hidden: Tensor,
        blocked: Tensor,
        guides: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Make the network input, such that the output in `hidden` does not depend on `x` there.

        Parameters
        ----------
        x : Tensor, shape (B, C, *space)
        hidden : Tensor of bool, shape (B, 1, *space)
            Pixels to predict blindly.
        blocked : Tensor of bool, shape (B, 1, *space)
            Pixels on which no output may depend.
        guides : Tensor, shape (B, G, *space)
            Channels that are shown unmasked: neighbouring samples, other replicates, guides.
        generator : torch.Generator
            For random fills and draws.
        """

    def mean(self, output: Tensor) -> Tensor:
        """Extract the predicted image ``(B, C, *space)`` from the network output."""

    def loss(self, output: Tensor, target: Tensor, counted: Tensor, done: float) -> Tensor:
        """Compute the loss against the noisy image in the counted pixels, a scalar.

        `done` is the fraction of the training budget that is used, 0 to 1.
        """
