"""Files: what they say of axes and pixel size stays, and nothing is lost or half-written."""

import numpy as np
import pytest
import tifffile

from napari_n2s.ideas.errors import FileError
from napari_n2s.work.files import Recording, check_output, read, write, write_whole

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
    "compressed.tif": {"compression": "zlib"},
    "big.tif": {"bigtiff": True, "byteorder": ">"},
}


@pytest.mark.parametrize("name", FILES)
def test_axes_and_pixel_size_stay(tmp_path, name):
    tifffile.imwrite(tmp_path / name, STACK, **FILES[name])
    source = read(tmp_path / name)
    assert np.array_equal(source.image, STACK)
    write(tmp_path / f"new_{name}", source.image.astype(np.float32), source)
    result = read(tmp_path / f"new_{name}")
    assert result.image.dtype == np.float32
    assert np.array_equal(result.image, STACK)
    assert (result.axes, result.flavour) == (source.axes, source.flavour)
    assert (result.metadata, result.resolution) == (source.metadata, source.resolution)


def test_what_a_file_says_is_understood(tmp_path):
    for name in ("imagej.tif", "ome.ome.tif"):
        tifffile.imwrite(tmp_path / name, STACK, **FILES[name])
    imagej, ome = read(tmp_path / "imagej.tif"), read(tmp_path / "ome.ome.tif")
    assert (imagej.axes, imagej.metadata["spacing"]) == ("ZCYX", 0.3)
    assert ome.axes == "TCYX"
    assert MICROMETRES.items() <= ome.metadata.items()


@pytest.mark.parametrize(
    ("axes", "dtype"), [("YXC", "float32"), ("QQYX", "float64"), ("XY", "int32"), ("TYXS", "uint8")]
)
def test_an_image_that_a_dialect_cannot_hold_is_written_plainly(tmp_path, axes, dtype):
    image = np.zeros([{"S": 3}.get(letter, 20) for letter in axes], dtype)
    write(tmp_path / "a.tif", image, Recording(image, axes))
    result = read(tmp_path / "a.tif")
    assert (result.image.shape, result.image.dtype) == (image.shape, image.dtype)
    assert result.axes == axes


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path, name):
    tifffile.imwrite(tmp_path / name, STACK, **FILES[name])
    whole = (tmp_path / name).read_bytes()
    for share in (0, 0.001, 0.1, 0.5, 0.8):
        (tmp_path / name).write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(FileError, match="damaged, incomplete or of another kind"):
            read(tmp_path / name)


@pytest.mark.parametrize("name", ["text.png", "text.tif", "text.xyz"])
def test_what_is_not_an_image_is_refused(tmp_path, name):
    (tmp_path / name).write_text("no image")
    with pytest.raises(FileError, match="cannot be read as an image"):
        read(tmp_path / name)


def test_what_is_missing_or_a_folder_is_refused(tmp_path):
    with pytest.raises(FileError, match="There is no file"):
        read(tmp_path / "none.tif")
    with pytest.raises(FileError, match="is a folder"):
        read(tmp_path)


def test_no_file_is_overwritten_and_no_folder_guessed(tmp_path):
    (tmp_path / "old.tif").write_text("dear")
    for path, words in [
        ("old.tif", "is left as it is"),
        ("none/new.tif", "There is no folder"),
        ("new.jpg", "must end in .tif"),
    ]:
        with pytest.raises(FileError, match=words):
            check_output(tmp_path / path)


def test_a_write_that_fails_leaves_nothing(tmp_path):
    def writer(part):
        part.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(FileError, match="cannot be written: No space left on device"):
        write_whole(tmp_path / "a.tif", writer)
    assert not list(tmp_path.iterdir())
