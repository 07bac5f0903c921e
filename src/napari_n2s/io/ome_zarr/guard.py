"""What a folder of zarr claims, checked before a library acts on it.

A header of a few bytes may claim an image of any size, and a chunk of a few kilobytes may inflate
to gigabytes; a chunk may be a pipe, which never ends.
"""

from __future__ import annotations

import bz2
import lzma
import os
import stat
import struct
import zlib
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from zarr.storage import LocalStore

from napari_n2s.core.errors import FileError

LONGEST_HEADER = 2**26
"""Bytes of metadata that are read."""
SMALL = 2**30
"""Bytes that an image may claim whatever lies in its folder."""
BLANK = 1000
"""How many times smaller than itself a large image can be that somebody has recorded."""
COUNTED = 2**16
"""Files that are counted before a folder is taken for as large as it says."""
LARGE_CHUNK = 2**28
"""Bytes that a chunk may take even where the image is smaller."""
BOUNDED: dict[str, Any] = {
    "zlib": zlib.decompressobj,
    "bz2": bz2.BZ2Decompressor,
    "lzma": lzma.LZMADecompressor,
}
"""Codecs whose chunks do not say how large they become."""
SLACK = 2**16
"""Bytes by which a chunk may exceed its pixels, for headers and what could not be compressed."""


class GuardedStore(LocalStore):
    """A folder of zarr of which no chunk is read that is no file or larger than it can be.

    Attributes
    ----------
    most : int or None
        Bytes of a chunk's pixels, once they are known.
    codec : str
        How chunks are compressed, empty where that is not known.
    """

    most: int | None = None
    codec: str = ""

    def limit(self, array: Any) -> None:
        """Read chunks of one array from now on."""
        self.most = prod(array.shards or array.chunks) * np.dtype(array.dtype).itemsize
        compressors: tuple[Any, ...] = getattr(array, "compressors", ())
        one = len(compressors) == 1 and not array.shards
        self.codec = type(compressors[0]).__name__.lower().removesuffix("codec") if one else ""

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        """Read a file, as far as that is safe.

        Raises
        ------
        ValueError
        """
        try:
            about = (self.root / key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):
            raise ValueError(f"{key} is a pipe or a device and no file")
        limit = LONGEST_HEADER if self.most is None else 2 * self.most + SLACK
        if about.st_size > max(limit, LONGEST_HEADER):
            raise ValueError(f"{key} has {about.st_size} bytes, more than it can need")
        buffer = await super().get(key, prototype, byte_range)
        if buffer is not None and self.most is not None and byte_range is None:
            inflated = inflated_size(self.codec, buffer.to_bytes(), limit)
            if inflated > limit:
                raise ValueError(f"{key} inflates to more than its {self.most} bytes of pixels")
        return buffer


def inflated_size(codec: str, data: bytes, most: int) -> int:
    """Tell how many bytes a chunk inflates to, or one more than `most` where they are more.

    Parameters
    ----------
    codec : str
        What zarr calls it; of one that is not known, 0.
    data : bytes
    most : int
    """
    try:
        if codec == "blosc":
            return int(struct.unpack_from("<I", data, 4)[0])
        if codec == "lz4":
            return int(struct.unpack_from("<I", data)[0])
        if codec in ("gzip", "gz"):
            return int(struct.unpack_from("<I", data, len(data) - 4)[0])
        if codec == "zstd":
            return _zstd_size(data)
        if codec in ("zlib", "bz2", "lzma"):
            return len(BOUNDED[codec]().decompress(data, most + 1))
    except (IndexError, struct.error, zlib.error, OSError, EOFError, ValueError, lzma.LZMAError):
        return 0  # the codec itself will say what is wrong with it
    return 0


def _zstd_size(data: bytes) -> int:
    """Read the size in the header of a frame (RFC 8878, section 3.1.1.1); 0 if it does not say."""
    descriptor = data[4]
    single, width = bool(descriptor & 0x20), (0, 2, 4, 8)[descriptor >> 6]
    if not width and not single:
        return 0
    at = 5 + (not single) + (0, 1, 2, 4)[descriptor & 3]
    width = width or 1
    return int.from_bytes(data[at : at + width], "little") + (256 if width == 2 else 0)


def require_plausible(path: Path, array: Any) -> None:
    """Make sure that an array is not larger than what lies in its folder can be.

    Raises
    ------
    FileError
    """
    item = np.dtype(array.dtype).itemsize
    if min(array.shards or array.chunks, default=1) < 1:
        raise FileError(f"{path} stores its image in pieces without pixels; it is damaged.")
    size = prod(array.shape) * item
    chunk = prod(array.shards or array.chunks) * item
    if chunk > max(LARGE_CHUNK, 2 * size):
        raise FileError(
            f"{path} stores its image in pieces of {chunk / 1e9:.3g} GB, larger than the image; it "
            "is damaged."
        )
    if size <= SMALL:
        return
    files = [
        Path(folder, name).lstat().st_size
        for folder, name in islice(
            ((folder, name) for folder, _, names in os.walk(path) for name in names), COUNTED
        )
    ]
    if len(files) < COUNTED and size > BLANK * sum(files):
        times = " x ".join(map(str, array.shape))
        raise FileError(
            f"{path} claims an image of {times} pixels and holds {sum(files)} bytes, too few for "
            "it; it is damaged or was never written."
        )
