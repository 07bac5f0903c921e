"""Two hundred variants of TIFF: what is in them comes back, or one sentence says what does not.

    python benchmarks/tiff_variants.py

Every variant is written into a temporary folder and read; its values, axes and pixel size are
compared with what was written. Then it is written as the result of a denoising is, as float32 and
in its own type, and read again: axes, pixel size, and what its header says beside them must still
be there. Exit status 1 if anything is lost without a word.
"""

from __future__ import annotations

import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

RNG = np.random.default_rng(0)
SIDE = (24, 32)
UM = {"X": (0.25, "µm"), "Y": (0.5, "µm")}
OME_UM = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5}
LUTS = [np.stack([np.arange(256, dtype="u1") * (c == i) for i in range(3)]) for c in range(2)]
TILE = (16, 16)


@dataclass(frozen=True)
class Variant:
    """A file, and what must come of it.

    Attributes
    ----------
    name : str
    write : callable
        Writes it to a path.
    image : ndarray, optional
        Its values; None if it must be refused.
    axes : str, optional
        Of the image read; not compared if left out.
    sizes : dict
        Pixel size and time step that must be read.
    kept : tuple of str
        What of its metadata must be there again in the result.
    tags : tuple of str
        What of its tags must be there again in a result of its own type.
    words : str
        What must be said of it.
    options : dict
        How to read it: series, level.
    near : bool
        Whether its compression loses digits.
    """

    name: str
    write: Callable[[Path], object]
    image: Any
    axes: str | None = None
    sizes: dict[str, tuple[float, str]] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    words: str = ""
    options: dict[str, int] = field(default_factory=dict)
    near: bool = False


def picture(*leading: int, kind: str = "u2", samples: int = 0) -> np.ndarray:
    """Make an image of noise around a ramp, of any type."""
    shape = (*leading, *SIDE, *((samples,) if samples else ()))
    ramp = np.linspace(20, 100, SIDE[1])
    mean = np.broadcast_to(ramp[:, None] if samples else ramp, shape)
    return RNG.poisson(mean).astype(kind)


def plain(image: np.ndarray, **options: Any) -> Callable[[Path], object]:
    """Write an image without axes or anything else that tifffile adds."""
    default: dict[str, Any] = {"metadata": None}
    if not {"photometric", "colormap", "imagej"} & set(options):
        default["photometric"] = "minisblack"
    return lambda path: tifffile.imwrite(path, image, **{**default, **options})


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
        makers,
    ):
        yield from family()


def suffixes() -> Iterator[Variant]:
    """TIFF under every name."""
    names = "tif tiff TIF btf tf2 tf8 lsm stk svs ome.btf ome.tf2 ome.tf8 ndpi scn flex qptiff dat"
    for end in [f"stack.{each}" for each in names.split()] + ["stack"]:
        image = picture(6)
        big = end.endswith(("btf", "tf8"))
        yield Variant(end, plain(image, bigtiff=big, ome=False), image, "QYX")


def types() -> Iterator[Variant]:
    """Every type in both byte orders, as TIFF and BigTIFF."""
    kinds = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]
    for kind, order, big in product(kinds, "<>", (False, True)):
        if big and kind in ("i1", "i4", "u8", "i8"):
            continue
        image = picture(2, kind=kind)
        name = f"{kind}_{'little' if order == '<' else 'big'}_endian{'_bigtiff' * big}.tif"
        yield Variant(name, plain(image, byteorder=order, bigtiff=big), image, "QYX")


def compressions() -> Iterator[Variant]:
    """Every compression, in strips and tiles."""
    exact = ["zlib", "lzw", "packbits", "zstd", "lzma", "lerc", "png", "jpegxl"]
    for name, tiled in product(exact, (False, True)):
        image = picture(3)
        more = {"tile": TILE} if tiled else {"rowsperstrip": 7}
        write = plain(image, compression=name, **more)
        yield Variant(f"{name}_{'tiles' if tiled else 'strips'}.tif", write, image, "QYX")
    for name in ("zlib", "lzw", "zstd"):
        image = picture(2)
        write = plain(image, compression=name, predictor=True)
        yield Variant(f"{name}_predictor.tif", write, image, "QYX")
    floats = picture(kind="f4")
    write = plain(floats, compression="zlib", predictor=3)
    yield Variant("zlib_floating_point_predictor.tif", write, floats, "YX")
    for name, samples in product(("jpeg", "webp", "jpegxr"), (0, 3)):
        image = picture(kind="u1", samples=samples or (3 if name == "webp" else 0))
        options = {"photometric": "rgb"} if image.ndim == 3 else {}
        write = plain(image, compression=name, **options)
        yield Variant(f"{name}_{samples}.tif", write, image, near=True)
    image = picture()
    yield Variant("tiles.tif", plain(image, tile=TILE), image, "YX")
    yield Variant("strips_of_1.tif", plain(image, rowsperstrip=1), image, "YX")
    yield Variant("bits12.tif", plain(image, bitspersample=12), image, "YX")


