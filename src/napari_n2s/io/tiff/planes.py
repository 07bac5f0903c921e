"""The planes of an image in a TIFF file: how many its header declares, and how many exist."""

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
    """The planes of an image, of which all or the first ones exist.

    Attributes
    ----------
    axes : str
        One letter for each axis, by the header.
    shape : tuple of int
        Shape of the whole image, by the header.
    leading : int
        Number of axes that count planes; the others lie within a plane.
    available : int
        Number of planes that exist, from the first without a gap.
    after_gap : int
        Number of planes that exist after the first missing one.
    unwritten : int
        Number of strips and tiles of the available planes that were never written; read as 0.
    pages : sequence of tifffile.TiffPage or TiffFrame, optional
        One for each plane; None if all planes lie contiguously from `offset` on.
    offset : int, optional
        In bytes.
    """

    axes: str
    shape: tuple[int, ...]
    leading: int
    available: int
    after_gap: int = 0
    unwritten: int = 0
    pages: Sequence[Any] | None = None
    offset: int | None = None

    @property
    def count(self) -> int:
        """Number of planes by the header."""
        return prod(self.shape[: self.leading])

    @property
    def box(self) -> Box:
        """The largest box from the origin in which every plane is available."""
        sizes, counts = self.shape[: self.leading], [1] * self.leading
        for axis, size in enumerate(sizes):
            complete = self.available // prod(sizes[axis + 1 :])
            if complete:
                counts[axis:] = [min(complete, size), *sizes[axis + 1 :]]
                break
        return tuple(slice(0, size) for size in (*counts, *self.shape[self.leading :]))

    @property
    def incomplete(self) -> bool:
        """Whether planes are missing."""
        return self.available < self.count

    @property
    def _kept_axes(self) -> list[int]:
        """Axes of that box, without those along which it has one of several entries."""
        sides = enumerate(zip(self.shape, self.box, strict=True))
        return [n for n, (size, side) in sides if not size > side.stop == 1]

    @property
    def available_axes(self) -> str:
        """One letter for each axis of that box."""
        return "".join(self.axes[axis] for axis in self._kept_axes)

    @property
    def available_shape(self) -> tuple[int, ...]:
        """Shape of that box."""
        return tuple(self.box[axis].stop for axis in self._kept_axes)

    def read(self, series: Any) -> NDArray[np.generic]:
        """Read that box of a tifffile.TiffPageSeries."""
        shape = tuple(side.stop for side in self.box)
        count = prod(shape[: self.leading])
        if self.pages is None:
            handle, dtype = series.keyframe.parent.filehandle, series.dtype
            typecode = series.keyframe.parent.byteorder + dtype.char
            flat = handle.read_array(typecode, prod(shape), self.offset)
            return np.asarray(flat.reshape(self.available_shape), dtype.newbyteorder("="))
        part = tifffile.TiffPageSeries(
            self.pages[:count],
            shape,
            series.dtype,
            self.axes,
            parent=series.keyframe.parent,
            squeeze=False,
        )
        image: NDArray[np.generic] = part.asarray()
        return image.reshape(self.available_shape)


