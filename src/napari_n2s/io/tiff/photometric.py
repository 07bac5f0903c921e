"""The meaning of TIFF pixel values, by their tags: intensities, colours or palette indices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import PHOTOMETRIC

from napari_n2s.core.errors import FileError
from napari_n2s.io.tiff.metadata import parse_number, read_colormap

XPOSITION, YPOSITION, DATETIME, MAKE, MODEL, ORIENTATION = 286, 287, 306, 271, 272, 274
"""Codes of tags."""
JPEG_COMPRESSIONS = (6, 7, 34892, 33007)
"""Compressions for which tifffile converts YCbCr to RGB."""
MAX_LENGTH = 10_000
"""Characters of a text tag that are copied."""
METADATA_FORMATS = {"imagej", "ome", "shaped"}
KNOWN_FLAGS = METADATA_FORMATS | {"multipage", "volumetric", "virtual", "frame", "subifd", "mrc"}
"""tifffile's flags of a page that do not stand for a vendor's format."""
LUMA = (0.299, 0.587, 0.114)
"""Luminance of red, green and blue (ITU-R BT.601)."""
LUMA_TOLERANCE = 0.02
"""Fraction of its luminance range by which a monotonic palette may fall between neighbours."""
UNSUPPORTED = {
    PHOTOMETRIC.YCBCR: "colours as YCbCr",
    PHOTOMETRIC.CIELAB: "colours as CIE L*a*b*",
    PHOTOMETRIC.ICCLAB: "colours as ICC L*a*b*",
    PHOTOMETRIC.ITULAB: "colours as ITU L*a*b*",
    PHOTOMETRIC.LOGLUV: "colours as LogLuv",
    PHOTOMETRIC.LOGL: "logarithms of luminance",
    PHOTOMETRIC.CFA: "the raw Bayer mosaic of a colour camera, whose neighbours differ in colour",
}
"""Photometric interpretations whose values are no intensities."""


def read_pixel_tags(path: Path, page: Any, imagej: bool, notes: list[str]) -> dict[str, Any]:
    """Return the tags that describe the pixels of a page, as arguments of ``tifffile.imwrite``.

    Parameters
    ----------
    path : Path
    page : tifffile.TiffPage
    imagej : bool
        Whether it is an ImageJ file, where a palette is a lookup table for display.
    notes : list of str
        Gets a sentence for what a result cannot hold.

    Raises
    ------
    FileError
        If the values are no intensities, so that averaging them is meaningless.
    """
    tags: dict[str, Any] = {}
    photometric = page.photometric
    if photometric == PHOTOMETRIC.YCBCR and page.compression in JPEG_COMPRESSIONS:
        photometric = PHOTOMETRIC.RGB
    if photometric in UNSUPPORTED:
        raise FileError(
            f"{path} holds {UNSUPPORTED[photometric]}; convert it to grey or RGB, in ImageJ with "
            "Image > Type."
        )
    if photometric == PHOTOMETRIC.PALETTE:
        tags |= _read_palette(path, page, imagej, notes)
    elif photometric in (PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.SEPARATED):
        tags["photometric"] = PHOTOMETRIC(photometric).name.lower()
    elif photometric == PHOTOMETRIC.RGB:
        tags["photometric"] = "rgb"
    if page.samplesperpixel > 1 and page.planarconfig in (1, 2):
        tags["planarconfig"] = ("contig", "separate")[page.planarconfig - 1]
        extra = tuple(int(each) for each in page.extrasamples or () if each in (0, 1, 2))
        if extra:
            tags["extrasamples"] = extra
    vendors = sorted(page.flags - KNOWN_FLAGS)
    if vendors:
        notes.append(f"A result cannot hold its other vendor metadata ({', '.join(vendors)}).")
    elif not page.flags & METADATA_FORMATS and 0 < len(page.description) <= MAX_LENGTH:
        tags["description"] = page.description
    elif page.description not in ("", page.shaped_description) and page.is_shaped:
        tags["description"] = page.description[:MAX_LENGTH]
    return tags | _read_acquisition(page)


def _read_palette(path: Path, page: Any, imagej: bool, notes: list[str]) -> dict[str, Any]:
    """Return a palette that displays intensities.

    Raises
    ------
    FileError
        If the values are indices of arbitrary colours.
    """
    table = read_colormap(page)
    if table is None:
        notes.append("It has no usable palette; its values are read as shades of grey.")
        return {}
    if not imagej and not _is_monotonic(table):
        raise FileError(
            f"{path} holds indices of colours in a palette, which are no intensities; convert it "
            "to grey or RGB, in ImageJ with Image > Type."
        )
    grey = (table[0] == table[1]).all() and (table[0] == table[2]).all()
    if not grey:
        notes.append(
            "It is displayed with a palette; its values are denoised, and the palette is kept if "
            "the result can hold it."
        )
    return {"colormap": table}


def _is_monotonic(table: NDArray[np.uint16]) -> bool:
    """Whether luminance rises, or falls, from each colour of a palette to the next."""
    luminance = np.asarray(LUMA) @ table.astype(np.float64)
    span = np.ptp(luminance)
    steps = np.diff(luminance)
    tolerance = LUMA_TOLERANCE * span
    return bool(span > 0 and (steps.min() > -tolerance or steps.max() < tolerance))


def _read_acquisition(page: Any) -> dict[str, Any]:
    """Return date, stage position, camera and orientation."""
    tags: dict[str, Any] = {}
    date = page.tags.get(DATETIME)
    if date is not None and isinstance(date.value, str) and len(date.value) == 19:
        tags["datetime"] = date.value if date.value.isascii() else None
    extra: list[tuple[Any, ...]] = []
    for code in (XPOSITION, YPOSITION):
        tag = page.tags.get(code)
        if tag is not None and isinstance(tag.value, tuple) and parse_number(tag.value) is not None:
            extra.append((code, "2I", 1, tag.value, True))
    for code in (MAKE, MODEL):
        tag = page.tags.get(code)
        if tag is not None and isinstance(tag.value, str) and tag.value.isascii():
            extra.append((code, "s", 0, tag.value[:MAX_LENGTH], True))
    tag = page.tags.get(ORIENTATION)
    if tag is not None and tag.value in range(2, 9):
        extra.append((ORIENTATION, "H", 1, int(tag.value), False))
    if extra:
        tags["extratags"] = extra
    return {name: value for name, value in tags.items() if value is not None}
