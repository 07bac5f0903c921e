"""Checks of what a folder of zarr claims, before a library acts on it.

Metadata of a few bytes can claim an image of any size, a chunk of a few kilobytes can decompress to
gigabytes, and a chunk can be a pipe, reading which would never end.
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

MAX_METADATA = 2**26
"""Size in bytes up to which metadata is read."""
SMALL = 2**30
"""Size in bytes up to which an image may be larger than its folder by any factor."""
MAX_COMPRESSION = 1000
"""Highest compression ratio, missing chunks included, that is plausible for a recorded image."""
MAX_COUNTED = 2**16
"""Number of files up to which the size of a folder is measured; one with more is accepted."""
LARGE_CHUNK = 2**28
"""Size in bytes up to which a chunk may be larger than the image."""
DECOMPRESSORS: dict[str, Any] = {
    "zlib": zlib.decompressobj,
    "bz2": bz2.BZ2Decompressor,
    "lzma": lzma.LZMADecompressor,
}
"""Codecs whose chunks do not store their decompressed size."""
NUMBERS = "biufc"
"""Kinds of dtypes that are numbers: bool, integers, float, complex."""
CHUNK_OVERHEAD = 2**16
"""Bytes by which a chunk may exceed its pixels, for headers and incompressible data."""


class GuardedStore(LocalStore):
    """A zarr store that does not read a chunk that is no regular file or implausibly large.

    Attributes
    ----------
    chunk_size : int or None
        Size in bytes of a chunk's pixels, once it is known.
    codec : str
        Name of the compression codec, empty if unknown.
    """

    chunk_size: int | None = None
    codec: str = ""

    def expect(self, array: Any) -> None:
        """Expect chunks of one array from now on."""
        self.chunk_size = prod(array.shards or array.chunks) * np.dtype(array.dtype).itemsize
        compressors: tuple[Any, ...] = getattr(array, "compressors", ())
        single = len(compressors) == 1 and not array.shards
        self.codec = type(compressors[0]).__name__.lower().removesuffix("codec") if single else ""

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        """Read a file, or return None if it does not exist.

        Raises
        ------
        ValueError
            If it is a pipe or a device, or implausibly large.
        """
        try:
            status = (self.root / key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise ValueError(f"{key} is a pipe or a device, not a file")
        known = self.chunk_size is not None
        limit = (
            2 * self.chunk_size + CHUNK_OVERHEAD if self.chunk_size is not None else MAX_METADATA
        )
        if status.st_size > max(limit, MAX_METADATA):
            raise ValueError(f"{key} has {status.st_size} bytes, more than a chunk can have")
        buffer = await super().get(key, prototype, byte_range)
        if buffer is not None and known and byte_range is None:
            size = decompressed_size(self.codec, buffer.to_bytes(), limit)
            if size > limit:
                raise ValueError(
                    f"{key} decompresses to more than its {self.chunk_size} bytes of pixels"
                )
        return buffer


def decompressed_size(codec: str, data: bytes, limit: int) -> int:
    """Return the decompressed size of a chunk in bytes.

    Parameters
    ----------
    codec : str
        zarr's name of the codec.
    data : bytes
    limit : int
        Size in bytes at which decompression stops, where the chunk does not store its size.

    Returns
    -------
    int
        0 if the codec is unknown or the chunk damaged.
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
            return len(DECOMPRESSORS[codec]().decompress(data, limit + 1))
    except (IndexError, struct.error, zlib.error, OSError, EOFError, ValueError, lzma.LZMAError):
        return 0  # the codec will report it
    return 0


def _zstd_size(data: bytes) -> int:
    """Read the content size from the frame header (RFC 8878, section 3.1.1.1); 0 if absent."""
    descriptor = data[4]
    single, width = bool(descriptor & 0x20), (0, 2, 4, 8)[descriptor >> 6]
    if not width and not single:
        return 0
    offset = 5 + (not single) + (0, 1, 2, 4)[descriptor & 3]
    width = width or 1
    return int.from_bytes(data[offset : offset + width], "little") + (256 if width == 2 else 0)


def check_array(path: Path, array: Any) -> None:
    """Check that an array holds numbers, and is not implausibly larger than its folder.

    Parameters
    ----------
    path : Path
    array : zarr.Array

    Raises
    ------
    FileError
        If it is not so.
    """
    if np.dtype(array.dtype).kind not in NUMBERS:
        raise FileError(f"{path} holds values of type {array.dtype}, which are no intensities.")
    item = np.dtype(array.dtype).itemsize
    if min(array.shards or array.chunks, default=1) < 1:
        raise FileError(f"{path} stores its image in chunks without pixels; it is damaged.")
    size = prod(array.shape) * item
    chunk = prod(array.shards or array.chunks) * item
    if chunk > max(LARGE_CHUNK, 2 * size):
        raise FileError(
            f"{path} stores its image in chunks of {chunk / 1e9:.3g} GB, larger than the image; it "
            "is damaged."
        )
    if size <= SMALL:
        return
    files = (Path(folder, name) for folder, _, names in os.walk(path) for name in names)
    sizes = [each.lstat().st_size for each in islice(files, MAX_COUNTED)]
    if len(sizes) < MAX_COUNTED and size > MAX_COMPRESSION * sum(sizes):
        times = " x ".join(map(str, array.shape))
        raise FileError(
            f"{path} claims an image of {times} pixels but holds only {sum(sizes)} bytes; it is "
            "damaged or was never written."
        )
