"""TIFF: recognised by content, read completely or with a note, safe from damaged headers."""

import os
import struct
import zlib

import numpy as np
import pytest
import tifffile

from napari_n2s.cli.main import main
from napari_n2s.core.errors import FileError
from napari_n2s.io import reading, writing
from napari_n2s.io.tiff import validation as tiff_validation

STACK = np.random.default_rng(0).poisson(30, (6, 24, 30)).astype(np.uint16)
RAMP = np.arange(256, dtype=np.uint8)
GREEN = np.stack([RAMP * 0, RAMP, RAMP * 0])


def patch(path, code, *values):
    """Change the value of a tag of a file's first page."""
    with tifffile.TiffFile(path) as tiff:
        tag = tiff.pages[0].tags[code]
    data = bytearray(path.read_bytes())
    struct.pack_into(
        f"<{len(values)}{'H' if tag.dtype == 3 else 'I'}", data, tag.valueoffset, *values
    )
    path.write_bytes(data)


def through(path, kind="float32"):
    """Read a file, write its image as a result, and read the result."""
    source = reading.read_image(path)
    out = path.with_name(f"result_{kind}_{path.name}.tif")
    with writing.open_output(out, np.dtype(kind), source) as image:
        image[...] = source.image
    return source, reading.read_image(out)


@pytest.mark.parametrize("name", ["a.btf", "a.tf8", "a.lsm", "a.stk", "a.svs", "a.ndpi", "a"])
def test_tiff_is_recognised_by_its_first_bytes(tmp_path, name):
    tifffile.imwrite(tmp_path / name, STACK, metadata=None, bigtiff=name.endswith(("btf", "tf8")))
    found = reading.read_image(tmp_path / name)
    assert np.array_equal(found.image, STACK)
    assert found.axes == "QYX"


def test_display_settings_of_imagej_are_kept(tmp_path):
    shown = {"mode": "composite", "Ranges": (5.0, 90.0, 0.0, 40.0), "LUTs": [GREEN, GREEN[::-1]]}
    about = {"axes": "ZCYX", **shown, "Labels": list("abcdef"), "min": 5.0, "unit": "um"}
    image = STACK.reshape(3, 2, 24, 30)
    tifffile.imwrite(tmp_path / "a.tif", image, imagej=True, metadata=about)
    source, result = through(tmp_path / "a.tif")
    for name in (*shown, "Labels", "min"):
        assert repr(result.metadata[name]) == repr(source.metadata[name]), name
    assert result.metadata["mode"] == "composite"
    assert np.array_equal(result.metadata["LUTs"][0], GREEN)


def test_channels_times_and_positions_of_ome_are_kept(tmp_path):
    planes = {"DeltaT": [n / 2 for n in range(6)], "PositionX": list(range(6))}
    channels = {"Name": ["DNA", "001"], "Color": [255, 65280]}
    about = {"axes": "TCYX", "Name": "cells", "Channel": channels, "Plane": planes}
    image = STACK.reshape(3, 2, 24, 30)
    tifffile.imwrite(tmp_path / "a.ome.tif", image, metadata=about)
    source, result = through(tmp_path / "a.ome.tif")
    assert result.metadata == source.metadata
    assert result.metadata["Channel"] == {"Name": ["DNA", "001"], "Color": ["255", "65280"]}
    assert [each["DeltaT"] for each in result.metadata["Plane"]][:2] == ["0.0", "0.5"]


def test_palettes_of_intensities_are_kept_and_others_refused(tmp_path):
    picture = (STACK[0] % 200).astype(np.uint8)
    white, green, names = (tmp_path / f"{name}.tif" for name in ("white", "green", "names"))
    tifffile.imwrite(white, picture, photometric="miniswhite", metadata=None)
    palette = GREEN.astype(np.uint16) * 257
    tifffile.imwrite(green, picture, photometric="palette", colormap=palette)
    mixed = np.random.default_rng(0).permuted(palette, axis=1)
    tifffile.imwrite(names, picture, photometric="palette", colormap=mixed)
    assert through(white)[1].tags["photometric"] == "miniswhite"
    assert np.array_equal(through(green, "uint8")[1].tags["colormap"], palette)
    with pytest.raises(FileError, match="indices of colours in a palette"):
        reading.read_image(names)


@pytest.mark.parametrize("pair", [(10, 0), (0, 0), (0, 1)])
def test_an_impossible_resolution_is_ignored_with_a_note(tmp_path, pair):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0], resolution=(10, 10), imagej=True, metadata={"unit": "um"})
    patch(path, "XResolution", *pair)
    source, result = through(path)
    assert "resolution is given as" in source.notes[0]
    assert source.pixel_sizes == result.pixel_sizes == {}
    assert np.array_equal(result.image, STACK[0])


