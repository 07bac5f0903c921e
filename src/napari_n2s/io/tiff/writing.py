"""Writing TIFF with the metadata of a source: in its format, or in one that can hold the image."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_n2s.io.file_image import FileImage
from napari_n2s.io.output_paths import atomic_path
from napari_n2s.io.pixel_size import to_imagej, to_ome, to_tiff_resolution

IMAGEJ_AXES = "TZCYXS"
"""The order of axes in ImageJ files."""
IMAGEJ_DTYPES = ("uint8", "uint16", "float32")
IMAGEJ_ONLY = {"mode", "min", "max", "Ranges", "LUTs", "Overlays", "ROI", "Properties"}
IMAGEJ_ONLY |= {"Info", "Labels"}
"""Metadata that only ImageJ files can hold."""
IMAGEJ_COUNTS: dict[str, Callable[[int, int], int]] = {
    "Labels": lambda planes, _: planes,
    "Ranges": lambda _, channels: 2 * channels,
}
"""Number of entries that ImageJ expects, by the numbers of planes and channels."""
FORMAT_NAMES = {"imagej": "ImageJ TIFF", "ome": "OME-TIFF", "plain": "plain TIFF"}


@dataclass(frozen=True)
class WriteOptions:
    """Arguments of tifffile for writing an image, tried out.

    Attributes
    ----------
    options : dict
        Arguments of ``tifffile.imwrite``.
    notes : tuple of str
        Metadata of the source that the file cannot hold, one sentence each.
    """

    options: dict[str, Any]
    notes: tuple[str, ...]


class MappedOutput:
    """A memory-mapped image that can be written to and closed.

    Parameters
    ----------
    image : numpy.memmap
    """

    def __init__(self, image: np.memmap[Any, Any]) -> None:
        self._image: np.memmap[Any, Any] | None = image
        self.shape, self.dtype, self.ndim = image.shape, image.dtype, image.ndim

    def __setitem__(self, index: Any, values: NDArray[np.generic]) -> None:
        """Write a part."""
        assert self._image is not None
        self._image[index] = values

    def close(self) -> None:
        """Flush and release the file, which cannot be renamed before on Windows."""
        assert self._image is not None
        self._image.flush()
        self._image = None


def choose_options(path: Path, dtype: np.dtype[Any], source: FileImage) -> WriteOptions:
    """Choose the TIFF format and metadata of an output, and try them on an image of 1 x 1 pixel.

    Parameters
    ----------
    path : Path
        A name that ends in .ome.tif selects OME.
    dtype : dtype
    source : FileImage
        Determines the shape, axes, pixel size and other metadata.
    """
    file_format = _choose_format(path, dtype, source)
    options, notes = _build_options(file_format, dtype, source)
    if not _can_write(options, dtype, source):
        options, _ = _build_options("plain", dtype, source, bare=True)
        notes = [f"{path.name} can only hold the axes and pixel size, no other metadata."]
        if not _can_write(options, dtype, source):
            options = {"metadata": None, "photometric": "minisblack"}
            notes = [f"{path.name} can hold neither the axes nor the pixel size."]
    return WriteOptions(options, tuple(notes))


def write_tiff(path: Path, image: NDArray[np.generic], options: WriteOptions) -> None:
    """Write an image as TIFF.

    Raises
    ------
    FileError
        If it cannot be written; no part of it is left then.
    """
    with atomic_path(path) as part:
        offset, size = tifffile.imwrite(part, image, returnoffset=True, **options.options)
        if part.stat().st_size < offset + size:
            raise OSError("not all was written")  # numpy may not report a full disk


@contextmanager
def map_tiff(
    path: Path, dtype: np.dtype[Any], source: FileImage, options: WriteOptions
) -> Iterator[MappedOutput]:
    """Yield a memory-mapped TIFF file to write an image to in parts.

    Raises
    ------
    FileError
        If it cannot be written; no part of it is left then.
    """
    with atomic_path(path) as part:
        image = tifffile.memmap(part, shape=source.image.shape, dtype=dtype, **options.options)
        if hasattr(os, "posix_fallocate"):  # fails now if the disk is full, not when written to
            with part.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, part.stat().st_size)
        out = MappedOutput(image)
        del image
        try:
            yield out
        finally:
            out.close()


def _choose_format(path: Path, dtype: np.dtype[Any], source: FileImage) -> str:
    """Return the TIFF format of the source if it can hold the image, or else another."""
    small = prod(source.image.shape) * dtype.itemsize < 2**32
    axes = source.axes
    named_ome = path.name.lower().endswith((".ome.tif", ".ome.tiff"))
    wanted = "ome" if named_ome else source.file_format
    imagej_order = axes == "".join(letter for letter in IMAGEJ_AXES if letter in axes)
    unique = len(set(axes)) == len(axes) and set(axes) <= set(IMAGEJ_AXES)
    ome_order = unique and axes.endswith(("YX", "YXS"))
    if wanted == "ome" and ome_order:
        return "ome"
    if wanted != "plain" and imagej_order and dtype.name in IMAGEJ_DTYPES and small:
        return "imagej"
    return "ome" if wanted != "plain" and ome_order else "plain"


def _build_options(
    file_format: str, dtype: np.dtype[Any], source: FileImage, bare: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments of tifffile, and notes on metadata that they leave out."""
    notes: list[str] = []
    if bare or file_format != source.file_format:
        converters = {"imagej": to_imagej, "ome": to_ome, "plain": to_tiff_resolution}
        options = converters[file_format](source.pixel_sizes)
        lost = sorted(({"Channel", "Plane"} | IMAGEJ_ONLY) & set(source.metadata))
        if lost and source.file_format != "zarr":
            notes.append(
                f"The result is written as {FORMAT_NAMES[file_format]}, which cannot hold the "
                f"source's {', '.join(lost)}."
            )
    else:
        options = _copied_metadata(source)
    options["metadata"]["axes"] = source.axes
    if file_format != "plain":
        options[file_format] = True
    tags = {} if bare else dict(source.tags)
    return options | _pixel_tags(file_format, dtype, source, tags, options["metadata"]), notes


