"""Kinds of files to mutate: how sound ones are written, and how one is damaged.

A kind is added to KINDS: `seeds` writes sound files (or folders) into a folder and lists them, and
`mutate` damages one of them in place, drawing all its choices from the generator it is given.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

import tifffile

INTERESTING = (0, 1, 2, 7, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1)
"""Numbers at the ends of what a field can hold."""
WORDS = (b"NaN", b"-1", b"1e999", b"0,65", b"4294967296", b"", b"\xff\xfe", b"1000000000", b"None")
"""What to put where a number stood in a text."""


@dataclass(frozen=True)
class Kind:
    """A kind of files.

    Attributes
    ----------
    seeds : callable
        Writes sound files into a folder and lists their paths.
    mutate : callable
        Damages one of them.
    use : callable, optional
        What is done with it, if it is not read and written as an image.
    """

    seeds: Callable[[Path], list[Path]]
    mutate: Callable[[Path, Random], None]
    use: Callable[[Path], None] | None = None


def damage_bytes(path: Path, rng: Random) -> None:
    """Cut a file off, or change, insert, remove or repeat some of its bytes."""
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at, size = rng.randrange(max(len(data), 1)), rng.choice((1, 2, 4, 16, 100))
        how = rng.randrange(6)
        if how == 0:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif how == 1:
            data[at : at + size] = rng.randbytes(size)
        elif how == 2:
            del data[at : at + size]
        elif how == 3:
            data[at:at] = data[at : at + size]
        elif how == 4:
            data[at : at + 4] = struct.pack(rng.choice("<>") + "I", rng.choice(INTERESTING))
        elif rng.random() < 0.3:
            del data[at:]
    path.write_bytes(data)


def damage_words(path: Path, rng: Random) -> None:
    """Put words, or numbers that cannot be, in place of numbers in the text of a file."""
    data = bytearray(path.read_bytes())
    digits = [at for at, byte in enumerate(data[:100_000]) if chr(byte).isdigit()]
    for _ in range(rng.choice((1, 2, 5))):
        if digits:
            at, word = rng.choice(digits), rng.choice(WORDS)
            data[at : at + len(word)] = word
    path.write_bytes(data)


def _damage_tag(path: Path, rng: Random) -> None:
    """Change the code, type, count or value of a tag of a TIFF file."""
    try:
        with tifffile.TiffFile(path) as tiff:
            first = islice(tiff.pages, 3)  # there may be no end of them by now
            tags = [tag for page in first for tag in getattr(page, "tags", ())]
            order, big = tiff.byteorder, tiff.is_bigtiff
    except Exception:  # an earlier change has made it unreadable
        return
    if not tags:
        return
    tag, data = rng.choice(tags), bytearray(path.read_bytes())
    field = rng.choice(("code", "type", "count", "value", "value"))
    at = tag.valueoffset
    if field == "code":
        struct.pack_into(order + "H", data, tag.offset, rng.choice(tags).code)
    elif field == "type":
        struct.pack_into(order + "H", data, tag.offset + 2, rng.randrange(19))
    elif field == "count":
        form = order + ("Q" if big else "I")
        struct.pack_into(form, data, tag.offset + 4, rng.choice(INTERESTING))
    elif at + 4 <= len(data):
        form, most = (order + "H", 2**16) if tag.dtype == 3 else (order + "I", 2**32)
        struct.pack_into(form, data, at, rng.choice(INTERESTING) % most)
    path.write_bytes(data)


def _damage_tiff(path: Path, rng: Random) -> None:
    for _ in range(rng.choice((1, 1, 2))):
        rng.choice((damage_bytes, damage_words, _damage_tag, _damage_tag))(path, rng)


def _tiff_seeds(folder: Path) -> list[Path]:
    from tiff_variants import write_variants

    return [folder / each.name for each in write_variants(folder)]


KINDS = {"tiff": Kind(_tiff_seeds, _damage_tiff)}
