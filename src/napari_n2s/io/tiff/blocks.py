"""Blocks of a TIFF file that are images themselves, with a size of their own in their headers."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from napari_n2s.core.errors import FileError
from napari_n2s.io.tiff.guard import SMALL

FORMATS = {
    **dict.fromkeys((6, 7, 33007), ("JPEG",)),
    **dict.fromkeys((33003, 33004, 33005, 34712), ("JPEG2000",)),
    34933: ("PNG",),
    **dict.fromkeys((34927, 50001), ("WEBP",)),
}
"""What Pillow calls them, by TIFF's number of a compression."""
HEAD = 2**16
"""Bytes of a block in which its header lies."""
MOST = 10_000
"""Blocks of an image that are looked at."""


def require_size(path: Path, pages: Sequence[Any]) -> None:
    """Make sure that no block is far larger than the image or unpacks to more than its place.

    Raises
    ------
    FileError
        If one does: it may take any amount of memory, and only a corner of it would be read.
    """
    looked = 0
    for page in pages:
        frame = page.keyframe
        block = prod(frame.tile) if frame.is_tiled else 0
        if block > 4 * frame.size and block * frame.dtype.itemsize > SMALL:
            raise FileError(f"{path} has blocks that are larger than its image; it is damaged.")
        if frame.compression not in FORMATS or looked > MOST:
            return
        handle = page.parent.filehandle
        strip = frame.rowsperstrip, frame.imagewidth
        height, width = frame.tile[-2:] if frame.is_tiled else strip
        for at, count in zip(page.dataoffsets, page.databytecounts, strict=True):
            looked += 1
            with handle.lock:
                handle.seek(at)
                head = handle.read(min(count, HEAD))
            size = _size(head, FORMATS[frame.compression])
            if size and prod(size) > 2 * height * width:
                raise FileError(
                    f"{path} has a block of {height} x {width} pixels that unpacks to "
                    f"{size[1]} x {size[0]}; it is damaged."
                )


def _size(head: bytes, formats: tuple[str, ...]) -> tuple[int, int] | None:
    """Read the size of an image off its first bytes; None if it does not say."""
    most, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with Image.open(BytesIO(head), formats=formats) as image:
            return image.size
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return None
    finally:
        Image.MAX_IMAGE_PIXELS = most