def test_invalid_numbers_are_ignored_with_a_note(tmp_path):
    about = {"axes": "TYX", "finterval": "2 s", "unit": "um"}
    tifffile.imwrite(tmp_path / "a.tif", STACK, imagej=True, resolution=(4, 4), metadata=about)
    about = {"axes": "TYX", "PhysicalSizeX": "0,65", "PhysicalSizeY": "-1"}
    tifffile.imwrite(tmp_path / "b.ome.tif", STACK, metadata=about)
    source, result = through(tmp_path / "a.tif")
    assert "time step is given as" in source.notes[0]
    assert result.pixel_sizes == {"X": (0.25, "µm"), "Y": (0.25, "µm")}
    source, result = through(tmp_path / "b.ome.tif")
    assert [note[:27] for note in source.notes] == [f"The pixel size along {a} is g" for a in "XY"]
    assert result.pixel_sizes == {"X": (0.65, "µm")}


def hostile(folder):
    """Write files that claim what they do not hold; return the names by path."""
    names = ("billion.ome.tif", "circle.tif", "inflates.tif", "side.tif", "pipe.tif", "sibling.tif")
    paths = {name.split(".")[0]: folder / name for name in names}
    header = {"axes": "TYX"}
    tifffile.imwrite(paths["billion"], STACK, metadata=header)
    xml = tifffile.tiffcomment(paths["billion"])
    tifffile.tiffcomment(paths["billion"], xml.replace('SizeT="6"', 'SizeT="1000000000"').encode())
    tifffile.imwrite(paths["circle"], STACK, metadata=None)
    with tifffile.TiffFile(paths["circle"]) as tiff:
        last, first = tiff.pages[5], tiff.pages[0].offset
    data = bytearray(paths["circle"].read_bytes())
    struct.pack_into("<I", data, last.offset + 2 + 12 * len(last.tags), first)
    paths["circle"].write_bytes(data)
    blank = zlib.compress(bytes(2**21))
    tifffile.imwrite(paths["inflates"], iter([blank]), shape=(1024, 1024), dtype="u2",
                     compression="zlib", rowsperstrip=1024, metadata=None)  # fmt: skip
    for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
        patch(paths["inflates"], name, 32768)
    tifffile.imwrite(paths["side"], STACK[0], metadata=None)
    patch(paths["side"], "ImageWidth", 2**31 - 1)
    tifffile.imwrite(paths["sibling"], STACK, ome=True, metadata=header)
    xml = tifffile.tiffcomment(paths["sibling"])
    part = '><UUID FileName="pipe.tif">urn:uuid:1</UUID></TiffData>'
    there = xml.replace('PlaneCount="6"/>', f'PlaneCount="6"{part}')
    tifffile.tiffcomment(paths["sibling"], there.encode())
    if hasattr(os, "mkfifo"):
        os.mkfifo(paths["pipe"])
    return {path: path.name for path in paths.values() if path.exists()}


WORDS = {
    "billion.ome.tif": "claims 1000000000 planes in its OME header",
    "circle.tif": "in an endless loop",
    "inflates.tif": "claims to unpack to an image of 2.15 GB",
    "side.tif": "ends within its first plane",
    "pipe.tif": "is a pipe or a device, not a file",
    "sibling.tif": "refers to 'pipe.tif' for a part of its image, which is no file",
}


def test_hostile_files_take_neither_time_nor_memory(tmp_path, capsys):
    for path, name in hostile(tmp_path).items():
        assert main(["denoise", str(path), "--steps", "1"]) == 2
        printed = capsys.readouterr().err
        assert WORDS[name] in printed
        assert printed.count("\n") == 1


def test_a_segment_that_unpacks_to_more_than_its_area_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    large = np.zeros((2000, 2000), np.uint8)
    tifffile.imwrite(path, large, compression="png", rowsperstrip=2000, metadata=None)
    for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
        patch(path, name, 24)
    with pytest.raises(FileError, match="24 x 24 pixels that unpacks to 2000 x 2000"):
        reading.read_image(path)


def test_all_images_are_listed_even_if_one_cannot_be_read(tmp_path, capsys):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(STACK[:2], metadata={"axes": "TYX"}, photometric="minisblack")
        tiff.write(STACK[0, :20, :20, None].repeat(3, -1).astype(np.uint8), photometric="cielab")
    assert main(["info", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "0: TYX 2 x 24 x 30 uint16"
    assert lines[1].startswith("1: YXS 20 x 20 x 3 uint8")
    assert "It cannot be read" in lines[2]


def test_the_suffix_does_not_matter(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"II*\0")
    (tmp_path / "b.tif").write_bytes(b"\x89PNG")
    assert tiff_validation.is_tiff(tmp_path / "a.tif")
    assert not tiff_validation.is_tiff(tmp_path / "b.tif")


@pytest.mark.parametrize(
    ("name", "options"), [("Software", {}), ("ImageDescription", {"ome": True})]
)
def test_a_damaged_tag_is_a_note_and_the_image_is_read(tmp_path, name, options):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", **options)
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[0].tags[name].offset + 8
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, offset, 2**31)
    path.write_bytes(data)
    found = reading.read_image(path)
    assert np.array_equal(found.image, STACK)
    assert found.notes == (
        "A part of its header is damaged (invalid value offset 2147483648); 6 planes are read.",
    )