def _copied_metadata(source: FileImage) -> dict[str, Any]:
    """Return the metadata of a file as arguments for writing it in the same format."""
    metadata = dict(source.metadata)
    axes, shape = source.axes, source.image.shape
    channels = shape[axes.index("C")] if "C" in axes else 1
    if source.file_format == "ome":
        entries = metadata.get("Channel", [])
        listed = isinstance(entries, list)
        count = len(entries) if listed else max(map(len, entries.values()), default=0)
        if count != channels:
            metadata.pop("Channel", None)
        if "Plane" in metadata:
            metadata["Plane"] = _ordered_planes(metadata["Plane"], source)
    else:
        planes = prod(size for axis, size in zip(axes, shape, strict=True) if axis in "TZC")
        labels = metadata.get("Labels")
        if isinstance(labels, list):
            metadata["Labels"] = labels[:planes]
        for key, expected in IMAGEJ_COUNTS.items():
            entries = metadata.get(key, ())
            if not isinstance(entries, str) and len(entries) != expected(planes, channels):
                metadata.pop(key, None)
    if "unit" in metadata:  # ImageJ metadata is ASCII, in which the micro sign is escaped
        metadata["unit"] = str(metadata["unit"]).replace("µ", "\\u00B5")
    options: dict[str, Any] = {"metadata": metadata}
    if source.resolution:
        options["resolution"], options["resolutionunit"] = source.resolution
    return options


def _ordered_planes(planes: list[dict[str, Any]], source: FileImage) -> list[dict[str, Any]]:
    """Sort the metadata of single OME planes into the order in which the planes are written."""
    by_index = {tuple(str(each[axis]) for axis in "TZC"): each for each in planes}
    leading = [axis for axis in source.axes if axis not in "YXS"]
    sizes = [source.image.shape[source.axes.index(axis)] for axis in leading]
    ordered = []
    for index in np.ndindex(*sizes):
        position = dict(zip(leading, index, strict=True))
        plane = by_index.get(tuple(str(position.get(axis, 0)) for axis in "TZC"), {})
        ordered.append({name: value for name, value in plane.items() if name not in "TZC"})
    return ordered


def _pixel_tags(
    file_format: str,
    dtype: np.dtype[Any],
    source: FileImage,
    tags: dict[str, Any],
    metadata: dict[str, Any],
) -> dict[str, Any]:
    """Return the tags that describe the pixels, as far as the dtype and format allow."""
    if description := tags.pop("description", ""):
        if file_format == "plain":
            tags["description"] = description.encode()
        elif file_format == "ome":
            metadata.setdefault("Description", description)
    palette, separate = tags.pop("colormap", None), source.axes.endswith("SYX")
    samples = source.image.shape[source.axes.index("S")] if "S" in source.axes else 1
    colour = samples > 1 and (separate or source.axes.endswith("S"))
    if not colour:
        for name in ("planarconfig", "extrasamples"):
            tags.pop(name, None)
        if tags.get("photometric") not in (None, "miniswhite"):
            del tags["photometric"]
        tags.setdefault("photometric", "minisblack")  # or three planes would be read as RGB
    elif "photometric" not in tags:
        tags["photometric"] = "rgb" if samples in (3, 4) else "minisblack"
    if colour:
        tags["planarconfig"] = "separate" if separate else "contig"
    if file_format == "imagej":
        for name in ("planarconfig", "extrasamples"):
            tags.pop(name, None)
        if tags.get("photometric") == "minisblack":
            del tags["photometric"]
    if palette is not None:
        if dtype.name in ("uint8", "uint16") and palette.shape[1] == 2 ** (8 * dtype.itemsize):
            tags |= {"photometric": "palette", "colormap": palette}
        elif file_format == "imagej" and palette.shape[1] == 256 and "LUTs" not in metadata:
            metadata["LUTs"] = [(palette >> 8).astype(np.uint8)]
    return tags


def _can_write(options: dict[str, Any], dtype: np.dtype[Any], source: FileImage) -> bool:
    """Whether tifffile accepts the options, tried on planes of 1 x 1 pixel."""
    pixel = {"Y": 1, "X": 1}
    shape = [pixel.get(axis, n) for axis, n in zip(source.axes, source.image.shape, strict=True)]
    try:
        metadata = options["metadata"] and dict(options["metadata"])
        tifffile.imwrite(BytesIO(), np.zeros(shape, dtype), **{**options, "metadata": metadata})
    except (MemoryError, OSError):
        return True  # reported when the image is written
    except Exception:  # of any type, as metadata of a file may be anything
        return False
    return True