def colours() -> Iterator[Variant]:
    """What the numbers mean."""
    for kind in ("u1", "u2", "f4"):
        image = picture(2, kind=kind)
        write = plain(image, photometric="miniswhite")
        yield Variant(f"miniswhite_{kind}.tif", write, image, "QYX", tags=("photometric",))
    for kind, samples, leading in product(("u1", "u2", "f4"), (3, 4), ((), (2,))):
        image = picture(*leading, kind=kind, samples=samples)
        name = f"rgb{'a' * (samples == 4)}_{kind}_{len(leading)}"
        more = {"photometric": "rgb", "extrasamples": ("unassalpha",) * (samples == 4)}
        tags = ("photometric", "planarconfig", *(("extrasamples",) * (samples == 4)))
        write = plain(image, **more)
        yield Variant(f"{name}_contig.tif", write, image, "Q" * len(leading) + "YXS", tags=tags)
        apart = np.moveaxis(image, -1, -3).copy()
        write = plain(apart, planarconfig="separate", **more)
        yield Variant(f"{name}_separate.tif", write, apart, "Q" * len(leading) + "SYX", tags=tags)
    for samples, planar in product((2, 5), ("contig", "separate")):
        image = picture(samples=samples)
        image = image if planar == "contig" else np.moveaxis(image, -1, 0).copy()
        write = plain(image, photometric="minisblack", planarconfig=planar)
        axes = "YXS" if planar == "contig" else "SYX"
        yield Variant(f"samples{samples}_{planar}.tif", write, image, axes, tags=("planarconfig",))
    cmyk = picture(kind="u1", samples=4)
    write = plain(cmyk, photometric="separated")
    yield Variant("cmyk.tif", write, cmyk, "YXS", tags=("photometric",))
    image = picture()
    write = plain(image[..., None], metadata={"axes": "YXS"})
    yield Variant("one_sample.tif", write, image, "YX")
    shades = picture(kind="u1")
    ramp = np.linspace(0, 65535, 256).astype("u2")
    tables = {
        "grey": np.stack([ramp] * 3),
        "green": np.stack([ramp * 0, ramp, ramp * 0]),
        "fire": np.stack([ramp, np.maximum(ramp, 32768) - 32768, ramp // 4]),
        "inverted": np.stack([ramp[::-1]] * 3),
    }
    for name, table in tables.items():
        write = plain(shades, photometric="palette", colormap=table)
        yield Variant(f"palette_{name}.tif", write, shades, "YX", tags=("colormap",))
    write = plain(shades, photometric="palette", colormap=RNG.permuted(tables["green"], axis=1))
    yield Variant("palette_names.tif", write, None, words="numbers of colours in a palette")
    for name in ("cielab", "icclab", "cfa"):
        image = picture(kind="u1", samples=0 if name == "cfa" else 3)
        yield Variant(f"{name}.tif", plain(image, photometric=name), None, words="convert it")


def imagej() -> Iterator[Variant]:
    """What ImageJ says."""
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
    """What OME says."""
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


def interrupted() -> Iterator[Variant]:
    """Acquisitions that ended before their time."""
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
        yield Variant(name, write, image, axes, words=f"6 pictures, of which there are {there};")

    def billion(path: Path) -> None:
        missing(path, 2, {"T": 10**9}, {})

    yield Variant("billion.ome.tif", billion, None, words="claims in its OME header to hold")
    words = "names 6 pictures, of which there are 4;"
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
    yield Variant("ome_half_a_frame.ome.tif", sliced, stacks, "TZYX", words="1 more that cannot")


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


def odd_metadata() -> Iterator[Variant]:
    """Numbers that are none, and what else stands in headers."""
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
    yield Variant("comma.ome.tif", write, stack, "ZYX", sizes, words="taken for 0.25")
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


def makers() -> Iterator[Variant]:
    """What makers of microscopes write."""
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


def write_variants(folder: Path) -> list[Variant]:
    """Write all variants into a folder."""
    found = list(variants())
    for each in found:
        each.write(folder / each.name)
    return found


def check(path: Path, variant: Variant) -> list[str]:
    """Read and write a variant; list what is wrong."""
    from napari_n2s.core.errors import FileError
    from napari_n2s.io import reading, writing

    try:
        read = reading.read_image(path, **variant.options)
    except FileError as error:
        expected = variant.image is None and variant.words in str(error)
        return [] if expected else [f"refused: {error}"]
    if variant.image is None:
        return ["not refused"]
    wrong = _compare(read, variant)
    heard = " ".join(read.notes)
    if variant.words not in heard or (read.notes and not variant.words and "palette" not in heard):
        wrong.append(f"said {heard!r} and not {variant.words!r}")
    for kind in {np.dtype("f4"), read.image.dtype}:
        result = path.with_name(f"result_{kind.name}_{path.name}.tif")
        with writing.open_output(result, kind, read) as out:
            out[...] = read.image
        again, told = reading.read_image(result), writing.lost_metadata(result, kind, read)
        values = np.array_equal(again.image, np.asarray(read.image).astype(kind))
        if not values or again.axes != read.axes:
            wrong.append(f"as {kind}: {again.axes} {again.image.shape} for {read.axes}, {values}")
        if _sizes(again, "XY" if again.file_format == "plain" else "TZXY") != _sizes(
            read, "XY" if again.file_format == "plain" else "TZXY"
        ):
            wrong.append(f"as {kind}: {again.sizes} for {read.sizes}")
        for name in variant.kept:
            same = repr(again.metadata.get(name)) == repr(read.metadata.get(name))
            if name not in read.metadata or not (same or told):
                wrong.append(f"as {kind}: {name} is lost")
        for name in variant.tags if kind == read.image.dtype else ():
            if name not in read.tags or repr(again.tags.get(name)) != repr(read.tags[name]):
                wrong.append(f"{name}: {again.tags.get(name)} for {read.tags.get(name)}")
    return wrong


def _compare(read: Any, variant: Variant) -> list[str]:
    wrong = []
    image = np.asarray(read.image)
    if image.shape != variant.image.shape:
        wrong.append(f"of shape {image.shape} and not {variant.image.shape}")
    elif np.abs(image.astype(float) - variant.image).mean() > (20 if variant.near else 0):
        wrong.append("other values")
    if image.dtype != variant.image.dtype:
        wrong.append(f"{image.dtype} for {variant.image.dtype}")
    if variant.axes and read.axes != variant.axes:
        wrong.append(f"{read.axes} for {variant.axes}")
    if _rounded(read.sizes) != _rounded(variant.sizes):
        wrong.append(f"{read.sizes} for {variant.sizes}")
    return wrong


def _sizes(recording: Any, axes: str) -> dict[str, float]:
    """Give the pixel size in centimetres and the time step in seconds."""
    from napari_n2s.io.pixel_size import CENTIMETRES, SECONDS

    scale = CENTIMETRES | SECONDS
    sizes = recording.sizes.items()
    return {axis: float(f"{step * scale[u]:.5g}") for axis, (step, u) in sizes if axis in axes}


def _rounded(sizes: dict[str, tuple[float, str]]) -> dict[str, tuple[float, str]]:
    return {axis: (float(f"{step:.5g}"), unit) for axis, (step, unit) in sizes.items()}


def main() -> None:
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        found = write_variants(Path(folder))
        for each in found:
            try:
                wrong = check(Path(folder) / each.name, each)
            except Exception as error:  # any is a fault to be shown
                wrong = [f"{type(error).__name__}: {error}"]
            counts["wrong" if wrong else "refused" if each.image is None else "kept"] += 1
            for line in wrong:
                print(f"{each.name}: {line}")
    print(
        f"{len(found)} variants of TIFF: {counts['kept']} read and written again with all they "
        f"say, {counts['refused']} refused with a sentence as they should be, "
        f"{counts['wrong']} wrong."
    )
    sys.exit(bool(counts["wrong"]))


if __name__ == "__main__":
    main()
