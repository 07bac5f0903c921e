"""Files larger than memory: read where they lie, and written as they come."""

import pickle

import numpy as np
import pytest
import tifffile
import zarr
from ome_zarr_files import AXES, MOVIE, QUICK, SIZES, denoised_movie, run, write_ome_zarr

from napari_n2s import denoise
from napari_n2s.images.image import open_image
from napari_n2s.io import reading
from napari_n2s.io.tiff.lazy import LazyTiff
from napari_n2s.preparation import sampling


@pytest.mark.parametrize("form", [2, 3])
def test_ome_zarr_is_denoised_as_from_memory_and_keeps_what_it_says(tmp_path, form):
    source = write_ome_zarr(tmp_path / "cells.ome.zarr", form=form)
    assert reading.read_image(source).pixel_sizes == SIZES
    assert run("denoise", source, *QUICK) == 0
    clean = reading.read_image(tmp_path / "cells_n2s.ome.zarr")
    assert np.array_equal(clean.image[:], denoised_movie())
    assert clean.image.dtype == np.float32
    assert clean.image.chunks == (1, 1, 40, 40)
    assert (clean.axes, clean.pixel_sizes) == ("TCYX", SIZES)
    assert clean.metadata == reading.read_image(source).metadata
    group = zarr.open_group(str(tmp_path / "cells_n2s.ome.zarr"), mode="r")
    about = dict(group.attrs).get("ome", dict(group.attrs))
    version = about["version"] if form == 3 else about["multiscales"][0]["version"]
    assert (group.metadata.zarr_format, version) == {2: (2, "0.4"), 3: (3, "0.5")}[form]
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "cells.ome.zarr",
        "cells_n2s.ome.zarr",
    ]
    assert not list((tmp_path / "cells_n2s.ome.zarr").rglob("*.safetensors"))


def test_a_plain_array_of_zarr_is_read_with_the_axes_given(tmp_path):
    zarr.array(MOVIE, store=str(tmp_path / "a.zarr"), chunks=(1, 2, 40, 40))
    same = ("--axes", "tcyx", "--dtype", "same", "-o", tmp_path / "b.zarr")
    assert run("denoise", tmp_path / "a.zarr", *QUICK, *same) == 0
    clean = reading.read_image(tmp_path / "b.zarr")
    assert clean.image.dtype == np.uint16
    assert np.abs(clean.image[:] - denoised_movie()).max() <= 0.5
    assert clean.axes == "TCYX"


def test_what_a_tiff_says_is_said_again_in_zarr_and_back(tmp_path):
    source = tmp_path / "a.ome.tif"
    about = {"axes": "TCYX", "TimeIncrement": 2.0, "TimeIncrementUnit": "s"}
    about |= {f"PhysicalSize{axis}": 0.25 for axis in "XY"}
    tifffile.imwrite(source, MOVIE, ome=True, metadata=about)
    assert run("denoise", source, *QUICK, "-o", tmp_path / "b.zarr") == 0
    clean = reading.read_image(tmp_path / "b.zarr")
    assert (clean.axes, clean.pixel_sizes, clean.metadata["axes"]) == ("TCYX", SIZES, AXES)
    assert run("denoise", tmp_path / "b.zarr", *QUICK, "-o", tmp_path / "c.ome.tif") == 0
    assert reading.read_image(tmp_path / "c.ome.tif").pixel_sizes == SIZES


def test_axes_in_another_order_are_put_in_that_of_ome_zarr(tmp_path):
    image = MOVIE.transpose(1, 0, 2, 3)[:, :3]
    about = {"axes": "ZCYX", "spacing": 0.5, "unit": "um"}
    tifffile.imwrite(tmp_path / "a.tif", image, imagej=True, resolution=(4, 4), metadata=about)
    assert run("denoise", tmp_path / "a.tif", *QUICK, "-o", tmp_path / "b.zarr") == 0
    clean = reading.read_image(tmp_path / "b.zarr")
    straight, _ = denoise(image, axes="ZCYX", steps=3, device="cpu", context=0)
    assert clean.axes == "CZYX"
    assert np.array_equal(clean.image[:], straight.swapaxes(0, 1))
    assert clean.pixel_sizes == {"Z": (0.5, "µm"), "Y": (0.25, "µm"), "X": (0.25, "µm")}


@pytest.mark.parametrize("options", [{"imagej": True}, {"compression": "zlib", "tile": (16, 16)}])
def test_a_large_tiff_is_read_and_written_piece_by_piece(tmp_path, monkeypatch, options):
    monkeypatch.setattr(reading, "LARGE", 1000)
    tifffile.imwrite(tmp_path / "a.tif", MOVIE, metadata={"axes": "TCYX"}, **options)
    source = reading.read_image(tmp_path / "a.tif")
    assert isinstance(source.image, LazyTiff)
    assert np.array_equal(pickle.loads(pickle.dumps(source.image))[1:3, 0], MOVIE[1:3, 0])
    assert run("denoise", tmp_path / "a.tif", *QUICK) == 0
    monkeypatch.undo()
    clean = reading.read_image(tmp_path / "a_n2s.tif")
    assert np.array_equal(clean.image, denoised_movie())
    assert clean.axes == "TCYX"


def test_a_large_tiff_can_be_read_whole(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", MOVIE[:, 0], photometric="minisblack")
    monkeypatch.setattr(reading, "LARGE", 1000)
    source = reading.read_image(tmp_path / "a.tif").image
    assert isinstance(source, LazyTiff)
    assert np.array_equal(np.asarray(source), MOVIE[:, 0])


def test_pieces_hold_several_images_along_the_axis_of_the_pairs(monkeypatch):
    monkeypatch.setattr(sampling, "MAX_TRAINING_VALUES", 20_000)
    image = np.zeros((8, 20, 5, 40, 40), np.uint8)
    drawn, _ = sampling.sample_pieces(open_image(image, "PZTYX"), 0, along="T")
    assert drawn.shape[drawn.axes.index("T")] > 1


def test_a_filter_goes_through_a_folder_of_zarr_as_well(tmp_path):
    source = write_ome_zarr(tmp_path / "a.zarr")
    out = tmp_path / "b.zarr"
    assert run("denoise", source, "--method", "gaussian", "-o", out) == 0
    assert run("calibrate", source, "--method", "gaussian", "-o", tmp_path / "c.tif") == 0
    clean = reading.read_image(out).image[:]
    assert np.array_equal(clean, tifffile.imread(tmp_path / "c.tif"))
    assert clean.std() < MOVIE.std()


@pytest.mark.parametrize("kind", ["zarr", "tif"])
def test_replicates_in_zarr_keep_all_metadata_but_those_of_their_axis(tmp_path, kind):
    source, out = write_ome_zarr(tmp_path / "a.zarr"), tmp_path / f"b.{kind}"
    options = ("--pairs-axis", "T", "--pairing", "halves", "--steps", "3", "--device", "cpu")
    assert run("denoise", source, "-o", out, *options) == 0
    result = reading.read_image(out)
    assert (result.axes, result.image.shape) == ("CYX", MOVIE.shape[1:])
    assert result.pixel_sizes == {axis: SIZES[axis] for axis in "YX"}
