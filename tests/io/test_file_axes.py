"""Axes read from the file of a layer."""

import numpy as np
import pytest
import tifffile
import zarr

from napari_n2s.io.file_axes import read_axes

IMAGE = np.zeros((2, 3, 20, 26), np.uint16)


def write_tiff(path, axes):
    tifffile.imwrite(path, IMAGE, imagej=True, metadata={"axes": axes})


def write_zarr(path, axes):
    about = {"multiscales": [{"axes": [{"name": each.lower()} for each in axes]}]}
    zarr.create_group(str(path), zarr_format=2, attributes=about, overwrite=True)


@pytest.mark.parametrize("write", [write_tiff, write_zarr])
def test_an_overwritten_file_has_its_new_axes(tmp_path, write):
    path = tmp_path / "a"
    write(path, "ZCYX")
    assert read_axes(path, IMAGE.shape) == "ZCYX"
    write(path, "TCYX")
    assert read_axes(path, IMAGE.shape) == "TCYX"


def test_files_say_what_their_axes_are(tmp_path):
    image = np.zeros((2, 3, 20, 26), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", image, imagej=True, metadata={"axes": "ZCYX"})
    tifffile.imwrite(tmp_path / "b.ome.tif", image, metadata={"axes": "TCYX"})
    assert read_axes(tmp_path / "a.tif", image.shape) == "ZCYX"
    assert read_axes(tmp_path / "b.ome.tif", image.shape) == "TCYX"
    assert read_axes(tmp_path / "b.ome.tif", (3, 20, 26)) is None
    assert read_axes(tmp_path / "none.tif", image.shape) is None
    about = [{"axes": [{"name": name} for name in ("time", "c", "y", "x")]}]
    for name, attributes in (
        ("v2.zarr", {"multiscales": about}),
        ("v3.zarr", {"ome": {"multiscales": about}}),
    ):
        form = 2 if name == "v2.zarr" else 3
        zarr.create_group(str(tmp_path / name), zarr_format=form, attributes=attributes)
        assert read_axes(tmp_path / name, image.shape) == "TCYX"
        assert read_axes(tmp_path / name, image.shape[1:]) is None


def test_the_pages_of_an_ome_tiff_are_not_visited_for_its_axes(tmp_path, monkeypatch):
    images = {"TCYX": (3, 2, 20, 26), "CZYX": (2, 3, 20, 26), "TZCYX": (1, 3, 2, 20, 26)}
    for axes, shape in images.items():
        image = np.zeros(shape, np.uint16)
        tifffile.imwrite(tmp_path / f"{axes}.ome.tif", image, metadata={"axes": axes})
    colour = np.zeros((3, 20, 26, 3), np.uint8)
    options = {"photometric": "rgb", "metadata": {"axes": "TYXS"}}
    tifffile.imwrite(tmp_path / "colour.ome.tif", colour, **options)
    assert read_axes(tmp_path / "colour.ome.tif", colour.shape) == "TYXS"
    monkeypatch.setattr(tifffile.TiffFile, "series", property(lambda _: 1 / 0))
    for axes, shape in images.items():
        found = axes.replace("T", "") if shape[0] == 1 else axes
        assert read_axes(tmp_path / f"{axes}.ome.tif", shape[-len(found) :]) == found
