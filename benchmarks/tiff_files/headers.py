"""Variants of TIFF by the metadata of ImageJ, OME and microscope vendors, valid and not."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from tiff_files.variant import OME_UM, SIDE, TILE, UM, Variant, picture, plain

LUTS = [np.stack([np.arange(256, dtype="u1") * (c == i) for i in range(3)]) for c in range(2)]


def imagej() -> Iterator[Variant]:
    """ImageJ metadata."""
    shapes = {"YX": (), "ZYX": (3,), "TYX": (3,), "CYX": (2,), "ZCYX": (3, 2), "TCYX": (3, 2)}
    shapes |= {"TZYX": (2, 3), "TZCYX": (2, 3, 2)}
    for (axes, leading), kind in product(shapes.items(), ("u1", "u2", "f4")):
        image = picture(*leading, kind=kind)
        about: dict[str, Any] = {"axes": axes, "unit": "um"}
        sizes = dict(UM)
        if "Z" in axes:
            about["spacing"], sizes["Z"] = 0.75, (0.75, "µm")
        if "T" in axes:
            about["finterval"], sizes["T"] = 1.5, (1.5, "s")
        write = plain(image, imagej=True, resolution=(4.0, 2.0), metadata=about)
        yield Variant(f"imagej_{axes}_{kind}.tif", write, image, axes, sizes)
    for mode in ("composite", "color", "grayscale"):
        image = picture(3, 2)
        about = {"axes": "ZCYX", "mode": mode, "LUTs": LUTS, "Ranges": (10.0, 90.0, 5.0, 60.0)}
        about |= {"Labels": list("abcdef"), "Info": "Größe = 7 µm", "min": 10.0, "max": 90.0}
        write = plain(image, imagej=True, metadata=about)
        yield Variant(f"imagej_{mode}.tif", write, image, "ZCYX", kept=(*about,)[1:])
    rgb = picture(2, kind="u1", samples=3)
    write = plain(rgb, imagej=True, metadata={"axes": "ZYXS"})
    yield Variant("imagej_rgb.tif", write, rgb, "ZYXS")
    ramp = np.linspace(0, 65535, 256).astype("u2")
    shades = picture(kind="u1")
    write = plain(shades, imagej=True, colormap=np.stack([ramp * 0, ramp, ramp * 0]))
    yield Variant("imagej_palette.tif", write, shades, "YX", tags=("colormap",))
    units = {"nm": "nm", "micron": "µm", "\\u00B5m": "µm", "mm": "mm", "cm": "cm", "inch": "in"}
    for said, unit in units.items():
        image, sizes = picture(), {"X": (0.25, unit), "Y": (0.5, unit)}
        write = plain(image, imagej=True, resolution=(4.0, 2.0), metadata={"unit": said})
        yield Variant(f"imagej_unit_{unit}_{len(said)}.tif", write, image, "YX", sizes)
    image = picture()
    write = plain(image, imagej=True, resolution=(4.0, 2.0), metadata={"unit": "pixel"})
    yield Variant("imagej_unit_pixel.tif", write, image, "YX")


def ome() -> Iterator[Variant]:
    """OME metadata."""
    shapes = {"YX": (), "ZYX": (3,), "TYX": (3,), "CYX": (2,), "ZCYX": (3, 2), "CZYX": (2, 3)}
    shapes |= {"TCYX": (3, 2), "TZYX": (2, 3), "TZCYX": (2, 3, 2), "CTZYX": (2, 2, 3)}
    for (axes, leading), end in product(shapes.items(), ("ome.tif", "ome.tf8")):
        image = picture(*leading)
        about: dict[str, Any] = {"axes": axes, **OME_UM, "Name": "cells"}
        sizes, kept = dict(UM), ["Name"]
        if "Z" in axes:
            about |= {"PhysicalSizeZ": 750.0, "PhysicalSizeZUnit": "nm"}
            sizes["Z"] = (750.0, "nm")
        if "T" in axes:
            about |= {"TimeIncrement": 1.5, "TimeIncrementUnit": "min"}
            sizes["T"] = (1.5, "min")
        if "C" in axes:
            about["Channel"] = {"Name": ["DNA", "001"], "Color": [255, 65535]}
            kept.append("Channel")
        count = int(np.prod(leading))
        about["Plane"] = {
            "PositionX": [10.0 + n for n in range(count)],
            "DeltaT": [0.5 * n for n in range(count)],
        }
        write = plain(image, ome=True, metadata=about, bigtiff=end.endswith("tf8"))
        yield Variant(f"{axes}.{end}", write, image, axes, sizes, (*kept, "Plane"))
    for kind in ("u1", "i2", "u4", "f8"):
        image = picture(3, kind=kind)
        write = plain(image, ome=True, metadata={"axes": "ZYX", **OME_UM})
        yield Variant(f"{kind}.ome.tif", write, image, "ZYX", UM)
    rgb = picture(2, kind="u1", samples=3)
    write = plain(rgb, ome=True, photometric="rgb", metadata={"axes": "TYXS", **OME_UM})
    yield Variant("rgb.ome.tif", write, rgb, "TYXS", UM)
    image = picture(3)
    write = plain(image, ome=True, compression="zlib", tile=TILE, metadata={"axes": "TYX"})
    yield Variant("tiles.ome.tif", write, image, "TYX")

    def pyramid(path: Path) -> None:
        with tifffile.TiffWriter(path, ome=True) as tiff:
            tiff.write(large, subifds=1, tile=TILE, metadata={"axes": "YX", **OME_UM})
            tiff.write(large[::2, ::2], subfiletype=1, tile=TILE)

    large = np.tile(picture(), (4, 4))
    yield Variant("pyramid.ome.tif", pyramid, large, "YX", UM, words="2 resolutions")
    sizes = {axis: (2 * step, unit) for axis, (step, unit) in UM.items()}
    half = large[::2, ::2]
    yield Variant("pyramid_1.ome.tif", pyramid, half, "YX", sizes, options={"level": 1})

    def damaged(path: Path) -> None:
        tifffile.imwrite(path, image, ome=True, metadata={"axes": "TYX"})
        data = path.read_bytes()
        path.write_bytes(data.replace(b"<Pixels", b"<Pixels<"))

    yield Variant("damaged.ome.tif", damaged, image, words="OME header is damaged")


def odd_metadata() -> Iterator[Variant]:
    """Invalid numbers, and other tags."""
    image, stack = picture(), picture(3)
    for above, below in ((10, 0), (0, 0), (0, 1), (2**32 - 1, 1)):

        def fraction(path: Path, pair: tuple[int, int] = (above, below)) -> None:
            tifffile.imwrite(path, image, resolution=(10, 10), resolutionunit=3, metadata=None)
            with tifffile.TiffFile(path) as tiff:
                at = tiff.pages[0].tags["XResolution"].valueoffset
            data = bytearray(path.read_bytes())
            struct.pack_into("<II", data, at, *pair)
            path.write_bytes(data)

        words = "resolution is given as"
        yield Variant(f"resolution_{above}_{below}.tif", fraction, image, "YX", words=words)
    for word in ("NaN", "-3.0", "1e300", "tiny", "0,65 um"):
        about = {"axes": "ZYX", "spacing": word, "unit": "um"}
        write = plain(stack, imagej=True, resolution=(4.0, 2.0), metadata=about)
        sizes = UM | {"Z": (3.0, "µm")} if word == "-3.0" else UM
        words = "" if word == "-3.0" else "slice distance"
        yield Variant(f"spacing_{word.strip('-')}.tif", write, stack, "ZYX", sizes, words=words)
        about = {"axes": "ZYX", "PhysicalSizeX": 0.25, "PhysicalSizeY": word}
        sizes = {"X": UM["X"]}
        write = plain(stack, ome=True, metadata=about)
        yield Variant(
            f"size_{word}.ome.tif", write, stack, "ZYX", sizes, words="pixel size along Y"
        )
    write = plain(stack, ome=True, metadata={"axes": "ZYX", "PhysicalSizeX": "0,25"})
    sizes = {"X": UM["X"]}
    yield Variant("comma.ome.tif", write, stack, "ZYX", sizes, words="read as 0.25")
    tags = [(286, "2I", 1, (7, 2), True), (287, "2I", 1, (9, 2), True)]
    more = {"datetime": "2024:05:06 07:08:09", "extratags": tags}
    write = plain(image, **more)
    yield Variant("place_and_time.tif", write, image, "YX", tags=("datetime", "extratags"))
    write = plain(image, description="HV = 5 kV, spot 3")
    yield Variant("described.tif", write, image, "YX", tags=("description",))
    write = plain(image, extratags=[(274, "H", 1, 6, True)])
    yield Variant("orientation.tif", write, image, "YX", tags=("extratags",))
    for unit, number in (("in", 2), ("cm", 3)):
        write = plain(image, resolution=(4, 2), resolutionunit=number)
        sizes = {"X": (0.25, unit), "Y": (0.5, unit)}
        yield Variant(f"resolution_{unit}.tif", write, image, "YX", sizes)


def vendors() -> Iterator[Variant]:
    """Metadata of microscope vendors."""
    stack = picture(3)

    def lsm(path: Path, size: float = 0.25e-6) -> None:
        about = np.zeros(1, np.dtype(tifffile.TIFF.CZ_LSMINFO[:40]))
        about["MagicNumber"], about["StructureSize"] = 67127628, about.nbytes
        about["DimensionX"], about["DimensionY"], about["DimensionZ"] = *SIDE[::-1], 3
        about["DimensionChannels"] = about["DimensionTime"] = 1
        about["VoxelSizeX"], about["VoxelSizeY"], about["VoxelSizeZ"] = size, 0.5e-6, 0.75e-6
        more = [(34412, "B", about.nbytes, about.tobytes(), True)]
        with tifffile.TiffWriter(path) as tiff:
            for each in stack:
                tiff.write(each, metadata=None, extratags=more)
                tiff.write(each[::3, ::3], metadata=None, subfiletype=1)
                more = []

    sizes = UM | {"Z": (0.75, "µm")}
    words = "are left out"
    yield Variant("zeiss.lsm", lsm, stack, "ZYX", sizes, words=words)
    yield Variant("zeiss_named_otherwise.tif", lsm, stack, "ZYX", sizes, words=words)

    def svs(path: Path) -> None:
        text = "Aperio Image Library v1\r\nImage|AppMag = 20|MPP = 0.25|Left = 1"
        options = {"photometric": "rgb", "metadata": None}
        with tifffile.TiffWriter(path) as tiff:
            tiff.write(slide, tile=TILE, description=text, **options)
            tiff.write(slide[::4, ::4], description=text, **options)
            tiff.write(slide[::2, ::2], tile=TILE, description=text, **options)

    slide = np.tile(picture(kind="u1", samples=3), (4, 4, 1))
    sizes = dict.fromkeys("XY", (0.25, "µm"))
    yield Variant("slide.svs", svs, slide, "YXS", sizes, words="2 resolutions")
