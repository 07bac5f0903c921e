"""Checks of what a TIFF file claims, before a library acts on it.

A header of a few bytes can claim any number of pages of any size, for all of which tifffile would
allocate memory, or chain its image file directories (IFDs) in an endless loop.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element

from napari_n2s.core.errors import FileError

MAX_PLANES = 10**7
"""Planes that an OME header may claim; their offsets take 80 MB."""
MAX_TAGS = 4096
"""Tags of one IFD; tifffile has the same limit."""
MAX_COMPRESSION = 200
"""Highest compression ratio that is plausible for a recorded image."""
SMALL = 2**28
"""Size in bytes up to which an image may have any compression ratio."""
NDPI_TAG = 65420
"""Tag that identifies Hamamatsu's NDPI files."""
MAGIC = {b"II*\0": 42, b"MM\0*": 42, b"II+\0": 43, b"MM\0+": 43}
"""First bytes of TIFF (version 42) and BigTIFF (43)."""


def is_tiff(path: Path) -> bool:
    """Whether a file begins as TIFF does, whatever its suffix."""
    with path.open("rb") as file:
        return file.read(4) in MAGIC


@contextmanager
def collect_errors() -> Iterator[list[str]]:
    """Collect the errors that tifffile logs instead of raising, in place of printing them."""
    messages: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage().rpartition("> ")[2]
            text = re.sub(r"^[\w ]*raised \w+\(", "", " ".join(text.split()))
            messages.append(text.strip(".'\"() ")[:80])

    collector, logger = Collector(logging.ERROR), logging.getLogger("tifffile")
    propagated = logger.propagate
    logger.addHandler(collector)
    logger.propagate = False
    try:
        yield messages
    finally:
        logger.removeHandler(collector)
        logger.propagate = propagated


def check_regular_file(path: Path) -> None:
    """Check that a path is a regular file, not a pipe or device, reading which would never end.

    Raises
    ------
    FileError
        If it is not.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise FileError(f"{path} is a pipe or a device, not a file; save the image to a file.")


def open_options(path: Path) -> dict[str, bool]:
    """Return arguments of ``TiffFile`` so that a suffix .ndpi alone does not make a file NDPI."""
    if path.suffix.lower() != ".ndpi":
        return {}
    with path.open("rb") as file:
        try:
            (offset,) = struct.unpack("<4xI", file.read(8))
            file.seek(offset)
            (count,) = struct.unpack("<H", file.read(2))
            codes = struct.unpack("<" + count * "H10x", file.read(12 * count))
        except struct.error:
            codes = ()
    return {} if NDPI_TAG in codes else {"is_ndpi": False}


def check_ifd_chain(path: Path) -> None:
    """Check that the chain of image file directories (IFDs) is no loop.

    Raises
    ------
    FileError
        If it is.
    """
    with path.open("rb") as file:
        head = file.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = MAGIC[head[:4]] == 43
        try:
            (offset,) = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)
        except struct.error:
            return
        size, visited = os.fstat(file.fileno()).st_size, set()
        while 0 < offset < size:
            if offset in visited:
                raise FileError(f"{path} lists its pages in an endless loop; it is damaged.")
            visited.add(offset)
            offset = _next_ifd(file, offset, order, big)


def _next_ifd(file: BinaryIO, offset: int, order: str, big: bool) -> int:
    """Return the offset of the IFD after the one at an offset; 0 if there is none."""
    count_format, tag_size, next_format = ("Q", 20, "Q") if big else ("H", 12, "I")
    try:
        file.seek(offset)
        count_size = struct.calcsize(order + count_format)
        (count,) = struct.unpack(order + count_format, file.read(count_size))
        if count > MAX_TAGS:
            return 0
        file.seek(count * tag_size, os.SEEK_CUR)
        next_size = struct.calcsize(order + next_format)
        return int(struct.unpack(order + next_format, file.read(next_size))[0])
    except struct.error:
        return 0


def check_ome_header(path: Path, root: Element) -> None:
    """Check that an OME header claims a plausible number of planes, and no files but files.

    Raises
    ------
    FileError
        If it does not.
    """
    counts = []
    for element in root.iter():
        attributes = element.attrib
        name = element.tag.rpartition("}")[2]
        if name == "Pixels":
            count = 1
            for axis in "ZCT":
                count *= _count(attributes.get(f"Size{axis}"))
            counts.append(count)
        elif name == "TiffData":
            counts += [_count(attributes.get(each)) for each in ("PlaneCount", "NumPlanes", "IFD")]
        elif name.startswith("ModuloAlong"):
            span = _number(attributes.get("End", 0)) - _number(attributes.get("Start", 0))
            step = _number(attributes.get("Step", 1)) or 1e-9
            counts.append(int(min(abs(span / step), 1e18)))
        elif name == "UUID":
            _check_referenced_file(path, attributes.get("FileName", ""))
    if counts and max(counts) > MAX_PLANES:
        raise FileError(
            f"{path} claims {max(counts)} planes in its OME header, which is impossible; the "
            "header is damaged."
        )


def _check_referenced_file(path: Path, name: str) -> None:
    """Check that another file to which a header refers is missing or a regular file."""
    other = path.parent / name
    try:
        irregular = bool(name) and other.exists() and not other.is_file()
    except (OSError, ValueError):
        irregular = True
    if irregular or "\0" in name:
        raise FileError(f"{path} refers to {name!r} for a part of its image, which is no file.")


def _count(value: str | None) -> int:
    try:
        return abs(int(value or 1))
    except ValueError:  # tifffile rejects or ignores it
        return 1


def _number(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0


def check_compression(path: Path, image_size: int, file_size: int) -> None:
    """Check that the compression ratio of an image is plausible.

    Parameters
    ----------
    path : Path
    image_size : int
        Size of the image in bytes.
    file_size : int
        Size in bytes of its file or files.

    Raises
    ------
    FileError
        If it is not.
    """
    if image_size > SMALL and image_size > MAX_COMPRESSION * file_size:
        raise FileError(
            f"{path} has {file_size / 1e6:.3g} MB and claims to unpack to an image of "
            f"{image_size / 1e9:.3g} GB; it is damaged, or blank."
        )
