"""What is learnt from an image that is larger than need be: pieces drawn from all over it."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError
from napari_n2s.images.axes import APART, CHANNELS, SMALLEST, Layout
from napari_n2s.images.image import Image

ENOUGH = 2**24
"""Values, at which a minute of training on a processor looks a few times each."""
SIDE, DEPTH = 512, 64
"""Pixels of a piece along Y and X, and along the Z of a volume."""
RUN = 5
"""Pictures of a piece along each axis of samples: so that there are some beside each."""
MOST = 2**60
"""Values of an image, at most."""
FEWEST = 8
"""Pieces, of which those of volumes and of many channels are made smaller."""


class SampledImage(NamedTuple):
    """What is learnt from.

    Attributes
    ----------
    image : Image
        The image with its guides, or pieces of both along a first axis that keeps them apart; in
        memory.
    unread : str
        A sentence on pieces that were left out, empty if there are none.
    """

    image: Image
    unread: str


def is_large(image: Image) -> bool:
    """Whether an image is read piece by piece and has more values than are learnt from."""
    return not image.in_memory and image.size > ENOUGH


def sample_pieces(image: Image, seed: int, *, along: str = "") -> SampledImage:
    """Read an image, or as many pieces of a large one as are enough to learn from.

    Pieces that cannot be read are left out.

    Parameters
    ----------
    image : Image
        Of a large one only the pieces are read.
    seed : int
    along : str
        An axis along which several pictures are wanted, however short it is.

    Raises
    ------
    ImageError
        If nothing of the image can be read.
    """
    layout = image.layout
    if image.size > MOST:
        raise ImageError(
            f"The image claims {image.size:.3g} values, more than there can be; see that its shape "
            "is right."
        )
    if image.size <= ENOUGH:
        return SampledImage(image.load(), "")
    shape = _shape_of_pieces(layout, along)
    rng = np.random.default_rng(seed)
    starts = [
        range(int(rng.integers(size % side + 1)), size - side + 1, side)
        for size, side in zip(layout.shape, shape, strict=True)
    ]
    places = prod(map(len, starts))
    count = min(places, max(1, ENOUGH // prod(shape)))
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
    if not read:
        raise unread[0]
    said = ""
    if unread:
        said = f"{len(unread)} of {count} pieces to learn from were left out. {unread[0]}"
    drawn = _gathered(pieces[:read], layout)
    if image.guides:
        drawn = replace(drawn, guides=_gathered(np.stack(guides), image.guides.layout))
    return SampledImage(drawn, said)


def _shape_of_pieces(layout: Layout, along: str) -> list[int]:
    """Give the sides of a piece along each axis of an image."""
    sizes = dict(zip(layout.axes, layout.shape, strict=True))
    longest = sorted(layout.sample_axes, key=lambda each: (each != along, -sizes[each]))[:2]
    depth = {"Z": DEPTH} if layout.is_volume else {}
    most = {**dict.fromkeys(longest, RUN), "Y": SIDE, "X": SIDE, **depth}
    shape = [
        size if letter in CHANNELS else min(size, most.get(letter, 1))
        for letter, size in zip(layout.axes, layout.shape, strict=True)
    ]
    halved = [layout.axes.index(letter) for letter in layout.space]
    while prod(shape) * FEWEST > ENOUGH:
        largest = max(halved, key=lambda axis: shape[axis])
        if shape[largest] < 2 * SMALLEST:
            break
        shape[largest] //= 2
    return shape


def _gathered(pieces: NDArray[np.generic], layout: Layout) -> Image:
    """Make an image of pieces along a first axis."""
    return Image(pieces, replace(layout, axes=APART + layout.axes, shape=pieces.shape))
