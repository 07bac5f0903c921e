"""Cutting a large image into boxes that are denoised, and written, each for itself."""

from __future__ import annotations

from itertools import product
from typing import Any

from napari_n2s.images.axes import CHANNELS, Layout, layout
from napari_n2s.images.image import Box

MOST = 16
"""Pictures of a box, about: as many as may have to be done again."""


def boxes_of(image: Any, axes: str | None, out: Any, *, volume: bool = False) -> list[Box]:
    """Cut an image into boxes that can be denoised in any order, wherever that is done.

    Parameters
    ----------
    image, out : array_like
        What is read and what is written to, in chunks or not.
    axes : str, optional
    volume : bool
        Whether Z is an axis of space and not of samples.

    Raises
    ------
    ImageError
        If the axes do not fit.
    """
    found = layout(image.shape, axes, volume=volume)
    return cut(found, chunks_of(image, len(found.shape)), chunks_of(out, len(found.shape)))


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