def find_planes(tiff: Any, series: Any, claim: tuple[str, tuple[int, ...]] | None) -> Planes:
    """Count the planes of a series of which every strip or tile lies within its file.

    Parameters
    ----------
    tiff : tifffile.TiffFile
    series : tifffile.TiffPageSeries
    claim : tuple, optional
        Axes and shape from the header, if tifffile rejected them; see `rejected_claim`.

    Raises
    ------
    ValueError
        If the shape of the series does not end in the shape of its planes.
    """
    page = series.keyframe
    axes, shape = claim or (series.axes, series.shape)
    leading = next(
        (n for n in range(len(shape) + 1) if prod(shape[n:]) == prod(page.shape)), len(shape)
    )
    if leading == len(shape) and prod(page.shape) != 1:
        raise ValueError("the shape of the image does not end in that of its planes")
    count = prod(shape[:leading])
    offset = series.dataoffset
    if claim:
        contiguous = page.is_final and len(tiff.pages) == 1
        offset = page.dataoffsets[0] if contiguous else None
    if offset is not None:
        size = page.parent.filehandle.size - offset
        available = min(max(size, 0) // max(page.nbytes, 1), count)
        return Planes(axes, shape, leading, available, offset=offset)
    pages = _readable_pages(series) if claim is None else _pages_like(tiff, page)
    complete = [_is_complete(each) for each in pages[:count]]
    available = sum(1 for _ in takewhile(bool, complete))
    unwritten = sum(_count_unwritten(each) for each in pages[:available])
    return Planes(axes, shape, leading, available, sum(complete) - available, unwritten, pages)


def rejected_claim(tiff: Any, series: list[Any]) -> tuple[str, tuple[int, ...]] | None:
    """Return the axes and shape in a header that tifffile rejected, as planes are missing.

    None if there are none.
    """
    page = series[0].keyframe
    if len(series) > 1 or series[0].kind not in ("generic", "uniform", "shaped"):
        return None
    try:
        if page.shaped_description is not None:
            header = tifffile.tifffile.shaped_description_metadata(page.shaped_description)
            shape = tuple(int(size) for size in header["shape"])
            axes = str(header.get("axes", ""))
            axes = axes if len(axes) == len(shape) else "Q" * (len(shape) - page.ndim) + page.axes
        elif tiff.is_imagej:
            header = tiff.imagej_metadata or {}
            counts = [int(header.get(each, 1)) for each in ("frames", "slices", "channels")]
            counts = counts if prod(counts) > 1 else [1, int(header.get("images", 1)), 1]
            letters = zip("TZC", counts, strict=True)
            kept = [(letter, size) for letter, size in letters if size > 1]
            axes = "".join(letter for letter, _ in kept) + page.axes
            shape = (*(size for _, size in kept), *page.shape)
        else:
            return None
    except (KeyError, TypeError, ValueError):
        return None
    consistent = len(axes) == len(shape) and prod(shape) % max(page.size, 1) == 0
    return (axes, shape) if consistent and prod(shape) > series[0].size else None


def list_series(tiff: Any) -> list[Any]:
    """List the series of a file; if tifffile cannot, the pages like the first as one series.

    Raises
    ------
    ValueError
        If there is none.
    """
    try:
        series = list(tiff.series)
    except Exception as error:  # of any type: a page is damaged, or the metadata
        pages = _pages_like(tiff, tiff.pages.first)
        logging.getLogger("tifffile").error("series raised %r", error)
        page = pages[0]
        shape, axes = (len(pages), *page.shape), "I" + page.axes
        series = [
            tifffile.TiffPageSeries(pages, shape, page.dtype, axes, parent=tiff, kind="generic")
        ]
    if not series:
        raise ValueError("no image in it")
    return series


def _readable_pages(series: Any) -> list[Any]:
    """List the pages of a series, up to the first that is damaged."""
    found = []
    for index in range(len(series)):
        try:
            found.append(series[index])
        except Exception:  # of any type, as it is damaged
            break
    return found


def _pages_like(tiff: Any, first: Any) -> list[Any]:
    """List the pages of a file of the same shape and type as one, up to the first damaged."""
    tiff.pages.useframes = False
    found = []
    for index in range(len(tiff.pages)):
        try:
            page = tiff.pages[index]
            same = page.hash == first.hash
        except Exception:  # of any type, as it is damaged
            break
        if same:
            found.append(page)
    return found


def _is_complete(page: Any) -> bool:
    """Whether all strips or tiles of a page lie within its file."""
    if page is None:
        return False
    frame, size = page.keyframe, page.parent.filehandle.size
    offsets, counts = page.dataoffsets, page.databytecounts
    if frame.is_contiguous and len(offsets):
        return bool(offsets[0] and offsets[0] + frame.nbytes <= size)
    if len(offsets) < prod(frame.chunked) or len(offsets) != len(counts):
        return False
    segments = zip(offsets, counts, strict=True)
    return all(offset + count <= size for offset, count in segments)


def _count_unwritten(page: Any) -> int:
    """Count the strips or tiles of a page that were never written."""
    if page.keyframe.is_contiguous:
        return 0
    segments = zip(page.dataoffsets, page.databytecounts, strict=True)
    return sum(1 for offset, count in segments if not offset or not count)
