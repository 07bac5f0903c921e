"""What the numbers in a TIFF file mean: shades, colours, or the numbers of colours in a palette."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import PHOTOMETRIC

from napari_n2s.core.errors import FileError
from napari_n2s.io.tiff.metadata import colours, number

XPOSITION, YPOSITION, DATETIME, MAKER, MODEL, ORIENTATION = 286, 287, 306, 271, 272, 274
JPEG = (6, 7, 34892, 33007)
"""Compressions of which colours come back as RGB."""
LONGEST = 10_000
"""Characters of a tag that is kept."""
DIALECTS = {"imagej", "ome", "shaped"}
KNOWN = DIALECTS | {"multipage", "volumetric", "virtual", "frame", "subifd", "mrc"}
"""What tifffile finds in pages that are of no maker's own kind."""
LUMA = (0.299, 0.587, 0.114)
"""How bright red, green and blue are (ITU-R BT.601)."""
STEP = 0.02
"""By how much of its span a palette may fall in brightness and still count as shades."""
NO_SHADES = {
    PHOTOMETRIC.YCBCR: "colours as YCbCr",
    PHOTOMETRIC.CIELAB: "colours as CIE L*a*b*",
    PHOTOMETRIC.ICCLAB: "colours as ICC L*a*b*",
    PHOTOMETRIC.ITULAB: "colours as ITU L*a*b*",
    PHOTOMETRIC.LOGLUV: "colours as LogLuv",
    PHOTOMETRIC.LOGL: "logarithms of brightness",
    PHOTOMETRIC.CFA: "the raw mosaic of a colour camera, in which neighbours differ in colour",
}


def kept_tags(path: Path, page: Any, imagej: bool, notes: list[str]) -> dict[str, Any]:
    """Gather what a page says of its pixels, as arguments of tifffile for writing it again.

    Raises
    ------
    FileError
        If the numbers are no shades of something, so that their mean means nothing.
    """
    kept: dict[str, Any] = {}
    photometric = page.photometric
    if photometric == PHOTOMETRIC.YCBCR and page.compression in JPEG:
        photometric = PHOTOMETRIC.RGB
    if photometric in NO_SHADES:
        raise FileError(
            f"{path} holds {NO_SHADES[photometric]}; convert it to grey or RGB, as in ImageJ with "
            "Image > Type."
        )
    if photometric == PHOTOMETRIC.PALETTE:
        kept |= _palette(path, page, imagej, notes)
    elif photometric in (PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.SEPARATED):
        kept["photometric"] = PHOTOMETRIC(photometric).name.lower()
    elif photometric == PHOTOMETRIC.RGB:
        kept["photometric"] = "rgb"
    if page.samplesperpixel > 1 and page.planarconfig in (1, 2):
        kept["planarconfig"] = ("contig", "separate")[page.planarconfig - 1]
        extra = tuple(int(each) for each in page.extrasamples or () if each in (0, 1, 2))
        if extra:
            kept["extrasamples"] = extra
    makers = sorted(page.flags - KNOWN)
    if makers:
        notes.append(
            f"What else its maker wrote into it ({', '.join(makers)}) has no place in a result."
        )
    elif not page.flags & DIALECTS and 0 < len(page.description) <= LONGEST:
        kept["description"] = page.description
    elif page.description not in ("", page.shaped_description) and page.is_shaped:
        kept["description"] = page.description[:LONGEST]
    return kept | _place_and_time(page)


def _palette(path: Path, page: Any, imagej: bool, notes: list[str]) -> dict[str, Any]:
    """Keep a palette that colours shades; refuse one whose numbers only name colours."""
    table = colours(page)
    if table is None:
        notes.append("It has no usable palette; its numbers are taken for shades of grey.")
        return {}
    if not imagej and not _is_ordered(table, page):
        raise FileError(
            f"{path} holds numbers of colours in a palette, which are no intensities; convert it "
            "to grey or RGB, as in ImageJ with Image > Type."
        )
    grey = (table[0] == table[1]).all() and (table[0] == table[2]).all()
    if not grey:
        notes.append(
            "It is coloured by a palette; the numbers are denoised, and the palette is kept where "
            "the result has a place for it."
        )
    return {"colormap": table}


def _is_ordered(table: NDArray[np.uint16], page: Any) -> bool:
    """Whether the colours of a palette get brighter, or darker, from one number to the next."""
    brightness = np.asarray(LUMA) @ table.astype(np.float64)
    span = np.ptp(brightness)
    steps = np.diff(brightness)
    return bool(span > 0 and (steps.min() > -STEP * span or steps.max() < STEP * span))


def _place_and_time(page: Any) -> dict[str, Any]:
    """Keep where on the stage and when an image was taken, and with what."""
    kept: dict[str, Any] = {}
    moment = page.tags.get(DATETIME)
    if moment is not None and isinstance(moment.value, str) and len(moment.value) == 19:
        kept["datetime"] = moment.value if moment.value.isascii() else None
    extra: list[tuple[Any, ...]] = []
    for code in (XPOSITION, YPOSITION):
        tag = page.tags.get(code)
        if tag is not None and isinstance(tag.value, tuple) and number(tag.value) is not None:
            extra.append((code, "2I", 1, tag.value, True))
    for code in (MAKER, MODEL):
        tag = page.tags.get(code)
        if tag is not None and isinstance(tag.value, str) and tag.value.isascii():
            extra.append((code, "s", 0, tag.value[:LONGEST], True))
    tag = page.tags.get(ORIENTATION)
    if tag is not None and tag.value in range(2, 9):
        extra.append((ORIENTATION, "H", 1, int(tag.value), False))
    if extra:
        kept["extratags"] = extra
    return {name: value for name, value in kept.items() if value is not None}
