"""Strips and tiles of a TIFF file that are images with a header of their own, as JPEG and PNG."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from napari_n2s.core.errors import FileError
from napari_n2s.io.tiff.validation import SMALL

PILLOW_FORMATS = {
    **dict.fromkeys((6, 7, 33007), ("JPEG",)),
    **dict.fromkeys((33003, 33004, 33005, 34712), ("JPEG2000",)),
    34933: ("PNG",),
    **dict.fromkeys((34927, 50001), ("WEBP",)),
}
"""Pillow's name of a format, by TIFF's Compression tag."""
HEADER_BYTES = 2**16
"""Number of bytes at the beginning of a segment that contain its header."""
MAX_CHECKED = 10_000
"""Number of segments of an image that are checked."""


def check_segment_sizes(path: Path, pages: Sequence[Any]) -> None:
    """Check that no strip or tile is far larger than the image or unpacks to more than its area.

    Such a segment can take any amount of memory, although only a corner of it would be used.

    Parameters
    ----------
    path : Path
    pages : sequence of tifffile.TiffPage or TiffFrame

    Raises
    ------
    FileError
        If one is.
    """
    checked = 0
    for page in pages:
        frame = page.keyframe
        pixels = prod(frame.tile) if frame.is_tiled else 0
        if pixels > 4 * frame.size and pixels * frame.dtype.itemsize > SMALL:
            raise FileError(f"{path} has tiles that are larger than its image; it is damaged.")
        if frame.compression not in PILLOW_FORMATS or checked > MAX_CHECKED:
            return
        handle = page.parent.filehandle
        strip = frame.rowsperstrip, frame.imagewidth
        height, width = frame.tile[-2:] if frame.is_tiled else strip
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
            checked += 1
            with handle.lock:
                handle.seek(offset)
                header = handle.read(min(count, HEADER_BYTES))
            size = _size(header, PILLOW_FORMATS[frame.compression])
            if size and prod(size) > 2 * height * width:
                raise FileError(
                    f"{path} has a strip or tile of {height} x {width} pixels that unpacks to "
                    f"{size[1]} x {size[0]}; it is damaged."
                )


def _size(header: bytes, formats: tuple[str, ...]) -> tuple[int, int] | None:
    """Read width and height from the first bytes of an image; None if they cannot be read."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with Image.open(BytesIO(header), formats=formats) as image:
            return image.size
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return None
    finally:
        Image.MAX_IMAGE_PIXELS = limit
