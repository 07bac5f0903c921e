"""What a file says of the axes of the image in it, where whoever opened it did not listen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import iterparse

import tifffile

from napari_n2s.io.tiff.guard import flags, is_tiff, listening, require_end

NAMES = {**{each: each.upper() for each in "tczyx"}, "time": "T", "channel": "C"}
"""What axes of OME-Zarr are called: one letter by the standard; these words are found as well."""
METADATA = ("zarr.json", ".zattrs")
"""Where a zarr group says what it holds, in its third and in its second format."""


def read_axes(path: Path, shape: tuple[int, ...]) -> str | None:
    """Read the letters of an image's axes off its file.

    Parameters
    ----------
    path : Path
        A TIFF file (OME, ImageJ or any other that names its axes) or a folder of OME-Zarr.
    shape : tuple of int
        That of the image, which may be one of several in the file.

    Returns
    -------
    str or None
        One letter for each axis, Q where the file has no name for it; None if it does not say.
    """
    try:
        if path.is_file() and is_tiff(path):
            require_end(path)
            with listening(), tifffile.TiffFile(path, **flags(path)) as tiff:
                # The first that fits: what is told of every single plane comes after it.
                found = list(islice((axes for axes, size in _of_ome(tiff) if size == shape), 1))
                # To list its series tifffile visits every page, and there may be many thousands.
                found = found or [each.axes for each in tiff.series if each.shape == shape]
        else:
            found = [axes for axes in _of_zarr(path) if len(axes) == len(shape)]
    except Exception:  # readers raise errors of every type on damaged files
        return None
    letters = found[0].replace("I", "Q") if found else ""
    return letters if letters.count("Y") == letters.count("X") == 1 else None


def _of_ome(tiff: tifffile.TiffFile) -> Iterator[tuple[str, tuple[int, ...]]]:
    """List axes and shapes of the images of an OME-TIFF, without axes of one entry and colours."""
    if not tiff.is_ome or tiff.pages.first.samplesperpixel > 1:
        return
    for _, element in iterparse(BytesIO(tiff.ome_metadata.encode()), events=("start",)):
        if element.tag.endswith("}Pixels"):
            said = element.attrib
            sizes = {each: int(said[f"Size{each}"]) for each in reversed(said["DimensionOrder"])}
            kept = [each for each in sizes if sizes[each] > 1 or each in "YX"]
            yield "".join(kept), tuple(sizes[each] for each in kept)


def _of_zarr(path: Path) -> list[str]:
    """List the axes of the images of a group."""
    for name in METADATA:
        if (path / name).is_file():
            about: Any = json.loads((path / name).read_bytes())
            about = about.get("attributes", about)
            images = about.get("ome", about).get("multiscales", [])
            return ["".join(NAMES.get(each["name"], "Q") for each in one["axes"]) for one in images]
    return []
