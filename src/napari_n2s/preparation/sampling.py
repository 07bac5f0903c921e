"""Sampling of a large image: random pieces of it that a network is trained on."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError
from napari_n2s.core.generators import finish
from napari_n2s.images.axes import APART, CHANNELS, SMALLEST, Layout
from napari_n2s.images.chunks import cut
from napari_n2s.images.image import Image

MAX_TRAINING_VALUES = 2**24
"""Maximum number of values to train on: a minute of training on a CPU sees each a few times."""
SIDE, DEPTH = 512, 64
"""Pixels of a piece along Y and X, and along the Z of a volume."""
CONSECUTIVE = 5
"""Consecutive slices or frames of a piece along each of the two longest axes of samples, so that
each has neighbours."""
MAX_VALUES = 2**60
"""Maximum number of values of an image."""
MIN_PIECES = 8
"""Minimum number of pieces: those of volumes and of many channels are made smaller for it."""


class SampledImage(NamedTuple):
    """An image to train on.

    Attributes
    ----------
    image : Image
        The image with its guides, or pieces of both stacked along a first axis `APART`; in memory.
    unread : str
        A sentence on pieces that could not be read, empty if there are none.
    """

    image: Image
    unread: str


def is_large(image: Image) -> bool:
    """Whether an image is not in memory and has more values than are trained on."""
    return not image.in_memory and image.size > MAX_TRAINING_VALUES


def sample_pieces(image: Image, seed: int, *, along: str = "") -> SampledImage:
    """Read an image, or random pieces of a large one; see `sampling_pieces`."""
    return finish(sampling_pieces(image, seed, along=along))


def sampling_pieces(
    image: Image, seed: int, *, along: str = ""
) -> Generator[float, None, SampledImage]:
    """Read an image, or random pieces of a large one, yielding the fraction read.

    Pieces that cannot be read are left out.

    Parameters
    ----------
    image : Image
        Of an image with more than `MAX_TRAINING_VALUES` values only the pieces are read.
    seed : int
    along : str
        An axis along which pieces hold consecutive slices or frames even if others are longer.

    Raises
    ------
    ImageError
        If nothing of the image can be read.
    """
    layout = image.layout
    if image.size > MAX_VALUES:
        raise ImageError(
            f"The image claims {image.size:.3g} values, more than there can be; check its shape."
        )
    if image.size <= MAX_TRAINING_VALUES:
        return SampledImage((yield from loading(image)), "")
    shape = _shape_of_pieces(layout, along)
    rng = np.random.default_rng(seed)
    starts = [
        range(int(rng.integers(size % side + 1)), size - side + 1, side)
        for size, side in zip(layout.shape, shape, strict=True)
    ]
    places = prod(map(len, starts))
    count = min(places, max(1, MAX_TRAINING_VALUES // prod(shape)))
    pieces = np.empty((count, *shape), image.dtype.newbyteorder("="))
    read, unread, guides = 0, list[ImageError](), list[NDArray[np.generic]]()
    for number in np.sort(rng.choice(places, count, replace=False)):
        at = np.unravel_index(number, [len(each) for each in starts])
        corner = [each[int(i)] for each, i in zip(starts, at, strict=True)]
        box = tuple(slice(a, a + side) for a, side in zip(corner, shape, strict=True))
        try:
            pieces[read] = image.read(box)
            if image.guides:
                guides.append(image.guides.read(image.guide_box(box)))
            read += 1
        except ImageError as error:
            unread.append(error)
        yield (read + len(unread)) / count
    if not read:
        raise unread[0]
    finding = ""
    if unread:
        finding = f"{len(unread)} of {count} pieces to train on were left out. {unread[0]}"
    sampled = _stack(pieces[:read], layout)
    if image.guides:
        sampled = replace(sampled, guides=_stack(np.stack(guides), image.guides.layout))
    return SampledImage(sampled, finding)


def loading(image: Image) -> Generator[float, None, Image]:
    """Read an image into memory, some of its slices or frames at a time.

    Yields
    ------
    float
        The fraction read.

    Raises
    ------
    ImageError
        If a part cannot be read.
    """
    if image.in_memory:
        return image.load()
    pixels = np.empty(image.shape, image.dtype)
    boxes = cut(image.layout, image.chunks, image.chunks)
    for number, box in enumerate(boxes, start=1):
        pixels[box] = image.read(box)
        yield number / len(boxes)
    return replace(image, pixels=pixels).load()


def _shape_of_pieces(layout: Layout, along: str) -> list[int]:
    """Choose the size of a piece along each axis of the image."""
    sizes = dict(zip(layout.axes, layout.shape, strict=True))
    longest = sorted(layout.sample_axes, key=lambda each: (each != along, -sizes[each]))[:2]
    depth = {"Z": DEPTH} if layout.is_volume else {}
    most = {**dict.fromkeys(longest, CONSECUTIVE), "Y": SIDE, "X": SIDE, **depth}
    shape = [
        size if letter in CHANNELS else min(size, most.get(letter, 1))
        for letter, size in zip(layout.axes, layout.shape, strict=True)
    ]
    shrinkable = [layout.axes.index(letter) for letter in layout.space]
    while prod(shape) * MIN_PIECES > MAX_TRAINING_VALUES:
        largest = max(shrinkable, key=lambda axis: shape[axis])
        if shape[largest] < 2 * SMALLEST:
            break
        shape[largest] //= 2
    return shape


def _stack(pieces: NDArray[np.generic], layout: Layout) -> Image:
    """Make an image of pieces stacked along a first axis."""
    return Image(pieces, replace(layout, axes=APART + layout.axes, shape=pieces.shape))
