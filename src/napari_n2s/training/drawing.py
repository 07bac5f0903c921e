"""Random patches of the training data."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from napari_n2s.preparation.augmentation import Orientation
from napari_n2s.preparation.structure import cell_sides
from napari_n2s.training.training_data import TrainingData


class Drawn(NamedTuple):
    """Patches, all of one size.

    Attributes
    ----------
    noisy : Tensor, shape (B, C, *patch)
        The image.
    seen, target : Tensor, shape (B, C, *patch)
        What the network sees, and what is predicted: the image itself or recorrupted images.
    withheld : Tensor of bool, shape (B, 1 or C, *patch)
    extra_channels : Tensor, shape (B, G * C + A, *patch)
    """

    noisy: Tensor
    seen: Tensor
    target: Tensor
    withheld: Tensor
    extra_channels: Tensor

    def to(self, device: torch.device) -> Drawn:
        """Move all to a device."""
        return Drawn(*(each.to(device) for each in self))


def draw_patches(
    data: TrainingData,
    count: int,
    side: int,
    orientations: tuple[Orientation, ...],
    generator: torch.Generator,
    first: int = 0,
) -> Drawn:
    """Draw random patches in random orientations.

    In a sparse image, every other patch is drawn where there is structure, since most uniformly
    drawn ones would show background only.

    Parameters
    ----------
    data : TrainingData
    count : int
    side : int
        Maximum size of a patch along each axis in pixels.
    orientations : tuple of Orientation
        Those that are possible.
    generator : torch.Generator
        On the CPU.
    first : int
        Number of the first patch.
    """
    sides = [min(side, size) for size in data.x.shape[2:]]
    square = len(set(sides[-2:])) == 1
    possible = [orientation for orientation in orientations if square or not orientation.swap]
    drawn = []
    for number in range(first, first + count):
        n, *corner = _place(data, sides, generator, anywhere=number % 2 == 0)
        box = (slice(None), *(slice(a, a + s) for a, s in zip(corner, sides, strict=True)))
        orientation = possible[_random_index(len(possible), generator)]
        noisy = data.x[n][box]
        seen = target = noisy
        if data.recorruption is not None:
            seen, target = (e[0] for e in data.recorruption.apply(noisy[None], generator))
        every = [
            *(data.x[int(b)] for b in data.neighbours[n]),
            data.guides[n % len(data.guides)],
        ]
        extra = torch.cat([each[box] for each in every])
        patches = noisy, seen, target, data.withheld[n][box], extra
        drawn.append([orientation.apply(each) for each in patches])
    return Drawn(*(torch.stack(each) for each in zip(*drawn, strict=True)))


def _place(
    data: TrainingData, sides: list[int], generator: torch.Generator, anywhere: bool
) -> list[int]:
    """Draw a sample and the position of a patch in it."""
    space = data.x.shape[2:]
    last = [size - side for size, side in zip(space, sides, strict=True)]
    if anywhere or data.structure is None:
        return [_random_index(end + 1, generator) for end in (data.x.shape[0] - 1, *last)]
    chosen = int(torch.multinomial(data.structure.flatten(), 1, generator=generator))
    n, *cell = np.unravel_index(chosen, data.structure.shape)
    corner = [
        int(at) * width + _random_index(width, generator) - side // 2
        for at, width, side in zip(cell, cell_sides(tuple(space)), sides, strict=True)
    ]
    return [int(n), *(min(max(0, a), end) for a, end in zip(corner, last, strict=True))]


def _random_index(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))
