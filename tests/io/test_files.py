"""Image files: axes and metadata are kept, and no file is overwritten or left half-written."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_n2s.cli.main import main
from napari_n2s.core.errors import FileError
from napari_n2s.io.file_image import FileImage
from napari_n2s.io.output_paths import check_output, write_atomically
from napari_n2s.io.pixel_size import to_imagej
from napari_n2s.io.reading import read_image
from napari_n2s.io.writing import write_image

STACK = np.random.default_rng(0).integers(0, 900, (3, 2, 24, 30)).astype(np.uint16)
MICROMETRES = {
    "PhysicalSizeX": 0.2,
    "PhysicalSizeXUnit": "µm",
    "PhysicalSizeY": 0.2,
    "PhysicalSizeYUnit": "µm",
    "TimeIncrement": 1.5,
    "TimeIncrementUnit": "s",
    "Channel": {"Name": ["DNA", "actin"]},
}
FILES = {
    "imagej.tif": {
        "imagej": True,
        "resolution": (5.0, 5.0),
        "metadata": {"axes": "ZCYX", "spacing": 0.3, "unit": "um", "Labels": list("abcdef")},
    },
    "ome.ome.tif": {"ome": True, "metadata": {"axes": "TCYX", **MICROMETRES}},
    "plain.tif": {"resolution": (30, 30), "resolutionunit": "CENTIMETER"},
    "named.tif": {"metadata": {"axes": "TZYX"}},
    "compressed.tif": {"compression": "zlib", "predictor": True},
    "lzw.tif": {"compression": "lzw"},
    "big.tif": {"bigtiff": True, "byteorder": ">"},
}


@pytest.mark.parametrize("name", FILES)
def test_axes_and_pixel_size_are_kept(tmp_path, name):
    tifffile.imwrite(tmp_path / name, STACK, **FILES[name])
    source = read_image(tmp_path / name)
    assert np.array_equal(source.image, STACK)
    write_image(tmp_path / f"new_{name}", source.image.astype(np.float32), source)
    result = read_image(tmp_path / f"new_{name}")
    assert result.image.dtype == np.float32
    assert np.array_equal(result.image, STACK)
    assert (result.axes, result.file_format) == (source.axes, source.file_format)
    assert (result.metadata, result.resolution) == (source.metadata, source.resolution)


def test_metadata_of_imagej_and_ome_is_read(tmp_path):
    for name in ("imagej.tif", "ome.ome.tif"):
        tifffile.imwrite(tmp_path / name, STACK, **FILES[name])
    imagej, ome = read_image(tmp_path / "imagej.tif"), read_image(tmp_path / "ome.ome.tif")
    assert (imagej.axes, imagej.metadata["spacing"]) == ("ZCYX", 0.3)
    assert ome.axes == "TCYX"
    assert MICROMETRES.items() <= ome.metadata.items()


@pytest.mark.parametrize(
    ("axes", "dtype"), [("YXC", "float32"), ("QQYX", "float64"), ("XY", "int32"), ("TYXS", "uint8")]
)
def test_an_image_that_imagej_cannot_hold_is_written_in_another_format(tmp_path, axes, dtype):
    image = np.zeros([{"S": 3}.get(letter, 20) for letter in axes], dtype)
    write_image(tmp_path / "a.tif", image, FileImage(image, axes))
    result = read_image(tmp_path / "a.tif")
    assert (result.image.shape, result.image.dtype) == (image.shape, image.dtype)
    assert result.axes == axes


@pytest.mark.parametrize("name", FILES)
def test_of_a_truncated_file_the_complete_planes_are_read_with_a_note(tmp_path, name):
    tifffile.imwrite(tmp_path / name, STACK, **FILES[name])
    whole = (tmp_path / name).read_bytes()
    for share in (0, 0.001, 0.1, 0.5, 0.8, 0.9):
        (tmp_path / name).write_bytes(whole[: int(share * len(whole))])
        if share <= 0.1:
            with pytest.raises(FileError, match="damaged"):
                read_image(tmp_path / name)
            continue
        found = read_image(tmp_path / name)
        pictures = found.image.reshape(-1, *STACK.shape[-2:])
        assert np.array_equal(pictures, STACK.reshape(6, *STACK.shape[-2:])[: len(pictures)])
        assert found.image.size == STACK.size or "read" in " ".join(found.notes)


@pytest.mark.parametrize("name", ["text.png", "text.tif", "text.xyz"])
def test_a_file_that_is_no_image_is_refused(tmp_path, name):
    (tmp_path / name).write_text("no image")
    with pytest.raises(FileError, match="cannot be read as an image"):
        read_image(tmp_path / name)


def test_pixel_size_survives_a_change_of_format(tmp_path):
    expected = {"X": (0.2, "µm"), "Y": (0.2, "µm")}
    for name in ("imagej.tif", "ome.ome.tif"):
        tifffile.imwrite(tmp_path / name, STACK, **FILES[name])
        source = read_image(tmp_path / name)
        for new in (f"{name}.ome.tif", f"{name}.tif", f"plain_{name}.tif"):
            axes = "CZYX"[::-1] if new.startswith("plain") else source.axes
            image = STACK.T if new.startswith("plain") else STACK
            write_image(tmp_path / new, image, replace(source, axes=axes, image=image))
            sizes = read_image(tmp_path / new).pixel_sizes
            assert {axis: sizes[axis][0] for axis in "XY"} == pytest.approx(
                {"X": 2e-5, "Y": 2e-5} if sizes["X"][1] == "cm" else {"X": 0.2, "Y": 0.2}
            )
    source = read_image(tmp_path / "imagej.tif")
    assert source.pixel_sizes == {**expected, "Z": (0.3, "µm")}
    assert read_image(tmp_path / "ome.ome.tif").pixel_sizes == {**expected, "T": (1.5, "s")}
    write_image(tmp_path / "z.ome.tif", STACK, source)
    assert read_image(tmp_path / "z.ome.tif").pixel_sizes == source.pixel_sizes
    minutes = {"metadata": {"finterval": 120.0}}
    assert (to_imagej({"T": (2.0, "min")}), to_imagej({"T": (2.0, "days")})) == (
        minutes,
        {"metadata": {}},
    )


def test_metadata_that_cannot_be_written_does_not_prevent_the_result(tmp_path):
    for name, like in {
        "unit": FileImage(STACK, "ZCYX", "imagej", {"unit": "µm", "Info": "Größe"}),
        "names": FileImage(STACK, "CTYX", "ome", {"Channel": {"Name": ["a", "b"]}}),
        "twice": FileImage(STACK, "CCYX", "ome", {}),
        "alpha": FileImage(STACK[0, 0][..., None].repeat(2, -1), "YXS", "imagej", {}),
    }.items():
        write_image(tmp_path / f"{name}.tif", like.image, like)
        assert np.array_equal(read_image(tmp_path / f"{name}.tif").image, like.image)
    micro = FileImage(STACK, "ZCYX", "imagej", {"unit": "µm"}, ((4, 4), 1))
    write_image(tmp_path / "micro.tif", STACK, micro)
    assert read_image(tmp_path / "micro.tif").pixel_sizes == {"X": (0.25, "µm"), "Y": (0.25, "µm")}


def test_of_several_images_in_a_file_one_must_be_chosen(tmp_path, capsys):
    path = tmp_path / "two.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(STACK[0])
        tiff.write(STACK[0, 0, :20])
    with pytest.raises(FileError, match=r"2 images \(0: .* 24 x 30, 1: YX 20 x 30\); choose one"):
        read_image(path)
    assert np.array_equal(read_image(path, series=0).image, STACK[0])
    assert np.array_equal(read_image(path, series=1).image, STACK[0, 0, :20])
    with pytest.raises(FileError, match="has no image 2; it holds 2"):
        read_image(path, series=2)
    assert main(["info", str(path)]) == 0
    assert "1: YX 20 x 30 uint16" in capsys.readouterr().out
    assert main(["denoise", str(path), "--steps", "1"]) == 2


def test_a_lower_resolution_can_be_chosen_and_has_larger_pixels(tmp_path):
    path, big = tmp_path / "pyramid.ome.tif", np.tile(STACK[0, 0], (4, 4))
    with tifffile.TiffWriter(path, ome=True) as tiff:
        sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
        tiff.write(big, subifds=1, metadata={"axes": "YX", **sizes}, tile=(16, 16))
        tiff.write(big[::2, ::2], subfiletype=1, tile=(16, 16))
    full, half = read_image(path), read_image(path, level=1)
    assert np.array_equal(full.image, big)
    assert np.array_equal(half.image, big[::2, ::2])
    assert ("2 resolutions" in full.notes[0], half.notes) == (True, ())
    assert (full.pixel_sizes["X"], half.pixel_sizes["X"]) == ((0.5, "µm"), (1.0, "µm"))


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    with pytest.raises(FileError, match="There is no file"):
        read_image(tmp_path / "none.tif")
    with pytest.raises(FileError, match="is a folder"):
        read_image(tmp_path)


def test_no_file_is_overwritten_and_no_folder_guessed(tmp_path):
    (tmp_path / "old.tif").write_text("dear")
    for path, words in [
        ("old.tif", "is not overwritten"),
        ("none/new.tif", "There is no folder"),
        ("new.jpg", "must end in .tif"),
    ]:
        with pytest.raises(FileError, match=words):
            check_output(tmp_path / path)


def test_a_write_that_fails_leaves_nothing(tmp_path):
    def writer(part):
        part.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(FileError, match="cannot be written: no space left on device"):
        write_atomically(tmp_path / "a.tif", writer)
    assert not list(tmp_path.iterdir())


def test_a_file_created_meanwhile_is_not_overwritten(tmp_path):
    def writer(part):
        part.write_text("mine")
        (tmp_path / "a.tif").write_text("theirs")

    with pytest.raises(FileError, match="is not overwritten"):
        write_atomically(tmp_path / "a.tif", writer)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["theirs"]


def test_a_size_in_an_unknown_unit_is_no_pixel_size(tmp_path):
    about = {"PhysicalSizeX": 1.0, "PhysicalSizeY": 1.0}
    about |= {f"{name}Unit": "pixel" for name in about}
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, ome=True, metadata={"axes": "TCYX", **about})
    source = read_image(tmp_path / "a.ome.tif")
    assert not {"X", "Y"} & set(source.pixel_sizes)
    write_image(tmp_path / "b.ome.tif", STACK, source)
    assert np.array_equal(read_image(tmp_path / "b.ome.tif").image, STACK)


def test_missing_planes_are_not_read_as_black(tmp_path):
    parts = [f"part{number}.ome.tif" for number in range(2)]
    with tifffile.TiffWriter(tmp_path / parts[0], ome=True) as tiff:
        tiff.write(STACK[0], metadata={"axes": "CYX"})
    xml = tifffile.tiffcomment(tmp_path / parts[0])
    longer = xml.replace('SizeT="1"', 'SizeT="3"')
    assert longer != xml
    tifffile.tiffcomment(tmp_path / parts[0], longer.encode())
    found = read_image(tmp_path / parts[0])
    assert np.array_equal(found.image, STACK[0])
    assert "declares 6 planes, of which 2 exist; the first 2 are read" in found.notes[0]
    later = longer.replace('<TiffData IFD="0"', '<TiffData IFD="0" FirstT="1"')
    tifffile.tiffcomment(tmp_path / parts[0], later.encode())
    with pytest.raises(FileError, match="the first is missing; put the other files"):
        read_image(tmp_path / parts[0])
