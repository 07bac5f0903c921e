"""What a TIFF file claims, checked before a library acts on it.

A header of a few bytes may claim any number of pictures, of any size: tifffile makes a list of all
of them, or follows a chain of directories that ends where it began.
"""

from __future__ import annotations

import logging
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element

from napari_n2s.core.errors import FileError

MOST_PLANES = 10**7
"""Pictures that a header may claim: 80 MB of pointers."""
MOST_TAGS = 4096
"""Tags of one directory: tifffile refuses more as well."""
BLANK = 200
"""How many times smaller than itself an image can be compressed that somebody has recorded."""
SMALL = 2**28
"""Bytes that an image may take whatever the size of its file."""
NDPI = 65420
"""The tag by which Hamamatsu's files are known."""
MAGIC = {b"II*\0": 42, b"MM\0*": 42, b"II+\0": 43, b"MM\0+": 43}
"""The first bytes of a TIFF file, and of a BigTIFF file."""


def is_tiff(path: Path) -> bool:
    """Whether the first bytes of a file are those of TIFF, whatever it is called."""
    with path.open("rb") as file:
        return file.read(4) in MAGIC


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collect the errors that tifffile only logs; it goes on with what is readable."""
    heard: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage().rpartition("> ")[2]
            heard.append(" ".join(text.split())[:80].rstrip("."))

    listener, logger = Listener(logging.ERROR), logging.getLogger("tifffile")
    before = logger.propagate
    logger.addHandler(listener)
    logger.propagate = False
    try:
        yield heard
    finally:
        logger.removeHandler(listener)
        logger.propagate = before


def require_file(path: Path) -> None:
    """Make sure that something is a file, and no pipe or device, which would never end.

    Raises
    ------
    FileError
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise FileError(f"{path} is a pipe or a device and no file; save the image to a file.")


def flags(path: Path) -> dict[str, bool]:
    """Tell tifffile not to take a file for NDPI only because it is called so."""
    if path.suffix.lower() != ".ndpi":
        return {}
    with path.open("rb") as file:
        try:
            (at,) = struct.unpack("<4xI", file.read(8))
            file.seek(at)
            (count,) = struct.unpack("<H", file.read(2))
            codes = struct.unpack("<" + count * "H10x", file.read(12 * count))
        except struct.error:
            codes = ()
    return {} if NDPI in codes else {"is_ndpi": False}


def require_end(path: Path) -> None:
    """Make sure that the chain of directories, one for each picture, does not run in a circle.

    Raises
    ------
    FileError
    """
    with path.open("rb") as file:
        head = file.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = MAGIC[head[:4]] == 43
        try:
            (at,) = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)
        except struct.error:
            return
        size, seen = os.fstat(file.fileno()).st_size, set()
        while 0 < at < size:
            if at in seen:
                raise FileError(
                    f"{path} lists its pictures in a circle that has no end; it is damaged."
                )
            seen.add(at)
            at = _next(file, at, order, big)


def _next(file: BinaryIO, at: int, order: str, big: bool) -> int:
    """Give the place of the directory after the one at a place; 0 if there is none."""
    count_form, tag, next_form = ("Q", 20, "Q") if big else ("H", 12, "I")
    wide = struct.calcsize(order + next_form)
    try:
        file.seek(at)
        (count,) = struct.unpack(order + count_form, file.read(struct.calcsize(count_form)))
        if count > MOST_TAGS:
            return 0
        file.seek(count * tag, os.SEEK_CUR)
        return int(struct.unpack(order + next_form, file.read(wide))[0])
    except struct.error:
        return 0


def require_few_planes(path: Path, root: Element) -> None:
    """Make sure that an OME header claims no more pictures than can be listed.

    Raises
    ------
    FileError
    """
    counts = []
    for element in root.iter():
        said = element.attrib
        name = element.tag.rpartition("}")[2]
        if name == "Pixels":
            count = 1
            for axis in "ZCT":
                count *= _count(said.get(f"Size{axis}"))
            counts.append(count)
        elif name == "TiffData":
            counts += [_count(said.get(each)) for each in ("PlaneCount", "NumPlanes", "IFD")]
        elif name.startswith("ModuloAlong"):
            span = _number(said.get("End", 0)) - _number(said.get("Start", 0))
            counts.append(int(min(abs(span / (_number(said.get("Step", 1)) or 1e-9)), 1e18)))
        elif name == "UUID":
            _require_sibling(path, said.get("FileName", ""))
    if counts and max(counts) > MOST_PLANES:
        raise FileError(
            f"{path} claims in its OME header to hold {max(counts)} pictures, which cannot be; "
            "the header is damaged."
        )


def _require_sibling(path: Path, name: str) -> None:
    """Make sure that another file to which a header refers is a file."""
    other = path.parent / name
    try:
        odd = bool(name) and other.exists() and not other.is_file()
    except (OSError, ValueError):
        odd = True
    if odd or "\0" in name:
        raise FileError(f"{path} says that a part of it lies in {name!r}, which is no file.")


def _count(value: str | None) -> int:
    try:
        return abs(int(value or 1))
    except ValueError:  # tifffile refuses that, or does not look at it
        return 1


def _number(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0


def require_plausible(path: Path, size: int, there: int) -> None:
    """Make sure that an image can have been recorded that unpacks to so many bytes.

    Parameters
    ----------
    path : Path
    size : int
        Bytes of the image.
    there : int
        Bytes of its file, or files.

    Raises
    ------
    FileError
    """
    if size > SMALL and size > BLANK * there:
        raise FileError(
            f"{path} has {there / 1e6:.3g} MB and claims to unpack to an image of "
            f"{size / 1e9:.3g} GB; it is damaged, or blank all over."
        )
