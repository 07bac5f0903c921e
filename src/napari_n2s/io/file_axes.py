"""The axes that a file names for its image, where the reader that opened it ignored them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import iterparse

import tifffile

from napari_n2s.io.tiff.validation import (
    check_ifd_chain,
    collect_errors,
    is_tiff,
    open_options,
)

AXIS_NAMES = {**{each: each.upper() for each in "tczyx"}, "time": "T", "channel": "C"}
"""Axis names in OME-Zarr: by the standard one letter; these words occur as well."""
ZARR_ATTRIBUTES = ("zarr.json", ".zattrs")
"""Files with the attributes of a zarr group, in zarr format 3 and 2."""

Stamp = tuple[tuple[int, int], ...]


def read_axes(path: Path, shape: tuple[int, ...]) -> str | None:
    """Read the axis letters of an image from its file.

    Parameters
    ----------
    path : Path
        A TIFF file (OME, ImageJ or any other that names its axes) or a folder of OME-Zarr.
    shape : tuple of int
        Shape of the image, which may be one of several in the file.

    Returns
    -------
    str or None
        One letter for each axis, Q where the file does not name it; None if it names none.
    """
    try:
        if path.is_file() and is_tiff(path):
            check_ifd_chain(path)
            with collect_errors(), tifffile.TiffFile(path, **open_options(path)) as tiff:
                # Stop at the first match: the elements after it describe every single plane.
                found = list(islice((axes for axes, size in _ome_axes(tiff) if size == shape), 1))
                # tiff.series visits every page, of which there may be many thousands.
                found = found or [each.axes for each in tiff.series if each.shape == shape]
        else:
            found = [axes for axes in _zarr_axes(path) if len(axes) == len(shape)]
    except Exception:  # readers raise exceptions of any type on damaged files
        return None
    letters = found[0].replace("I", "Q") if found else ""
    return letters if letters.count("Y") == letters.count("X") == 1 else None


def file_stamp(path: Path) -> Stamp:
    """Return modification time (ns) and size (bytes) of the files that name the axes."""
    found = []
    for each in (path, *(path / name for name in ZARR_ATTRIBUTES)):
        with suppress(OSError, ValueError):
            status = each.stat()
            found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)


def _ome_axes(tiff: tifffile.TiffFile) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield axes and shape of the images of an OME-TIFF, squeezed; none if it is in colour."""
    if not tiff.is_ome or tiff.pages.first.samplesperpixel > 1:
        return
    for _, element in iterparse(BytesIO(tiff.ome_metadata.encode()), events=("start",)):
        if element.tag.endswith("}Pixels"):
            pixels = element.attrib
            order = reversed(pixels["DimensionOrder"])
            sizes = {each: int(pixels[f"Size{each}"]) for each in order}
            kept = [each for each in sizes if sizes[each] > 1 or each in "YX"]
            yield "".join(kept), tuple(sizes[each] for each in kept)


def _zarr_axes(path: Path) -> list[str]:
    """List the axes of the images of an OME-Zarr group."""
    for name in ZARR_ATTRIBUTES:
        if (path / name).is_file():
            content: Any = json.loads((path / name).read_bytes())
            attributes = content.get("attributes", content)
            images = attributes.get("ome", attributes).get("multiscales", [])
            return [
                "".join(AXIS_NAMES.get(axis["name"], "Q") for axis in image["axes"])
                for image in images
            ]
    return []
