"""Streaming: reading and writing an image sample by sample, so that it need not fit into memory."""

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
from napari_n2s.images.dtypes import to_dtype
from napari_n2s.images.image import Image
from napari_n2s.images.missing import find_missing_in_sample
from napari_n2s.images.sources import Box

CACHE_BYTES = 2**28
"""Maximum size of the read cache, which avoids decoding a chunk of a file once for each frame."""
CHUNK = 1024
"""Side in pixels, along Y and X, of the parts in which large samples are written, so that no chunk
of a file is written twice."""

Pixels = NDArray[np.generic]
Mask = NDArray[np.bool_]
MaskedPixels = tuple[Pixels, Excluded]


class SampleReader:
    """Reader of samples (slices, frames, positions) of an image, or of parts of them, with a cache.

    Parameters
    ----------
    image : Image
        Only the parts that are requested, and their chunks, are read.
    """

    def __init__(self, image: Image) -> None:
        self._image, self._layout = image, image.layout
        self._cache: OrderedDict[tuple[Any, ...], NDArray[np.generic]] = OrderedDict()
        self._slab = image.chunks

    def read(self, number: int, space: tuple[slice, ...]) -> Pixels:
        """Read a part of a sample: its pixels ``(C, *space)``."""
        box = self.box(number, space)
        here = self._image.in_memory
        pixels = self._image.read(box) if here else self._read_cached(box)
        return self._layout.to_sample(pixels)

    def missing(self, number: int, space: tuple[slice, ...]) -> Mask | None:
        """Return the missing pixels ``(1, *space)`` of a part of a sample; None if not known."""
        known = self._image.known_missing
        if known is None:
            return None
        index: tuple[Any, ...] = (number, slice(None), *space)
        found: Mask = known[index]
        return found

    def box(self, number: int, space: tuple[slice, ...]) -> tuple[Any, ...]:
        """Locate a part of a sample in the image: an index or slice for each axis."""
        sides = dict(zip(self._layout.space, space, strict=True))
        place = self._layout.place(number)
        every = zip(self._layout.axes, place, self._layout.shape, strict=True)
        return tuple(
            at if isinstance(at, int) else sides.get(letter, slice(0, size))
            for letter, at, size in every
        )

    def _read_cached(self, box: tuple[Any, ...]) -> NDArray[np.generic]:
        """Read all samples that share chunks with this one, and cache them."""
        wide = tuple(
            slice(at // step * step, at // step * step + step) if isinstance(at, int) else at
            for at, step in zip(box, self._slab, strict=True)
        )
        key = tuple((side.start, side.stop) for side in wide)
        within = tuple(
            at - side.start if isinstance(at, int) else slice(None)
            for at, side in zip(box, wide, strict=True)
        )
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key][within]
        size = prod(side.stop - side.start for side in wide) * self._image.dtype.itemsize
        if size > CACHE_BYTES:
            return self._image.read(box)
        slab = self._cache[key] = self._image.read(wide)
        while sum(each.nbytes for each in self._cache.values()) > CACHE_BYTES:
            self._cache.popitem(last=False)
        return slab[within]


class SampleStream:
    """Reader of an image and writer of its result, sample by sample.

    Parameters
    ----------
    image : Image
        Only the parts that are requested are read.
    part : tuple of slice, optional
        The part of the image to write; all of it if left out.
    kind : dtype
        Type of the result.
    settings : Settings
        They determine which pixels are excluded.
    out : array_like, optional
        Where to write, of the part's shape; a new array in memory if left out.
    neighbours : ndarray of int, shape (N, G), optional
        Numbers of the samples that are read along with each.

    Attributes
    ----------
    settings : Settings
    samples : ndarray of int
        Numbers of the samples to write.
    space : tuple of slice
        The part of each sample to write.
    result : array_like
    """

    def __init__(
        self,
        image: Image,
        part: Box | None,
        kind: np.dtype[Any],
        settings: Settings,
        out: Any = None,
        neighbours: NDArray[np.intp] | None = None,
    ) -> None:
        layout = image.layout
        self._layout, self._kind, self._neighbours = layout, kind, neighbours
        self.settings = settings
        self._reader = SampleReader(image)
        self._part = part or tuple(slice(0, size) for size in layout.shape)
        shape = tuple(side.stop - side.start for side in self._part)
        if out is None:
            require_memory(prod(shape) * kind.itemsize)
            out = np.empty(shape, kind)
        require_writable(out, shape, image)
        self.result = out
        self.samples = layout.samples_within(self._part)
        self.space = tuple(self._part[layout.axes.index(letter)] for letter in layout.space)

    def read(
        self, number: int, space: tuple[slice, ...]
    ) -> tuple[MaskedPixels, list[MaskedPixels]]:
        """Read a part of a sample and of its neighbours.

        Returns
        -------
        tuple
            The pixels ``(C, *space)`` of the sample with its excluded pixels, and a list of the
            same for its neighbours.
        """
        others = [] if self._neighbours is None else self._neighbours[number].tolist()
        own, *neighbours = [self._read_one(each, space) for each in (number, *others)]
        return own, neighbours

    def _read_one(self, number: int, space: tuple[slice, ...]) -> MaskedPixels:
        pixels = self._reader.read(number, space)
        missing = self._reader.missing(number, space)
        return pixels, examine(pixels, self.settings, missing)

    def write(
        self,
        number: int,
        space: tuple[slice, ...],
        clean: NDArray[np.float64],
        sample: Pixels,
        kept: Mask,
    ) -> None:
        """Write a part of a sample.

        Parameters
        ----------
        number : int
        space : tuple of slice
        clean : ndarray, shape (C, *space)
            The denoised pixels.
        sample : ndarray, shape (C, *space)
            The noisy pixels.
        kept : ndarray of bool, shape (C, *space)
            Pixels that keep their noisy value.

        Raises
        ------
        ImageError
            If a kept pixel is NaN and the type of the result cannot hold it.
        """
        if kept.any():
            if self._kind.kind in "iu" and find_missing_in_sample(sample).any():
                raise ImageError(
                    f"The image has NaN pixels, which {self._kind} cannot hold; ask for float32."
                )
            np.copyto(clean, sample, where=kept, casting="unsafe")
        box = tuple(
            at - side.start
            if isinstance(at, int)
            else slice(at.start - side.start, at.stop - side.start)
            for at, side in zip(self._reader.box(number, space), self._part, strict=True)
        )
        self.result[box] = self._layout.from_sample(to_dtype(clean, self._kind))


def require_writable(out: Any, shape: tuple[int, ...], image: Image | None = None) -> np.dtype[Any]:
    """Check that a result of a given shape can be written to an array; return the array's dtype.

    Parameters
    ----------
    out : array_like
    shape : tuple of int
    image : Image, optional
        What the result is computed from, which `out` must not overlap.

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
    if image is not None and _overlap(image.pixels, out):
        raise ImageError(
            "The result cannot be written onto the image itself, since later parts would then be "
            "read denoised; give another array."
        )
    kind: np.dtype[Any] = np.dtype(out.dtype)
    return kind


def _overlap(pixels: Any, out: Any) -> bool:
    """Whether writing to one array may change another."""
    if isinstance(pixels, np.ndarray) and isinstance(out, np.ndarray):
        return bool(np.may_share_memory(pixels, out))
    place = getattr(pixels, "store_path", None)
    return pixels is out or (place is not None and place == getattr(out, "store_path", None))
