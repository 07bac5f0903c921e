"""The planes of an image in a TIFF file: how many it should have, and how many are there."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import prod
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_n2s.images.sources import Box


@dataclass(frozen=True)
class Planes:
    """An image of so many planes, of which the first are there, or all.

    Attributes
    ----------
    axes : str
        One letter for each axis, as the header says.
    shape : tuple of int
        What the header says.
    leading : int
        How many axes count planes; the others lie in a plane.
    there : int
        How many planes are there, from the first on without a gap.
    beyond : int
        How many are there after a gap.
    blank : int
        How many blocks of these planes were never written, and are read as the value 0.
    pages : sequence, optional
        One for each plane; None where all lie one after the other from an offset on.
    offset : int, optional
    """

    axes: str
    shape: tuple[int, ...]
    leading: int
    there: int
    beyond: int = 0
    blank: int = 0
    pages: Sequence[Any] | None = None
    offset: int | None = None

    @property
    def count(self) -> int:
        """How many planes it should have."""
        return prod(self.shape[: self.leading])

    @property
    def box(self) -> Box:
        """The largest part from the beginning on of which every plane is there."""
        sizes, counts = self.shape[: self.leading], [1] * self.leading
        for number, size in enumerate(sizes):
            whole = self.there // prod(sizes[number + 1 :])
            if whole:
                counts[number:] = [min(whole, size), *sizes[number + 1 :]]
                break
        return tuple(slice(0, size) for size in (*counts, *self.shape[self.leading :]))

    @property
    def interrupted(self) -> bool:
        """Whether some are missing."""
        return self.there < self.count

    @property
    def _kept(self) -> list[int]:
        """Axes of that part, without those of which only one of several entries is there."""
        every = enumerate(zip(self.shape, self.box, strict=True))
        return [n for n, (size, side) in every if not size > side.stop == 1]

    @property
    def axes_there(self) -> str:
        """One letter for each axis of that part."""
        return "".join(self.axes[number] for number in self._kept)

    @property
    def shape_there(self) -> tuple[int, ...]:
        """The shape of that part."""
        return tuple(self.box[number].stop for number in self._kept)

    def read(self, series: Any) -> NDArray[np.generic]:
        """Read that part."""
        box = self.box
        shape = tuple(side.stop for side in box)
        count = prod(shape[: self.leading])
        if self.pages is None:
            handle, kind = series.keyframe.parent.filehandle, series.dtype
            typecode = series.keyframe.parent.byteorder + kind.char
            flat = handle.read_array(typecode, prod(shape), self.offset)
            return np.asarray(flat.reshape(self.shape_there), kind.newbyteorder("="))
        part = tifffile.TiffPageSeries(
            self.pages[:count],
            shape,
            series.dtype,
            self.axes,
            parent=series.keyframe.parent,
            squeeze=False,
        )
        image: NDArray[np.generic] = part.asarray()
        return image.reshape(self.shape_there)


def find_planes(tiff: Any, series: Any, claimed: tuple[str, tuple[int, ...]] | None) -> Planes:
    """Count the planes of a series of which every block lies within its file.

    Parameters
    ----------
    tiff : tifffile.TiffFile
    series : tifffile.TiffPageSeries
    claimed : tuple, optional
        Axes and shape that the header names, if tifffile did not believe them.

    Raises
    ------
    ValueError
        If a plane of the series has not the shape that the series needs.
    """
    page = series.keyframe
    axes, shape = claimed or (series.axes, series.shape)
    leading = next(
        (n for n in range(len(shape) + 1) if prod(shape[n:]) == prod(page.shape)), len(shape)
    )
    if leading == len(shape) and prod(page.shape) != 1:
        raise ValueError("the shape of the image is not that of its planes")
    count = prod(shape[:leading])
    offset = series.dataoffset
    if claimed:
        alone = page.is_final and len(tiff.pages) == 1
        offset = page.dataoffsets[0] if alone else None
    if offset is not None:
        size = page.parent.filehandle.size - offset
        there = min(max(size, 0) // max(page.nbytes, 1), count)
        return Planes(axes, shape, leading, there, offset=offset)
    pages = _listed(series) if claimed is None else _alike(tiff, page)
    whole = [_is_whole(each) for each in pages[:count]]
    there = sum(1 for _ in takewhile(bool, whole))
    blank = sum(_blank(each) for each in pages[:there])
    return Planes(axes, shape, leading, there, sum(whole) - there, blank, pages)


def find_claim(tiff: Any, series: list[Any]) -> tuple[str, tuple[int, ...]] | None:
    """Give the axes and the shape that a header names and tifffile did not believe, if any."""
    page = series[0].keyframe
    if len(series) > 1 or series[0].kind not in ("generic", "uniform", "shaped"):
        return None
    try:
        if page.shaped_description is not None:
            about = tifffile.tifffile.shaped_description_metadata(page.shaped_description)
            shape = tuple(int(size) for size in about["shape"])
            axes = str(about.get("axes", ""))
            axes = axes if len(axes) == len(shape) else "Q" * (len(shape) - page.ndim) + page.axes
        elif tiff.is_imagej:
            about = tiff.imagej_metadata or {}
            counts = [int(about.get(each, 1)) for each in ("frames", "slices", "channels")]
            counts = counts if prod(counts) > 1 else [1, int(about.get("images", 1)), 1]
            letters = zip("TZC", counts, strict=True)
            kept = [(letter, size) for letter, size in letters if size > 1]
            axes = "".join(letter for letter, _ in kept) + page.axes
            shape = (*(size for _, size in kept), *page.shape)
        else:
            return None
    except (KeyError, TypeError, ValueError):
        return None
    whole = len(axes) == len(shape) and prod(shape) % max(page.size, 1) == 0
    return (axes, shape) if whole and prod(shape) > series[0].size else None


def list_series(tiff: Any) -> list[Any]:
    """List the images of a file; if tifffile cannot, the pages that are like the first.

    Raises
    ------
    ValueError
        If there is none.
    """
    try:
        series = list(tiff.series)
    except Exception as error:  # of every type: one picture is damaged, or what is said of all
        pages = _alike(tiff, tiff.pages.first)
        logging.getLogger("tifffile").error("series raised %r", error)
        page = pages[0]
        shape, axes = (len(pages), *page.shape), "I" + page.axes
        series = [
            tifffile.TiffPageSeries(pages, shape, page.dtype, axes, parent=tiff, kind="generic")
        ]
    if not series:
        raise ValueError("no image in it")
    return series


def _listed(series: Any) -> list[Any]:
    """List the pages of a series, up to one that is not there or damaged."""
    found = []
    for number in range(len(series)):
        try:
            found.append(series[number])
        except Exception:  # of every type, as it is damaged
            break
    return found


def _alike(tiff: Any, first: Any) -> list[Any]:
    """List the pages of a file that are of the kind of the first, up to one that is damaged."""
    tiff.pages.useframes = False
    found = []
    for number in range(len(tiff.pages)):
        try:
            page = tiff.pages[number]
            alike = page.hash == first.hash
        except Exception:  # of every type, as it is damaged
            break
        if alike:
            found.append(page)
    return found


def _is_whole(page: Any) -> bool:
    """Whether all blocks of a page lie within its file."""
    if page is None:
        return False
    frame, size = page.keyframe, page.parent.filehandle.size
    offsets, counts = page.dataoffsets, page.databytecounts
    if frame.is_contiguous and len(offsets):
        return bool(offsets[0] and offsets[0] + frame.nbytes <= size)
    if len(offsets) < prod(frame.chunked) or len(offsets) != len(counts):
        return False
    return all(at + count <= size for at, count in zip(offsets, counts, strict=True))


def _blank(page: Any) -> int:
    """Count the blocks of a page that were never written."""
    if page.keyframe.is_contiguous:
        return 0
    every = zip(page.dataoffsets, page.databytecounts, strict=True)
    return sum(1 for at, count in every if not at or not count)
