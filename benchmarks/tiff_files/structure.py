"""Variants of TIFF that end early, or hold several images or resolutions."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from tiff_files.variant import SIDE, TILE, Variant, picture


def interrupted() -> Iterator[Variant]:
    """Acquisitions that were interrupted."""
    whole = picture(6)

    def missing(path: Path, there: int, sizes: dict[str, int], options: Any) -> None:
        tifffile.imwrite(path, whole[:there], ome=True, metadata={"axes": "TYX"}, **options)
        xml = tifffile.tiffcomment(path)
        for axis, size in sizes.items():
            xml = xml.replace(f'Size{axis}="{there if axis == "T" else 1}"', f'Size{axis}="{size}"')
        tifffile.tiffcomment(path, xml.encode())

    for there, options in product((1, 4, 5), ({}, {"compression": "zlib"})):
        name = f"ome_{there}_of_6{'_zlib' * bool(options)}.ome.tif"

        def write(path: Path, n: int = there, more: Any = options) -> None:
            missing(path, n, {"T": 6}, more)

        image, axes = (whole[0], "YX") if there == 1 else (whole[:there], "TYX")
        yield Variant(name, write, image, axes, words=f"6 planes, of which {there} exist;")

    def billion(path: Path) -> None:
        missing(path, 2, {"T": 10**9}, {})

    yield Variant("billion.ome.tif", billion, None, words="planes in its OME header")
    words = "names 6 planes, of which 4 exist;"
    for name, options in {
        "imagej": {"imagej": True, "metadata": {"axes": "TYX"}},
        "named": {"metadata": {"axes": "TYX"}},
        "named_zlib": {"metadata": {"axes": "TYX"}, "compression": "zlib"},
        "imagej_big_endian": {"imagej": True, "byteorder": ">", "metadata": {"axes": "TYX"}},
    }.items():

        def cut(path: Path, options: Any = options) -> None:
            tifffile.imwrite(path, whole, photometric="minisblack", **options)
            with tifffile.TiffFile(path) as tiff:
                pages = [page.dataoffsets[-1] + page.databytecounts[-1] for page in tiff.pages]
            if "compression" in options:
                end = pages[3]
            else:
                end = pages[0] - whole[0].nbytes + 4 * whole[0].nbytes + 10
            path.write_bytes(path.read_bytes()[:end])

        yield Variant(f"cut_{name}.tif", cut, whole[:4], "TYX", words=words)

    def dangling(path: Path) -> None:
        tifffile.imwrite(path, whole[0], metadata=None)
        for each in whole[1:4]:
            tifffile.imwrite(path, each, metadata=None, append=True)
        with tifffile.TiffFile(path) as tiff:
            last = tiff.pages[3]
            at = last.offset + 2 + 12 * len(last.tags)
        data = bytearray(path.read_bytes())
        struct.pack_into("<I", data, at, len(data) + 1000)
        path.write_bytes(data)

    yield Variant("dangling.tif", dangling, whole[:4], "QYX", words="damaged")

    def sliced(path: Path) -> None:
        tifffile.imwrite(path, whole[:5], ome=True, metadata={"axes": "TYX"})
        xml = tifffile.tiffcomment(path)
        xml = xml.replace('SizeT="5"', 'SizeT="3"').replace('SizeZ="1"', 'SizeZ="2"')
        tifffile.tiffcomment(path, xml.encode())

    stacks = whole[:4].reshape(2, 2, *SIDE)
    yield Variant(
        "ome_half_a_frame.ome.tif", sliced, stacks, "TZYX", words="1 more without a place"
    )


def several() -> Iterator[Variant]:
    """Several images in one file."""
    first, second = picture(3), picture(2)[:, :20]

    def write(path: Path, how: str) -> None:
        more: dict[str, Any] = {"photometric": "minisblack"}
        if how == "plain":
            more["metadata"] = None
        with tifffile.TiffWriter(path, ome=how == "ome") as tiff:
            tiff.write(first, **more)
            tiff.write(second, **more)

    for how in ("plain", "named", "ome"):
        name = f"several_{how}{'.ome' * (how == 'ome')}"

        def both(path: Path, how: str = how) -> None:
            write(path, how)

        yield Variant(f"{name}.tif", both, None, words="choose one with --series")
        for number, image in enumerate((first, second)):
            options = {"series": number}
            words = "other images"
            yield Variant(f"{name}_{number}.tif", both, image, words=words, options=options)

    def thumbnail(path: Path) -> None:
        with tifffile.TiffWriter(path) as tiff:
            tiff.write(first, metadata=None, photometric="minisblack")
            tiff.write(first[0, ::3, ::3], subfiletype=1, metadata=None)

    yield Variant("thumbnail.tif", thumbnail, first, words="are left out")

    def subifd(path: Path) -> None:
        with tifffile.TiffWriter(path) as tiff:
            tiff.write(large, subifds=1, tile=TILE, metadata=None)
            tiff.write(large[::2, ::2], subfiletype=1, tile=TILE, metadata=None)

    large = np.tile(picture(), (4, 4))
    yield Variant("pyramid.tif", subifd, large, "YX", words="2 resolutions")
