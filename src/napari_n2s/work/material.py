"""What a training works on: the image on its inner scale, and which pixels it may not use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_n2s.ideas.axes import layout
from napari_n2s.ideas.image import Scale, as_image, find_missing, measure_scale
from napari_n2s.ideas.score import draw_held_out
from napari_n2s.ideas.settings import Settings
from napari_n2s.ideas.turns import Turn

ON_DEVICE = 2**30
"""Bytes up to which a whole image is copied to a GPU, so that no step waits for its crops."""


@dataclass(frozen=True)
class Material:
    """One noisy image made ready.

    Attributes
    ----------
    x : Tensor, shape (N, C, *space)
        The image on its inner scale; 0 where a pixel is missing.
    blocked : Tensor of bool, shape (N, 1, *space)
        Pixels that are held out or missing: training neither sees them nor aims at them.
    windows : Tensor, shape (K, C, *window)
        The boxes of `x` that hold the held-out pixels.
    held_out, missing : Tensor of bool, shape (K, 1, *window)
        Which of their pixels are.
    scale : Scale
    """

    x: Tensor
    blocked: Tensor
    windows: Tensor
    held_out: Tensor
    missing: Tensor
    scale: Scale

    def to(self, device: torch.device) -> Material:
        """Bring the windows to where training computes, and the image unless it is very large."""
        names = ["windows", "held_out", "missing"]
        if self.x.nbytes <= ON_DEVICE:
            names += ["x", "blocked"]
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.x.shape[1]

    @property
    def ndim(self) -> int:
        """Number of axes of space."""
        return self.x.ndim - 2

    @property
    def constant(self) -> bool:
        """Whether there is nothing to learn."""
        return not self.scale.spread.any()

    @property
    def share_in_windows(self) -> float:
        """How much of the image the windows hold."""
        return self.windows[:, 0].numel() / self.x[:, 0].numel()

    def draw(
        self, count: int, side: int, turns: tuple[Turn, ...], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Cut crops at random places, each turned at random.

        Returns
        -------
        tuple of Tensor
            The crops ``(count, C, *crop)``, at most `side` pixels along each axis, and which of
            their pixels are blocked ``(count, 1, *crop)``.
        """
        space = self.x.shape[2:]
        sides = [min(side, size) for size in space]
        square = len(set(sides[-2:])) == 1
        ways = [way for way in turns if square or not way.swap]
        crops: list[Tensor] = []
        blocked: list[Tensor] = []
        for _ in range(count):
            ends = [
                self.x.shape[0] - 1,
                *(size - s for size, s in zip(space, sides, strict=True)),
            ]
            n, *corner = (int(torch.randint(end + 1, (), generator=generator)) for end in ends)
            box = [slice(a, a + s) for a, s in zip(corner, sides, strict=True)]
            way = ways[int(torch.randint(len(ways), (), generator=generator))]
            for whole, cut in ((self.x, crops), (self.blocked, blocked)):
                cut.append(way.do(whole[n][(slice(None), *box)]))
        return torch.stack(crops), torch.stack(blocked)


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
    held_out = draw_held_out(missing, settings.seed)
    x = np.empty(canonical.shape, np.float32)
    for inner, sample, gaps in zip(x, canonical, missing, strict=True):
        inner[:] = scale.normalise(sample, gaps)
    return Material(
        x=torch.from_numpy(x),
        blocked=torch.from_numpy(held_out.mask | missing),
        windows=torch.from_numpy(held_out.cut(x)),
        held_out=torch.from_numpy(held_out.cut(held_out.mask)),
        missing=torch.from_numpy(held_out.cut(missing)),
        scale=scale,
    )
