"""Variants of TIFF by suffix, data type, compression and photometric interpretation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from tiff_files.variant import RNG, TILE, Variant, picture, plain


def suffixes() -> Iterator[Variant]:
    """TIFF with every suffix."""
    names = "tif tiff TIF btf tf2 tf8 lsm stk svs ome.btf ome.tf2 ome.tf8 ndpi scn flex qptiff dat"
    for end in [f"stack.{each}" for each in names.split()] + ["stack"]:
        image = picture(6)
        big = end.endswith(("btf", "tf8"))
        yield Variant(end, plain(image, bigtiff=big, ome=False), image, "QYX")


def types() -> Iterator[Variant]:
    """Every data type in both byte orders, as TIFF and BigTIFF."""
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
    """Photometric interpretations, samples and palettes."""
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
        separate = np.moveaxis(image, -1, -3).copy()
        write = plain(separate, planarconfig="separate", **more)
        yield Variant(
            f"{name}_separate.tif", write, separate, "Q" * len(leading) + "SYX", tags=tags
        )
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
    yield Variant("palette_names.tif", write, None, words="indices of colours in a palette")
    for name in ("cielab", "icclab", "cfa"):
        image = picture(kind="u1", samples=0 if name == "cfa" else 3)
        yield Variant(f"{name}.tif", plain(image, photometric=name), None, words="convert it")
