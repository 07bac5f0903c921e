"""Cutting a large image into boxes that are denoised, and written, each for itself."""

from __future__ import annotations

from itertools import product
from typing import Any

from napari_n2s.images.axes import CHANNELS, Layout
from napari_n2s.images.sources import Box

MOST = 16
"""Pictures of a box, about: as many as may have to be done again."""


def chunks_of(image: Any, ndim: int) -> tuple[int, ...]:
    """Find the size of an image's chunks along each of its axes; 1 where it has none.

    Those of zarr in a shard are read, but not written, each for itself: the shard counts.
    """
    try:
        chunks = getattr(image, "shards", None) or getattr(image, "chunks", None) or (1,) * ndim
    except NotImplementedError:  # zarr's word for chunks of many sizes
        chunks = (1,) * ndim
    return tuple(each if isinstance(each, int) else max(each) for each in chunks)


def cut(layout: Layout, read: tuple[int, ...], written: tuple[int, ...]) -> list[Box]:
    """Cut an image into boxes of whole pictures, in order.

    No two of them write to one chunk, and few read from one.

    Parameters
    ----------
    layout : Layout
        How the axes of the image lie.
    read, written : tuple of int
        Sizes along each axis of the chunks in which the image lies and those of the result.
    """
    left, spans = MOST, []
    for letter, size, far, near in reversed(
        list(zip(layout.axes, layout.shape, read, written, strict=True))
    ):
        step = size
        if letter not in CHANNELS + layout.space:
            step = near * max(1, min(-(-far // near), left // near))
            left = max(1, left // step)
        spans.append([slice(a, min(a + step, size)) for a in range(0, size, step)])
    return list(product(*reversed(spans)))
