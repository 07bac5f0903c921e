"""What a training works on: the image on its inner scale, with the held-out pixels taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_n2s.ideas.axes import layout
from napari_n2s.ideas.blindspot import fill
from napari_n2s.ideas.image import Scale, as_image, find_missing, measure_scale
from napari_n2s.ideas.score import draw_held_out
from napari_n2s.ideas.settings import Settings


@dataclass(frozen=True)
class Material:
    """One noisy image made ready.

    Attributes
    ----------
    seen : Tensor, shape (N, C, *space)
        Normalised; held-out and missing pixels are replaced by the mean of their neighbours.
    usable : Tensor of bool, shape (N, 1, *space)
        False where a pixel is held out or missing, so that it is never a target.
    windows : Tensor, shape (K, C, *window)
        The windows that hold the held-out pixels, with the values that they really have.
    held_out : Tensor of bool, shape (K, 1, *window)
    scale : Scale
    """

    seen: Tensor
    usable: Tensor
    windows: Tensor
    held_out: Tensor
    scale: Scale

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.seen.shape[1]

    @property
    def ndim(self) -> int:
        """Number of axes of space."""
        return self.seen.ndim - 2

    @property
    def constant(self) -> bool:
        """Whether there is nothing to learn."""
        return not self.scale.spread.any()

    def draw(self, count: int, side: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Cut crops at random places, each flipped and turned at random.

        Returns
        -------
        tuple of Tensor
            The crops ``(count, C, *crop)``, at most `side` pixels along each axis, and which of
            their pixels may be targets ``(count, 1, *crop)``.
        """
        space = self.seen.shape[2:]
        sides = [min(side, size) for size in space]
        crops: list[Tensor] = []
        usable: list[Tensor] = []
        for _ in range(count):
            ends = [
                self.seen.shape[0] - 1,
                *(size - s for size, s in zip(space, sides, strict=True)),
            ]
            n, *corner = (int(torch.randint(end + 1, (), generator=generator)) for end in ends)
            box = [slice(a, a + s) for a, s in zip(corner, sides, strict=True)]
            coins = torch.randint(2, (self.ndim + 1,), generator=generator).tolist()
            flips = [axis + 1 for axis, coin in enumerate(coins[1:]) if coin]
            for whole, cut in ((self.seen, crops), (self.usable, usable)):
                piece = whole[n][(slice(None), *box)].flip(flips)
                turn = coins[0] and self.ndim > 1 and sides[-1] == sides[-2]
                cut.append(piece.transpose(-1, -2) if turn else piece)
        return torch.stack(crops), torch.stack(usable)


def gather(image: Any, axes: str | None, settings: Settings) -> Material:
    """Make an image ready for training.

    Raises
    ------
    ImageError
        If it cannot be denoised.
    """
    image = as_image(image)
    canonical = layout(image.shape, axes).canonical(image)
    missing = find_missing(canonical, settings.missing)
    scale = measure_scale(canonical, missing)
    held_out = draw_held_out(canonical.shape, ~missing, settings.seed)
    inner = np.stack([scale.normalise(s, m) for s, m in zip(canonical, missing, strict=True)])
    taken = torch.from_numpy(held_out.mask | missing)
    whole = fill(torch.from_numpy(inner), torch.from_numpy(missing), "neighbours")
    return Material(
        seen=fill(whole, taken, "neighbours"),
        usable=~taken,
        windows=torch.from_numpy(held_out.cut(whole.numpy())),
        held_out=torch.from_numpy(held_out.cut(held_out.mask)),
        scale=scale,
    )
