"""Reading TIFF files: the list of their images, and one of them with its metadata."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_n2s.core.errors import FileError
from napari_n2s.images.sources import Part
from napari_n2s.io.file_image import FileImage, ImageInfo
from napari_n2s.io.pixel_size import PixelSizes
from napari_n2s.io.tiff import metadata as tiff_metadata
from napari_n2s.io.tiff import validation
from napari_n2s.io.tiff.lazy import LazyTiff
from napari_n2s.io.tiff.photometric import read_pixel_tags
from napari_n2s.io.tiff.planes import Planes, find_planes, list_series, rejected_claim
from napari_n2s.io.tiff.segments import check_segment_sizes
from napari_n2s.io.tiff.vendors import read_vendor_metadata

AUXILIARY_NAMES = ("thumbnail", "label", "macro", "overview", "map")
"""Names that slide scanners give to small images of the slide."""


@dataclass(frozen=True)
class _OpenTiff:
    """An open file.

    Attributes
    ----------
    path : Path
    tiff : tifffile.TiffFile
    series : list of tifffile.TiffPageSeries
    root : Element or None
        Of the OME header.
    notes : tuple of str
        What is unusual about the file, one sentence each.
    errors : list of str
        Errors that tifffile has logged.
    """

    path: Path
    tiff: Any
    series: list[Any]
    root: Any
    notes: tuple[str, ...]
    errors: list[str]

    def auxiliary(self) -> list[bool]:
        """For each series, whether it is a thumbnail, label or overview of the first."""
        found = [_is_auxiliary(each, self.series[0]) for each in self.series]
        return [False] * len(found) if all(found) else found


def read_tiff(path: Path, series: int | None, level: int | None, large: int) -> FileImage:
    """Read an image of a TIFF file.

    Parameters
    ----------
    path : Path
    series, level : int, optional
        Index of the image in the file and of its resolution level.
    large : int
        Size in bytes above which the image is lazy.

    Raises
    ------
    FileError
        If there are several images and `series` is None, or the file claims the implausible.
    """
    with _open(path) as opened:
        index = _choose(opened, series)
        return _read(opened, index, level, large)


def list_tiff(path: Path) -> list[ImageInfo]:
    """List the images of a TIFF file."""
    with _open(path) as opened:
        found = []
        for index, auxiliary in enumerate(opened.auxiliary()):
            levels = opened.series[index].levels
            series = levels[0]
            axes, shape = series.axes.replace("I", "Q"), series.shape
            sizes: PixelSizes = {}
            try:
                file_image, planes = _describe(opened, index, series)
            except (FileError, ValueError) as error:
                notes: tuple[str, ...] = (f"It cannot be read: {error}",)
            else:
                axes, sizes = file_image.axes, file_image.pixel_sizes
                notes, shape = file_image.notes, planes.available_shape
            shapes = tuple(each.shape for each in levels)
            dtype = str(series.dtype)
            found.append(
                ImageInfo(series.name, axes, shape, dtype, sizes, shapes, notes, auxiliary)
            )
        return found


@contextmanager
def _open(path: Path) -> Iterator[_OpenTiff]:
    """Open a file after checking what its headers claim.

    Raises
    ------
    FileError
    """
    validation.check_ifd_chain(path)
    options = validation.open_options(path)
    with validation.collect_errors() as errors, tifffile.TiffFile(path, **options) as tiff:
        notes: list[str] = []
        root = tiff_metadata.ome_root(tiff, notes)
        if root is not None:
            validation.check_ome_header(path, root)
            if any(each.tag.endswith("}BinaryOnly") for each in root):
                notes.append(
                    "It is part of an image in several files, and another file holds the OME "
                    "header; only the planes in this one are read."
                )
        series = list_series(tiff)
        declared = 0 if root is None else sum(each.tag.endswith("}Image") for each in root)
        if declared > len(series) and series[0].kind == "ome":
            notes.append(
                f"Its header declares {declared} images, of which {len(series)} can be read; the "
                "others may be in files that are not in this folder."
            )
        levels = [level for each in series for level in each.levels]
        used = sum(level.size // max(level.keyframe.size, 1) for level in levels)
        unused = len(tiff.pages) - used
        single = not any(each.is_multifile for each in series)
        if single and unused > 0 and not errors and not rejected_claim(tiff, series):
            notes.append(
                f"{unused} of its {len(tiff.pages)} planes belong to no image by its header, and "
                "are left out."
            )
        yield _OpenTiff(path, tiff, series, root, tuple(notes), errors)


def _choose(opened: _OpenTiff, chosen: int | None) -> int:
    """Return the index of the image to read.

    Raises
    ------
    FileError
        If it does not exist, or is ambiguous.
    """
    count = len(opened.series)
    if chosen is not None:
        if not 0 <= chosen < count:
            raise FileError(
                f"{opened.path} has no image {chosen}; it holds {count}, counted from 0."
            )
        return chosen
    mains = [index for index, auxiliary in enumerate(opened.auxiliary()) if not auxiliary]
    if len(mains) > 1:
        shown = [_summary(index, opened.series[index]) for index in mains[:4]]
        more = f" and {len(mains) - 4} more" if len(mains) > 4 else ""
        raise FileError(
            f"{opened.path} holds {len(mains)} images ({', '.join(shown)}{more}); choose one with "
            "--series NUMBER."
        )
    return mains[0]


def _summary(index: int, series: Any) -> str:
    return f"{index}: {series.axes} {' x '.join(map(str, series.shape))}"


def _read(opened: _OpenTiff, index: int, level: int | None, large: int) -> FileImage:
    full = opened.series[index]
    if level is not None and not 0 <= level < len(full.levels):
        raise FileError(
            f"{opened.path} has no level {level}; its image has {len(full.levels)}, of which 0 is "
            "the full resolution."
        )
    series = full.levels[level or 0]
    file_image, planes = _describe(opened, index, series)
    box = planes.box
    size = prod(side.stop for side in box) * series.dtype.itemsize
    consistent = series.shape == planes.shape
    pages = [page for page in planes.pages or [series.keyframe] if page is not None]
    handles = {id(page.parent): page.parent.filehandle for page in pages}
    file_size = sum(handle.size for handle in handles.values())
    validation.check_compression(opened.path, size, file_size)
    check_segment_sizes(opened.path, pages)
    if size > large and consistent:
        image: Any = LazyTiff(opened.path, index, level or 0)
        image = Part(image, box) if planes.incomplete else image
        file_image = replace(file_image, axes=planes.axes.replace("I", "Q"))
    else:
        image = planes.read(series) if planes.incomplete or not consistent else series.asarray()
        image = np.asarray(image, image.dtype.newbyteorder("="))
        samples = file_image.axes.find("S")
        if len(image.shape) == len(file_image.axes) and samples >= 0 and image.shape[samples] == 1:
            image = image.squeeze(samples)  # a single sample is no colour
            file_image = replace(file_image, axes=file_image.axes.replace("S", ""))
    if len(image.shape) != len(file_image.axes) or 0 in image.shape:
        raise ValueError("the image does not have the shape that its header declares")
    notes = list(file_image.notes)
    if level is None and len(full.levels) > 1:
        notes.append(
            f"It holds {len(full.levels)} resolutions; the full one is read, --level NUMBER "
            "chooses another."
        )
    if others := [number for number in range(len(opened.series)) if number != index]:
        shown = ", ".join(_summary(number, opened.series[number]) for number in others[:3])
        more = " and others" if len(others) > 3 else ""
        notes.append(f"It holds other images too ({shown}{more}), which are left out.")
    file_image = replace(file_image, image=image, notes=tuple(notes))
    return tiff_metadata.scale_to_level(file_image, full, series)


def _describe(opened: _OpenTiff, index: int, series: Any) -> tuple[FileImage, Planes]:
    """Read the metadata of an image, without its pixels, and find its planes.

    Raises
    ------
    FileError
        If no plane can be read, or the values are no intensities.
    """
    tiff, notes = opened.tiff, list(opened.notes)
    claim = rejected_claim(tiff, opened.series)
    planes = find_planes(tiff, series, claim)
    notes += _notes_on(planes, opened)
    axes, page = planes.available_axes.replace("I", "Q"), series.keyframe
    tags = read_pixel_tags(opened.path, page, tiff.is_imagej, notes)
    if series.kind in ("ome", "mmstack") and opened.root is not None:
        count = len(opened.series)
        metadata = tiff_metadata.read_ome(opened.root, index, series.name, count, notes)
        return FileImage(None, axes, "ome", metadata, None, tags, tuple(notes)), planes
    resolution = tiff_metadata.read_resolution(page, notes)
    if tiff.is_imagej and (series.kind in ("imagej", "mmstack") or claim):
        metadata = tiff_metadata.read_imagej(tiff.imagej_metadata or {}, notes)
        if resolution is None:  # or pixels would be one unit wide
            for key in ("unit", "spacing"):
                metadata.pop(key, None)
        return FileImage(None, axes, "imagej", metadata, resolution, tags, tuple(notes)), planes
    if metadata := read_vendor_metadata(tiff, series, notes):
        return FileImage(None, axes, "ome", metadata, None, tags, tuple(notes)), planes
    return FileImage(None, axes, "plain", {}, resolution, tags, tuple(notes)), planes


def _notes_on(planes: Planes, opened: _OpenTiff) -> list[str]:
    """Report planes that are missing, and errors that tifffile has logged.

    Raises
    ------
    FileError
        If the first plane is missing.
    """
    if planes.after_gap and not planes.available:
        raise FileError(
            f"{opened.path} declares {planes.count} planes, of which the first is missing; put the "
            "other files of this image into the same folder."
        )
    if planes.available == 0:
        raise FileError(f"{opened.path} ends within its first plane; it is damaged or incomplete.")
    notes = []
    if planes.incomplete:
        read = prod(side.stop for side in planes.box[: planes.leading])
        existing = planes.available + planes.after_gap
        unused = existing - read
        more = f"; {unused} more without a place in it are left out" if unused else ""
        size = " x ".join(str(side.stop) for side in planes.box)
        first = "first is" if read == 1 else f"first {read} are"
        notes.append(
            f"Its header declares {planes.count} planes, of which {existing} exist; the {first} "
            f"read ({planes.axes} {size}){more}."
        )
    elif opened.errors and not opened.notes:
        read = "1 plane is" if planes.available == 1 else f"{planes.available} planes are"
        notes.append(f"A part of its header is damaged ({opened.errors[0]}); {read} read.")
    if planes.unwritten:
        notes.append(f"{planes.unwritten} strips or tiles were never written and are read as 0.")
    return notes


def _is_auxiliary(series: Any, first: Any) -> bool:
    """Whether an image is a thumbnail of another, or a small image of the slide or its label."""
    if series is first:
        return False
    small = series.size < first.size
    named = series.name.lower() in AUXILIARY_NAMES
    return small and (named or bool(series.keyframe.is_reduced) or series.kind == "lsm")
