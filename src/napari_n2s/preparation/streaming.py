"""Images read picture by picture and written so, that need not fit into memory."""

from __future__ import annotations

from collections import OrderedDict
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError
from napari_n2s.core.settings import Settings
from napari_n2s.core.system import require_memory
from napari_n2s.exclusion.excluded import Excluded, examine
from napari_n2s.images.axes import Layout
from napari_n2s.images.chunks import chunks_of
from napari_n2s.images.image import Box, find_gaps, read_box, to_dtype

KEPT = 2**28
"""Bytes of an image that are kept, so that no chunk of a file is decoded for each of its frames."""
CHUNK = 1024
"""Pixels along Y and X in which large pictures are written: no chunk of a file twice."""

Pixels = NDArray[np.generic]
Gaps = NDArray[np.bool_]
Picture = tuple[Pixels, Excluded]


class Pictures:
    """Reads the pictures of an image, or parts of them, one after the other.

    Parameters
    ----------
    image : array_like
        Anything with a shape and a type that can be indexed; only what is asked for is read.
    layout : Layout
        How its axes lie.
    """

    def __init__(self, image: Any, layout: Layout) -> None:
        self._image, self._layout = image, layout
        self._kept: OrderedDict[tuple[Any, ...], NDArray[np.generic]] = OrderedDict()
        self._slab = chunks_of(image, len(layout.shape))

    def read(self, number: int, space: tuple[slice, ...]) -> Pixels:
        """Read a part of a picture: its pixels ``(C, *space)``."""
        box = self.box(number, space)
        if isinstance(self._image, np.ndarray):
            picture = np.asarray(self._image[box])
        else:
            picture = self._read_with_others(box)
        return self._layout.to_sample(picture)

    def box(self, number: int, space: tuple[slice, ...]) -> tuple[Any, ...]:
        """Tell where a part of a picture lies in the image."""
        sides = dict(zip(self._layout.space, space, strict=True))
        place = self._layout.place(number)
        every = zip(self._layout.axes, place, self._layout.shape, strict=True)
        return tuple(
            at if isinstance(at, int) else sides.get(letter, slice(0, size))
            for letter, at, size in every
        )

    def _read_with_others(self, box: tuple[Any, ...]) -> NDArray[np.generic]:
        """Read a place together with those that share its chunks, and keep them for a while."""
        wide = tuple(
            slice(at // step * step, at // step * step + step) if isinstance(at, int) else at
            for at, step in zip(box, self._slab, strict=True)
        )
        key = tuple((side.start, side.stop) for side in wide)
        within = tuple(
            at - side.start if isinstance(at, int) else slice(None)
            for at, side in zip(box, wide, strict=True)
        )
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][within]
        size = prod(side.stop - side.start for side in wide) * np.dtype(self._image.dtype).itemsize
        if size > KEPT:
            return read_box(self._image, box)
        slab = self._kept[key] = read_box(self._image, wide)
        while sum(each.nbytes for each in self._kept.values()) > KEPT:
            self._kept.popitem(last=False)
        return slab[within]


class Stream:
    """Goes through the pictures of an image, or of a part of it.

    Parameters
    ----------
    image : array_like
        Anything with a shape and a type that can be indexed; only what is asked for is read.
    layout : Layout
        How its axes lie.
    part : tuple of slice, optional
        The part of it to write, if not all.
    kind : dtype
        In what to write.
    settings : Settings
        They say what in a picture is no signal.
    out : array_like, optional
        Where to write, of the part's shape; an array in memory if left out.
    beside : ndarray of int, shape (N, G), optional
        The pictures that are read beside each.

    Attributes
    ----------
    settings : Settings
    samples : ndarray of int
        The numbers of the pictures to write.
    space : tuple of slice
        What to write of each.
    result : array_like
    """

    def __init__(
        self,
        image: Any,
        layout: Layout,
        part: Box | None,
        kind: np.dtype[Any],
        settings: Settings,
        out: Any = None,
        beside: NDArray[np.intp] | None = None,
    ) -> None:
        self._layout, self._kind, self._beside = layout, kind, beside
        self.settings = settings
        self._pictures = Pictures(image, layout)
        self._part = part or tuple(slice(0, size) for size in layout.shape)
        shape = tuple(side.stop - side.start for side in self._part)
        if out is None:
            require_memory(prod(shape) * kind.itemsize)
            out = np.empty(shape, kind)
        require_room(out, shape)
        self.result = out
        self.samples = layout.samples_within(self._part)
        self.space = tuple(self._part[layout.axes.index(letter)] for letter in layout.space)

    def read(self, number: int, space: tuple[slice, ...]) -> tuple[Picture, list[Picture]]:
        """Read a part of a picture.

        Returns
        -------
        tuple
            Its pixels ``(C, *space)`` with which of them are no signal, and the same of those
            beside it.
        """
        others = [] if self._beside is None else self._beside[number].tolist()
        pictures = [self._pictures.read(each, space) for each in (number, *others)]
        own, *beside = [(each, examine(each, self.settings)) for each in pictures]
        return own, beside

    def write(
        self,
        number: int,
        space: tuple[slice, ...],
        clean: NDArray[np.float64],
        sample: Pixels,
        kept: Gaps,
    ) -> None:
        """Write a part of a picture, but for pixels that are kept: these stay as they were.

        Raises
        ------
        ImageError
            If the type cannot hold them, or there is no room.
        """
        if kept.any():
            if self._kind.kind in "iu" and find_gaps(sample).any():
                raise ImageError(
                    f"The image has NaN pixels, which {self._kind} cannot hold; ask for float32."
                )
            np.copyto(clean, sample, where=kept, casting="unsafe")
        box = tuple(
            at - side.start
            if isinstance(at, int)
            else slice(at.start - side.start, at.stop - side.start)
            for at, side in zip(self._pictures.box(number, space), self._part, strict=True)
        )
        self.result[box] = self._layout.from_sample(to_dtype(clean, self._kind))


def require_room(out: Any, shape: tuple[int, ...]) -> np.dtype[Any]:
    """Make sure that a result can be written to its place, and give the type that this has.

    Raises
    ------
    ImageError
    """
    if not all(hasattr(out, each) for each in ("shape", "dtype", "__setitem__")):
        raise ImageError(
            f"The result cannot be written to a {type(out).__name__}; give an array that can be."
        )
    flags = getattr(out, "flags", None)
    if getattr(out, "read_only", False) or not getattr(flags, "writeable", True):
        raise ImageError("The result is to be written to an array that is read-only; open another.")
    if tuple(out.shape) != tuple(shape):
        raise ImageError(
            f"The result is of shape {shape}, but what it is to be written to of "
            f"{tuple(out.shape)}; they must be the same."
        )
    kind: np.dtype[Any] = np.dtype(out.dtype)
    return kind
