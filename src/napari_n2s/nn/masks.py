"""Masks: which pixels are hidden together, and what replaces them.

The method is that of Batson & Royer, "Noise2Self: Blind Denoising by Self-Supervision", ICML 2019.
A partition 𝒥 splits the pixels; f is 𝒥-invariant if its output in each J of 𝒥 does not depend on
the input in J. Any function g becomes 𝒥-invariant by showing it, for each J, the image with the
pixels of J replaced by something computed from the others.

Images are tensors ``(B, C, *space)``. A mask is boolean of shape ``(B or 1, 1, *space)``, true
where a pixel is hidden, in all channels at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

COARSEST = 4, 16
"""Smallest width of a grid, and smallest number of sets, to which a partition is coarsened: with
more pixels hidden at a time than in training, a network predicts worse."""


class Partition(Protocol):
    """A way to split the pixels of an image into sets that are hidden together."""

    def sets(self, ndim: int) -> int:
        """Count the sets that it makes in this many dimensions."""

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Draw one set J at random, as a mask of this shape ``(B, 1, *space)``."""

    def masks(self, space: tuple[int, ...], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield masks ``(1, 1, *space)`` in which every pixel is hidden exactly once."""

    def coarser(self, most: int, ndim: int) -> Partition:
        """Return a partition of at most about so many sets, or `COARSEST`."""


@dataclass(frozen=True)
class GridPartition:
    """Every `width`-th pixel along each axis: ``width ** ndim`` sets, one for each phase."""

    width: int

    def sets(self, ndim: int) -> int:
        """Count the phases."""
        return int(self.width**ndim)

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Draw one phase for the whole batch."""
        device = generator.device
        phase = torch.randint(self.width, (len(shape) - 2,), generator=generator, device=device)
        return self._mask(shape[2:], phase).expand(shape)

    def masks(self, space: tuple[int, ...], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield the mask of each phase in turn."""
        for phase in product(range(self.width), repeat=len(space)):
            yield self._mask(space, torch.tensor(phase))

    def coarser(self, most: int, ndim: int) -> GridPartition:
        """Make the grid narrower."""
        return GridPartition(min(self.width, max(COARSEST[0], int(most ** (1 / ndim) + 1e-6))))

    def _mask(self, space: tuple[int, ...], phase: Tensor) -> Tensor:
        steps = [torch.arange(size, device=phase.device) % self.width for size in space]
        lines = [step == start for step, start in zip(steps, phase, strict=True)]
        return torch.stack(torch.meshgrid(*lines, indexing="ij")).all(0)[None, None]


@dataclass(frozen=True)
class RandomPartition:
    """Pixels drawn at random: ``round(1 / density)`` sets of about equal size."""

    density: float

    def sets(self, ndim: int) -> int:
        """Count the sets."""
        return round(1 / self.density)

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Draw each pixel by itself with probability `density`."""
        return torch.rand(shape, generator=generator, device=generator.device) < self.density

    def masks(self, space: tuple[int, ...], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield the masks of one random partition."""
        count = self.sets(len(space))
        label = torch.randint(
            count, (1, 1, *space), generator=generator, device=generator.device, dtype=torch.int16
        )
        for each in range(count):
            yield label == each

    def coarser(self, most: int, ndim: int) -> RandomPartition:
        """Increase the density."""
        return RandomPartition(max(self.density, 1 / max(COARSEST[1], most)))


def fill(x: Tensor, hidden: Tensor, how: str, generator: torch.Generator | None = None) -> Tensor:
    """Replace the hidden pixels by values that do not depend on any of them.

    Parameters
    ----------
    x : Tensor
        Image ``(B, C, *space)``, normalised to mean 0 and standard deviation 1.
    hidden : Tensor
        Mask ``(B or 1, 1, *space)``.
    how : {"neighbours", "zero", "random"}
        The mean of the visible face neighbours (4 in two dimensions, 6 in three), reflecting at
        the borders, and zero farther than two pixels from any visible one; zero; or uniform noise
        of the same mean and variance as the image.
    generator : torch.Generator, optional
        On the image's device; used by ``"random"`` alone.
    """
    if how == "neighbours":
        return torch.where(hidden, _from_neighbours(x, hidden), x)
    if how == "zero":
        return x.masked_fill(hidden, 0)
    uniform = (torch.rand(x.shape, generator=generator, device=x.device) - 0.5) * 12**0.5
    return torch.where(hidden, uniform.to(x), x)


def masked_loss(prediction: Tensor, target: Tensor, counted: Tensor) -> Tensor:
    """Return the mean squared error over the counted pixels: Σ m (g - x)² / Σ m.

    All three are ``(B, C, *space)``, `counted` boolean with one channel or C.
    """
    weight = counted.expand_as(target).to(target.dtype)
    return ((prediction - target).square() * weight).sum() / weight.sum().clamp(min=1)


def channel_losses(prediction: Tensor, target: Tensor, counted: Tensor) -> Tensor:
    """Return the mean squared error over the counted pixels of each channel; ``(C,)``.

    Parameters as for `masked_loss`.
    """
    every = counted.expand_as(target)
    channels = (slice(c, c + 1) for c in range(target.shape[1]))
    each = (masked_loss(prediction[:, c], target[:, c], every[:, c]) for c in channels)
    return torch.stack(tuple(each))


def mean_around(x: Tensor, blocked: Tensor) -> Tensor:
    """Average the face neighbours of each pixel that are not blocked, reflecting at the borders.

    It is the simplest blind prediction. Shapes as for `fill`; 0 where all
    neighbours are blocked.
    """
    total = _sum_of_neighbours(x.masked_fill(blocked, 0))
    return total / _sum_of_neighbours((~blocked).to(x.dtype)).clamp(min=1)


def _from_neighbours(x: Tensor, hidden: Tensor) -> Tensor:
    """Average the visible neighbours; where a pixel has none, those filled in the first round."""
    visible = ~hidden
    values = x.masked_fill(hidden, 0)
    for _ in range(2):
        count = _sum_of_neighbours(visible.to(x.dtype))
        reached = ~visible & (count > 0)
        values = torch.where(reached, _sum_of_neighbours(values) / count.clamp(min=1), values)
        visible = visible | reached
        if visible.device.type == "cpu" and bool(
            visible.all()
        ):  # on a GPU the test would synchronise
            break
    return values


def _sum_of_neighbours(x: Tensor) -> Tensor:
    """Add the two neighbours along each axis of space, reflecting at the borders.

    Along an axis of one pixel there are none.
    """
    axes = [axis for axis in range(2, x.ndim) if x.shape[axis] > 1]
    widths = [int(axis in axes) for axis in reversed(range(2, x.ndim)) for _ in range(2)]
    padded = F.pad(x, widths, mode="reflect")
    total = torch.zeros_like(x)
    for axis in axes:
        line = padded
        for other in axes:
            if other != axis:
                line = line.narrow(other, 1, x.shape[other])
        total += line.narrow(axis, 0, x.shape[axis]) + line.narrow(axis, 2, x.shape[axis])
    return total
