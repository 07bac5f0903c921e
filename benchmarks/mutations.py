"""Kinds of files to damage: how valid ones are written, and how one is mutated.

Each kind is an entry of KINDS: `seeds` writes valid files or folders into a folder and lists them,
and `mutate` damages one of them in place with the given random generator.
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
"""Numbers at the limits of integer types."""
WORDS = (b"NaN", b"-1", b"1e999", b"0,65", b"4294967296", b"", b"\xff\xfe", b"1000000000", b"None")
"""Replacements for a number in a text."""


@dataclass(frozen=True)
class Kind:
    """A kind of files.

    Attributes
    ----------
    seeds : callable
        Writes valid files into a folder and lists their paths.
    mutate : callable
        Damages one of them.
    use : callable, optional
        What to do with it instead of reading and writing it as an image.
    """

    seeds: Callable[[Path], list[Path]]
    mutate: Callable[[Path, Random], None]
    use: Callable[[Path], None] | None = None


def damage_bytes(path: Path, rng: Random) -> None:
    """Truncate a file, or change, insert, remove or repeat some of its bytes."""
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
    """Replace numbers in the text of a file by words or impossible numbers."""
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
            first = islice(tiff.pages, 3)  # they may form an endless loop by now
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
    from tiff_files import write_variants

    return [folder / each.name for each in write_variants(folder)]


KINDS = {"tiff": Kind(_tiff_seeds, _damage_tiff)}
