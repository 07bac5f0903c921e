"""Choice of tile size by the free memory, with smaller tiles or the CPU after running out of it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

import torch

from napari_n2s.core.device import free_memory, short_of_memory
from napari_n2s.core.progress import Applying
from napari_n2s.images.image import Image
from napari_n2s.images.sources import Box

TILE = 384
"""Side of a tile in pixels, which takes some 230 MB for the widest network. The allocator reuses
the memory of such tiles; that of larger ones it would return to the system each time."""
TILE_SIDES = (TILE, TILE // 2, TILE // 4)
"""Sides of tiles in pixels: the largest that fits is used, the next after running out of memory."""
BYTES_PER_PIXEL = 1600
"""Maximum memory per pixel of a tile in bytes, that of the widest network for one channel."""


class Applicable(Protocol):
    """A model that can be applied to an image in tiles of a given side on a given device."""

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
        """Denoise an image, yielding progress after each tile."""


def applying(
    model: Applicable,
    device: torch.device,
    image: Image,
    dtype: Any = None,
    part: Box | None = None,
    out: Any = None,
    invariant: bool | None = None,
) -> Generator[Applying, None, Any]:
    """Apply a model in tiles that fit into the free memory of a device; if none fits, on the CPU.

    Parameters and yields are those of `Applicable.applying`.
    """
    free = free_memory(device)
    fitting = [tile for tile in TILE_SIDES if BYTES_PER_PIXEL * tile**2 <= free] or TILE_SIDES[-1:]
    attempts = [(device, tile) for tile in fitting]
    if device.type != "cpu":
        attempts.append((torch.device("cpu"), TILE_SIDES[0]))
    for on_device, tile in attempts:
        try:
            return (
                yield from model.applying(
                    image,
                    dtype=dtype,
                    invariant=invariant,
                    tile=tile,
                    device=on_device,
                    part=part,
                    out=out,
                )
            )
        except (MemoryError, RuntimeError) as error:
            if not short_of_memory(error) or (on_device, tile) == attempts[-1]:
                raise
    raise AssertionError("the last attempt returns or raises")
