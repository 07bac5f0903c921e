"""Chunks of image files, and the division of a large image into boxes of whole chunks."""

from __future__ import annotations

from itertools import product
from typing import Any

from napari_n2s.images.axes import CHANNELS, Layout
from napari_n2s.images.sources import Box

MOST = 16
"""Approximate maximum number of samples in a box, the unit that is repeated after a failure."""


def chunks_of(image: Any, ndim: int) -> tuple[int, ...]:
    """Return the size of an image's chunks along each axis, 1 if it has none.

    Of sharded zarr arrays it is that of the shards: the chunks in one cannot be written separately.
    """
    try:
        chunks = getattr(image, "shards", None) or getattr(image, "chunks", None) or (1,) * ndim
    except NotImplementedError:  # raised by zarr for chunks of several sizes
        chunks = (1,) * ndim
    return tuple(each if isinstance(each, int) else max(each) for each in chunks)


def cut(layout: Layout, read: tuple[int, ...], written: tuple[int, ...]) -> list[Box]:
    """Divide an image into boxes of whole samples, in order.

    No two boxes write to the same chunk, and few read from the same one.

    Parameters
    ----------
    layout : Layout
        Layout of the image.
    read, written : tuple of int
        Size along each axis of the chunks of the image and of the result.
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
