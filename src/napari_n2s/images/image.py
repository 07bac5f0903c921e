"""The `Image` object: pixels with parsed axes, guides and labels, made once from the user's array.

Everything that works on an image takes an `Image`, so that axes, labels and missing pixels are not
parsed or searched for again.
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
from napari_n2s.images.labels import is_labelled, remove_labels, restore_labels
from napari_n2s.images.missing import find_missing
from napari_n2s.images.sources import Box, Part, open_source, read_box


@dataclass(frozen=True, eq=False)
class Image:
    """Pixels with their layout, and their guides.

    Attributes
    ----------
    pixels : array_like
        In memory, or lazy: any object with shape and dtype that can be indexed. Never written to.
    layout : Layout
        The meaning of the axes.
    guides : Image or None
        Images of the same field that a network sees and does not predict, as the channels of one
        image that otherwise has the axes of this one.
    original : array_like or None
        The xarray.DataArray or masked array from which the pixels come, whose labels or mask the
        result is given.
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
        """Whether the pixels are in memory."""
        return isinstance(self.pixels, np.ndarray)

    @property
    def chunks(self) -> tuple[int, ...]:
        """Size of its chunks along each axis, 1 if it has none."""
        return chunks_of(self.pixels, len(self.shape))

    @property
    def whole(self) -> Box:
        """The whole image, as a slice for each axis."""
        return tuple(slice(0, size) for size in self.shape)

    @property
    def canonical(self) -> NDArray[np.generic]:
        """Its values as ``(N, C, *space)``, a view if possible; for images in memory only."""
        return self.layout.canonical(self.pixels)

    @cached_property
    def missing(self) -> NDArray[np.bool_]:
        """Pixels ``(N, 1, *space)`` that are NaN or infinite in a channel; for images in memory."""
        return find_missing(self.canonical)

    @cached_property
    def any_missing(self) -> bool:
        """Whether some pixels are missing; for images in memory only."""
        return bool(self.missing.any())

    @property
    def known_missing(self) -> NDArray[np.bool_] | None:
        """Its missing pixels if already found, otherwise None; nothing is read."""
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
        """Return the image with all of its pixels, and of its guides, in memory; itself if so."""
        guides = self.guides.load() if self.guides else None
        if self.in_memory and guides is self.guides:
            return self
        pixels = self.pixels if self.in_memory else read_box(self.pixels, self.whole)
        return replace(self, pixels=pixels, guides=guides)

    def part(self, box: Box) -> Image:
        """Return a part of the image, lazily unless it is in memory."""
        pixels = self.pixels[box] if self.in_memory else Part(self.pixels, box)
        guides = self.guides.part(self.guide_box(box)) if self.guides else None
        shape = tuple(side.stop - side.start for side in box)
        return Image(pixels, replace(self.layout, shape=shape), guides)

    def guide_box(self, box: Box) -> Box:
        """Return the box of its guides that corresponds to a box of the image."""
        assert self.guides is not None
        at = dict(zip(self.axes, box, strict=True))
        channels = slice(0, self.guides.shape[-1])
        return tuple(channels if letter in CHANNELS else at[letter] for letter in self.guides.axes)

    def as_volume(self, volume: bool) -> Image:
        """Return the image with Z as an axis of space (volume) or of samples.

        Raises
        ------
        ImageError
            If it is to be a volume and has not exactly one axis Z.
        """
        if volume == self.layout.is_volume:
            return self
        guides = self.guides.as_volume(volume) if self.guides else None
        return replace(self, layout=self.layout.as_volume(volume), guides=guides)

    def without_guides(self) -> Image:
        """Return the image without its guides."""
        return replace(self, guides=None) if self.guides else self

    def result_dtype(self, dtype: Any, nan_policy: str) -> np.dtype[Any]:
        """Check that a result can be given in a type, before any work is done; return the type.

        Parameters
        ----------
        dtype : dtype, optional
            If left out, float32, or float64 if that is too coarse for the image.
        nan_policy : {"raise", "omit"}
            Treatment of missing pixels.

        Raises
        ------
        ImageError
            If the type is neither integer nor float, its range is too small, or it cannot hold NaN.
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
        """Return a result of the image's shape with the labels or mask of the original array."""
        return result if self.original is None else restore_labels(result, self.original)


def open_image(
    data: Any, axes: str | None = None, guides: Sequence[Any] | Any = (), *, volume: bool = False
) -> Image:
    """Make an `Image` from an array, or return one as it is.

    Parameters
    ----------
    data : array_like or Image
        An array in memory, or any object with shape and dtype that can be indexed: a dask, zarr or
        xarray array, or a memory-mapped file. Masked pixels become NaN.
    axes : str, optional
        One letter for each axis, as ``"TYX"`` or ``"YXC"``; if left out, taken from the names
        of an xarray.DataArray's dimensions, or guessed from the shape.
    guides : array_like or sequence of array_like
        Images of the same field, each of the image's size along Y and X and along every other axis
        that it has too.
    volume : bool
        Whether Z is an axis of space rather than of samples.

    Raises
    ------
    ImageError
        If its values are not intensities, its axes do not fit, it is too small to train on, or a
        guide does not fit.
    """
    if isinstance(data, Image):
        image = data
    else:
        bare, axes = remove_labels(data, axes)
        pixels = open_source(bare)
        original = data if is_labelled(data) else None
        image = Image(pixels, parse_axes(tuple(pixels.shape), axes), original=original)
    if given := as_list(guides):
        aligned = Guides(given, image.shape, image.axes)
        layout = Layout(aligned.axes, aligned.shape, image.layout.space)
        image = replace(image, guides=Image(aligned, layout))
    return image.as_volume(volume)
