"""TIFF files of every kind, written to be read: `write_variants` and the families of variants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tiff_files.headers import imagej, odd_metadata, ome, vendors
from tiff_files.pixels import colours, compressions, suffixes, types
from tiff_files.structure import interrupted, several
from tiff_files.variant import Variant

__all__ = ["Variant", "write_variants"]


def variants() -> Iterator[Variant]:
    """List all variants."""
    for family in (
        suffixes,
        types,
        compressions,
        colours,
        imagej,
        ome,
        interrupted,
        several,
        odd_metadata,
        vendors,
    ):
        yield from family()


def write_variants(folder: Path) -> list[Variant]:
    """Write all variants into a folder."""
    found = list(variants())
    for each in found:
        each.write(folder / each.name)
    return found
