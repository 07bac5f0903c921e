"""What is learnt from an image that is larger than need be: pieces drawn from all over it."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError
from napari_n2s.images.axes import APART, CHANNELS, SMALLEST, layout
from napari_n2s.images.guides import Guided
from napari_n2s.images.image import as_image, read_box

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
    image : ndarray
        The image, or its pieces along a first axis that keeps them apart.
    axes : str
    unread : str
        A sentence on pieces that were left out, empty if there are none.
    guides : ndarray or None
        The same parts of the image's guides, if it has any.
    guide_axes : str
    """

    image: NDArray[np.generic]
    axes: str
    unread: str
    guides: NDArray[np.generic] | None
    guide_axes: str


def is_large(image: Any) -> bool:
    """Whether an image is read piece by piece and has more values than are learnt from."""
    return not isinstance(image, np.ndarray) and prod(image.shape) > ENOUGH


def sample_pieces(
    image: Any, axes: str | None, seed: int, *, volume: bool = False, along: str = ""
) -> SampledImage:
    """Read an image, or as many pieces of a large one as are enough to learn from.

    Pieces that cannot be read are left out.

    Parameters
    ----------
    image : array_like
        Of a large one only the pieces are read.
    axes : str, optional
    seed : int
    volume : bool
        Whether Z is an axis of space and not of samples.
    along : str
        An axis along which several pictures are wanted, however short it is.

    Raises
    ------
    ImageError
        If the axes do not fit, or nothing of the image can be read.
    """
    found = layout(image.shape, axes, volume=volume)
    guided = image if isinstance(image, Guided) else None
    image = guided.image if guided else image
    guide_axes = guided.guide_axes if guided else ""
    if prod(found.shape) > MOST:
        raise ImageError(
            f"The image claims {prod(found.shape):.3g} values, more than there can be; see that "
            "its shape is right."
        )
    if prod(found.shape) <= ENOUGH:
        whole = tuple(slice(0, size) for size in found.shape)
        here = isinstance(image, np.ndarray)
        everything = as_image(image if here else read_box(image, whole))
        around = read_box(guided.guides, guided.beside(whole)) if guided else None
        return SampledImage(everything, found.axes, "", around, guide_axes)
    sizes = dict(zip(found.axes, found.shape, strict=True))
    longest = sorted(found.sample_axes, key=lambda each: (each != along, -sizes[each]))[:2]
    most = {**dict.fromkeys(longest, RUN), "Y": SIDE, "X": SIDE, **({"Z": DEPTH} if volume else {})}
    shape = [
        size if letter in CHANNELS else min(size, most.get(letter, 1))
        for letter, size in zip(found.axes, found.shape, strict=True)
    ]
    halved = [found.axes.index(letter) for letter in found.space]
    while prod(shape) * FEWEST > ENOUGH:
        largest = max(halved, key=lambda axis: shape[axis])
        if shape[largest] < 2 * SMALLEST:
            break
        shape[largest] //= 2
    rng = np.random.default_rng(seed)
    starts = [
        range(int(rng.integers(size % side + 1)), size - side + 1, side)
        for size, side in zip(found.shape, shape, strict=True)
    ]
    places = prod(map(len, starts))
    count = min(places, max(1, ENOUGH // prod(shape)))
    pieces = np.empty((count, *shape), np.dtype(image.dtype).newbyteorder("="))
    read, unread, beside = 0, list[ImageError](), list[NDArray[np.generic]]()
    for number in np.sort(rng.choice(places, count, replace=False)):
        at = np.unravel_index(number, [len(each) for each in starts])
        corner = [each[int(i)] for each, i in zip(starts, at, strict=True)]
        box = [slice(a, a + side) for a, side in zip(corner, shape, strict=True)]
        try:
            pieces[read] = read_box(image, tuple(box))
            if guided:
                beside.append(read_box(guided.guides, guided.beside(tuple(box))))
            read += 1
        except ImageError as error:
            unread.append(error)
    if not read:
        raise unread[0]
    said = ""
    if unread:
        said = f"{len(unread)} of {count} pieces to learn from were left out. {unread[0]}"
    around = np.stack(beside) if guided else None
    return SampledImage(pieces[:read], APART + found.axes, said, around, APART + guide_axes)
