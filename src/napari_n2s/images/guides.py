"""Guides: registered images of the same field that a network sees and does not predict.

As a clean channel, a transmitted-light image, or the albedo and normals of a rendering. Their noise
must be independent of the image's, so that they may be seen at the pixel that is predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError
from napari_n2s.images.axes import CHANNELS, SPACE
from napari_n2s.images.chunks import chunks_of
from napari_n2s.images.sources import open_source, read_box

COLOURS = (3, 4)
"""Sizes of a last axis that is taken for colour channels."""
MOST = 32
"""Maximum number of channels of all guides: a longer axis is not one of channels."""

Index = tuple[int | slice, ...]


class Guides:
    """Several guides as one lazy array: the image's axes without channels, then C.

    Parameters
    ----------
    images : sequence of array_like
        Each of the image's size along Y and X and along any other axis that it has; along axes that
        it lacks it is broadcast. Channels may come first, colour channels last.
    shape : tuple of int
        Shape of the image.
    axes : str
        Axes of the image, one letter each.

    Attributes
    ----------
    axes : str
        One letter for each axis of this array.

    Raises
    ------
    ImageError
        If one does not fit.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, images: Sequence[Any], shape: tuple[int, ...], axes: str) -> None:
        if len(set(axes)) < len(axes):
            raise ImageError(
                f"With guides every axis needs a letter of its own; here they are {axes}."
            )
        self._images = [open_source(each) for each in images]
        if any(len(each.shape) < 2 for each in self._images):
            raise ImageError(
                "A guide is an image with axes Y and X; one here is a number or a row."
            )
        sizes = dict(zip(axes, shape, strict=True))
        self._axes = [_infer_axes(tuple(each.shape), shape, axes, sizes) for each in self._images]
        counts = [
            prod(n for a, n in zip(letters, image.shape, strict=True) if a in CHANNELS)
            for letters, image in zip(self._axes, self._images, strict=True)
        ]
        if sum(counts) > MOST:
            raise ImageError(
                f"The guides have {sum(counts)} channels, more than {MOST}; check that their "
                f"axes are the image's, {axes}, or use fewer."
            )
        rest = "".join(letter for letter in axes if letter not in CHANNELS)
        self.axes = rest + "C"
        self.shape = (*(sizes[letter] for letter in rest), sum(counts))
        self.ndim = len(self.shape)
        self.chunks = self._find_chunks()

    def __getitem__(self, index: Index) -> NDArray[np.float32]:
        """Read a part of the array."""
        *places, channels = index
        every = list(zip(self.axes[:-1], places, self.shape[:-1], strict=True))
        at = {letter: place for letter, place, _ in every}
        sides = {a: len(range(size)[i]) for a, i, size in every if isinstance(i, slice)}
        parts = []
        for number, letters in enumerate(self._axes):
            if set(letters) <= set(SPACE + CHANNELS):  # it is broadcast: read only once
                whole = tuple(slice(0, size) for size in self._images[number].shape)
                self._images[number] = read_box(self._images[number], whole)
            part = read_box(self._images[number], tuple(at.get(a, slice(None)) for a in letters))
            own = [a for a in letters if a in CHANNELS or a in sides]
            order = [own.index(a) for a in sides if a in own]
            order += [number for number, a in enumerate(own) if a in CHANNELS]
            ones = [size if a in own else 1 for a, size in sides.items()]
            aligned = part.transpose(order).reshape(*ones, -1)
            parts.append(np.broadcast_to(aligned, (*sides.values(), aligned.shape[-1])))
        together: NDArray[np.float32] = np.concatenate(parts, -1, dtype=np.float32)
        return together[..., channels]

    def _find_chunks(self) -> tuple[int, ...]:
        """Return the size of the largest chunks along each axis, so that each is read once."""
        found = dict.fromkeys(self.axes, 1) | {"C": self.shape[-1]}
        for image, letters in zip(self._images, self._axes, strict=True):
            for letter, size in zip(letters, chunks_of(image, image.ndim), strict=True):
                if letter not in CHANNELS:
                    found[letter] = max(found[letter], size)
        return tuple(found.values())


def as_list(guides: Any) -> list[Any]:
    """Return guides as a list: a single guide as a list of one, None as an empty one."""
    if guides is None:
        return []
    return list(guides) if isinstance(guides, list | tuple) else [guides]


def _infer_axes(
    shape: tuple[int, ...], whole: tuple[int, ...], axes: str, sizes: dict[str, int]
) -> str:
    """Infer the axes of a guide by its shape: as many of the image's as possible, then channels."""
    if shape == whole:
        return axes
    rest = [letter for letter in axes if letter not in CHANNELS]
    samples = [letter for letter in rest if letter not in SPACE]
    for count in range(len(samples), -1, -1):
        some = [set(each) | set(SPACE) for each in combinations(samples, count)]
        every = ["".join(letter for letter in rest if letter in each) for each in some]
        known = {letters: tuple(sizes[letter] for letter in letters) for letters in every}
        fitting = [letters for letters in every if shape == known[letters]]
        colour = [f"{letters}S" for letters in every if shape[:-1] == known[letters]]
        fitting = fitting or (colour if shape[-1] in COLOURS else [])
        if len(fitting) > 1:
            raise ImageError(
                f"A guide of {_shape_text(shape)} may lie along the image's axes ({axes}) in more "
                "than one way; give it all of them."
            )
        if fitting:
            return fitting[0]
    for letters in ("".join(rest), "".join(letter for letter in rest if letter in SPACE)):
        if shape[1:] == tuple(sizes[letter] for letter in letters):
            return "C" + letters
    raise ImageError(
        f"A guide of {_shape_text(shape)} does not fit the image of {_shape_text(whole)} (axes "
        f"{axes}); it needs the same size along Y and X, and along every other axis that it has "
        "too."
    )


def _shape_text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
