"""An image of known layout, made once, where it enters the program.

Everything that works on an image takes an `Image`: its axes are parsed, its labels taken off and
its missing pixels found once, and nothing below asks for them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError
from napari_n2s.images.axes import CHANNELS, Layout, parse_axes
from napari_n2s.images.chunks import chunks_of
from napari_n2s.images.dtypes import require_range, result_kind
from napari_n2s.images.guides import Guides, as_list
from napari_n2s.images.labels import is_labelled, put_on, take_off
from napari_n2s.images.missing import find_missing
from napari_n2s.images.sources import Box, Part, open_source, read_box


@dataclass(frozen=True, eq=False)
class Image:
    """Pixels with their layout, and the guides that are seen with them.

    Attributes
    ----------
    pixels : array_like
        In memory, or anything with a shape and a type that can be indexed; it is never written to.
    layout : Layout
        Which axis means what.
    guides : Image or None
        Images of the same field that a network sees and does not predict, as channels of one image
        with the axes of this one.
    original : array_like or None
        The xarray.DataArray or masked array that the pixels were taken from, whose labels or mask
        its result is given.
    """

    pixels: Any
    layout: Layout
    guides: Image | None = None
    original: Any = None

    @property
    def axes(self) -> str:
        """One letter for each axis."""
        return self.layout.axes

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape, in the order of its axes."""
        return self.layout.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its values."""
        kind: np.dtype[Any] = np.dtype(self.pixels.dtype)
        return kind

    @property
    def size(self) -> int:
        """Number of values, all channels counted."""
        return self.layout.size

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return self.size * self.dtype.itemsize

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.layout.canonical_shape[1]

    @property
    def in_memory(self) -> bool:
        """Whether reading it costs nothing."""
        return isinstance(self.pixels, np.ndarray)

    @property
    def chunks(self) -> tuple[int, ...]:
        """Size of its chunks along each axis; 1 where it has none."""
        return chunks_of(self.pixels, len(self.shape))

    @property
    def whole(self) -> Box:
        """All of it, as a slice for each axis."""
        return tuple(slice(0, size) for size in self.shape)

    @property
    def canonical(self) -> NDArray[np.generic]:
        """Its values as ``(N, C, *space)``, a view if possible; only of an image in memory."""
        return self.layout.canonical(self.pixels)

    @cached_property
    def missing(self) -> NDArray[np.bool_]:
        """Pixels ``(N, 1, *space)`` that are NaN or infinite in any channel; of one in memory."""
        return find_missing(self.canonical)

    @cached_property
    def any_missing(self) -> bool:
        """Whether some pixels are missing; of an image in memory."""
        return bool(self.missing.any())

    @property
    def known_missing(self) -> NDArray[np.bool_] | None:
        """Its missing pixels if these have been found before; nothing is read."""
        return self.__dict__.get("missing")

    def read(self, box: tuple[int | slice, ...]) -> NDArray[np.generic]:
        """Read a part of its values.

        Raises
        ------
        ImageError
            If that fails, whatever the reason.
        """
        return self.pixels[box] if self.in_memory else read_box(self.pixels, box)

    def load(self) -> Image:
        """Give it with all of its values, and of its guides, in memory; itself if they are."""
        guides = self.guides.load() if self.guides else None
        if self.in_memory and guides is self.guides:
            return self
        pixels = self.pixels if self.in_memory else read_box(self.pixels, self.whole)
        return replace(self, pixels=pixels, guides=guides)

    def part(self, box: Box) -> Image:
        """Give a part of it, which is read only when it is asked for unless it lies in memory."""
        pixels = self.pixels[box] if self.in_memory else Part(self.pixels, box)
        guides = self.guides.part(self.guide_box(box)) if self.guides else None
        shape = tuple(side.stop - side.start for side in box)
        return Image(pixels, replace(self.layout, shape=shape), guides)

    def guide_box(self, box: Box) -> Box:
        """Give the part of its guides that belongs to a part of it."""
        assert self.guides is not None
        at = dict(zip(self.axes, box, strict=True))
        channels = slice(0, self.guides.shape[-1])
        return tuple(channels if letter in CHANNELS else at[letter] for letter in self.guides.axes)

    def as_volume(self, volume: bool) -> Image:
        """Give it with Z as an axis of space, or not.

        Raises
        ------
        ImageError
            If it has not exactly one axis Z, though it should.
        """
        if volume == self.layout.is_volume:
            return self
        guides = self.guides.as_volume(volume) if self.guides else None
        return replace(self, layout=self.layout.as_volume(volume), guides=guides)

    def without_guides(self) -> Image:
        """Give the image alone."""
        return replace(self, guides=None) if self.guides else self

    def result_dtype(self, dtype: Any, nan_policy: str) -> np.dtype[Any]:
        """Check, before any work is done, that a result can be given as a type.

        Parameters
        ----------
        dtype : dtype, optional
            If left out, float32, or float64 where that has too few digits for the image.
        nan_policy : {"raise", "omit"}
            What will be done with missing pixels.

        Raises
        ------
        ImageError
            If it cannot.
        """
        if dtype is None:
            return result_kind(self.pixels)
        try:
            kind: np.dtype[Any] = np.dtype(dtype)
        except TypeError:
            kind = np.dtype(object)
        if kind.kind not in "iuf":
            raise ImageError(
                f"The result cannot be given as {dtype}; choose an integer or a float type."
            )
        if self.in_memory:
            if nan_policy == "omit" and kind.kind in "iu" and self.any_missing:
                raise ImageError(
                    f"The result has NaN pixels, which {kind} cannot hold; ask for float32."
                )
            require_range(self.pixels, kind)
        return kind

    def labelled(self, result: Any) -> Any:
        """Give a result of its shape the labels or the mask of what its pixels were taken from."""
        return result if self.original is None else put_on(result, self.original)


def open_image(
    data: Any, axes: str | None = None, guides: Sequence[Any] | Any = (), *, volume: bool = False
) -> Image:
    """Make an `Image` of an array, or give one as it is.

    Parameters
    ----------
    data : array_like or Image
        An array in memory, or whatever has a shape and a type and can be indexed: a dask, zarr or
        xarray array, or a file mapped into memory. Masked pixels become NaN.
    axes : str, optional
        One letter for each axis, as ``"TYX"`` or ``"YXC"``; left out, what the dimensions of an
        xarray.DataArray are called, or else guessed from the shape.
    guides : array_like or sequence of array_like
        Images of the same field, each of the image's size along Y and X and along every other axis
        that it has too.
    volume : bool
        Whether Z is an axis of space and not of samples.

    Raises
    ------
    ImageError
        If its values are no intensities, its axes do not fit, it is too small to learn from, or a
        guide does not fit.
    """
    if isinstance(data, Image):
        image = data
    else:
        bare, axes = take_off(data, axes)
        pixels = open_source(bare)
        original = data if is_labelled(data) else None
        image = Image(pixels, parse_axes(tuple(pixels.shape), axes), original=original)
    if given := as_list(guides):
        laid = Guides(given, image.shape, image.axes)
        layout = Layout(laid.axes, laid.shape, image.layout.space)
        image = replace(image, guides=Image(laid, layout))
    return image.as_volume(volume)
