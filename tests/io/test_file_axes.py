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
