"""Applying a model in tiles that fit into the memory there is."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

import torch

from napari_n2s.core.device import free_memory, short_of_memory
from napari_n2s.core.progress import Applying
from napari_n2s.images.image import Image
from napari_n2s.images.sources import Box

TILE = 384
"""Side of a tile in pixels: some 230 MB at work for the widest network. Memory that the usual one
takes for it is used again; of larger ones it would be taken from the system anew for each."""
TILES = (TILE, TILE // 2, TILE // 4)
"""Sides of tiles in pixels: the largest that fits is taken, the next where memory runs short."""
PER_PIXEL = 1600
"""Bytes that a pixel of a tile takes at most: with the widest network, for one channel."""


class Applicable(Protocol):
    """What can be applied to an image in tiles of a given side, on a given device."""

    def applying(
        self,
        image: Image,
        *,
        dtype: Any = None,
        invariant: bool | None = None,
        tile: int = TILE,
        device: torch.device | None = None,
        part: Box | None = None,
        out: Any = None,
    ) -> Generator[Applying, None, Any]:
        """Denoise an image, yielding how far it is after each tile."""


def applying(
    model: Applicable,
    device: torch.device,
    image: Image,
    dtype: Any = None,
    part: Box | None = None,
    out: Any = None,
    invariant: bool | None = None,
) -> Generator[Applying, None, Any]:
    """Apply a model in tiles that fit into free memory; if in none, on the processor."""
    free = free_memory(device)
    fitting = [tile for tile in TILES if PER_PIXEL * tile**2 <= free] or TILES[-1:]
    ways = [(device, tile) for tile in fitting]
    if device.type != "cpu":
        ways.append((torch.device("cpu"), TILES[0]))
    for where, tile in ways:
        try:
            return (
                yield from model.applying(
                    image,
                    dtype=dtype,
                    invariant=invariant,
                    tile=tile,
                    device=where,
                    part=part,
                    out=out,
                )
            )
        except (MemoryError, RuntimeError) as error:
            if not short_of_memory(error) or (where, tile) == ways[-1]:
                raise
    raise AssertionError("the last way returns or raises")
