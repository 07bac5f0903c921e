"""Files larger than memory: read and written in parts, and resumed after an interruption."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from napari_n2s import DeviceError, FileError, ImageError, Settings, denoise
from napari_n2s.cli.main import main
from napari_n2s.core.progress import Applying
from napari_n2s.images.axes import parse_axes
from napari_n2s.images.chunks import cut
from napari_n2s.images.image import open_image
from napari_n2s.io import reading
from napari_n2s.io.file_image import FileImage
from napari_n2s.io.ome_zarr import writing as zarr_result
from napari_n2s.io.tiff.lazy import LazyTiff
from napari_n2s.pipeline.resumable import denoising_to
from napari_n2s.preparation import sampling

RNG = np.random.default_rng(0)
MOVIE = RNG.poisson(np.linspace(5, 60, 40), (6, 2, 40, 40)).astype(np.uint16)
QUICK = ("--steps", "3", "--device", "cpu", "--context", "0")
AXES = [
    {"name": "t", "type": "time", "unit": "second"},
    {"name": "c", "type": "channel"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "micrometer"},
]
STEPS = [
    {"type": "scale", "scale": [2.0, 1.0, 0.25, 0.25]},
    {"type": "translation", "translation": [0.0, 0.0, 10.0, 20.0]},
]
SIZES = {"T": (2.0, "s"), "Y": (0.25, "µm"), "X": (0.25, "µm")}


def write_ome_zarr(path, image=MOVIE, form=3, axes=AXES, steps=STEPS):
    levels = [{"path": name, "coordinateTransformations": steps} for name in ("full", "half")]
    about = {"multiscales": [{"version": "0.4", "axes": axes, "datasets": levels}]}
    about["omero"] = {"channels": [{"label": "DNA"}, {"label": "actin"}]}
    attributes = {"ome": {"version": "0.5", **about}} if form == 3 else about
    group = zarr.create_group(str(path), zarr_format=form, attributes=attributes)
    for name, data in (("full", image), ("half", image[..., ::2, ::2])):
        group.create_array(name, data=data, chunks=(4, 1, 20, 40))
    return path


def run(*arguments) -> int:
    return main([str(each) for each in arguments])


@pytest.fixture(scope="module")
def expected():
    clean, _ = denoise(MOVIE, axes="TCYX", steps=3, device="cpu", context=0)
    return clean


@pytest.mark.parametrize("form", [2, 3])
def test_ome_zarr_is_denoised_as_from_memory_and_keeps_what_it_says(tmp_path, form, expected):
    source = write_ome_zarr(tmp_path / "cells.ome.zarr", form=form)
    assert reading.read_image(source).pixel_sizes == SIZES
    assert run("denoise", source, *QUICK) == 0
    clean = reading.read_image(tmp_path / "cells_n2s.ome.zarr")
    assert np.array_equal(clean.image[:], expected)
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


def test_a_plain_array_of_zarr_is_read_with_the_axes_given(tmp_path, expected):
    zarr.array(MOVIE, store=str(tmp_path / "a.zarr"), chunks=(1, 2, 40, 40))
    same = ("--axes", "tcyx", "--dtype", "same", "-o", tmp_path / "b.zarr")
    assert run("denoise", tmp_path / "a.zarr", *QUICK, *same) == 0
    clean = reading.read_image(tmp_path / "b.zarr")
    assert clean.image.dtype == np.uint16
    assert np.abs(clean.image[:] - expected).max() <= 0.5
    assert clean.axes == "TCYX"


def test_what_a_tiff_says_is_said_again_in_zarr_and_back(tmp_path, expected):
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
def test_a_large_tiff_is_read_and_written_piece_by_piece(tmp_path, monkeypatch, options, expected):
    monkeypatch.setattr(reading, "LARGE", 1000)
    tifffile.imwrite(tmp_path / "a.tif", MOVIE, metadata={"axes": "TCYX"}, **options)
    source = reading.read_image(tmp_path / "a.tif")
    assert isinstance(source.image, LazyTiff)
    assert np.array_equal(pickle.loads(pickle.dumps(source.image))[1:3, 0], MOVIE[1:3, 0])
    assert run("denoise", tmp_path / "a.tif", *QUICK) == 0
    monkeypatch.undo()
    clean = reading.read_image(tmp_path / "a_n2s.tif")
    assert np.array_equal(clean.image, expected)
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


def interrupt(source, out, share):
    settings = Settings(steps=3, device="cpu", context=0)
    work = denoising_to(out, [source], reading.read_image(source), settings, np.dtype("f4"))
    for state in work:
        if isinstance(state, Applying) and state.done > share:
            work.close()
            return


def test_what_was_interrupted_goes_on_and_is_the_same_to_the_bit(
    tmp_path, expected, capsys, monkeypatch
):
    source, out = write_ome_zarr(tmp_path / "a.zarr"), tmp_path / "b.zarr"
    interrupt(source, out, 0.6)
    part = tmp_path / "b.zarr.part"
    assert not out.exists()
    written = {each: each.stat().st_mtime_ns for each in (part / "0" / "c").rglob("0")}
    chunks = [each for each in written if each.is_file()]
    assert 4 <= len(chunks) < 12
    (chunks[-1].parent / "1.dead.partial").write_text("left by a process that was killed")
    out_again = ("denoise", source, "-o", out, "--report", tmp_path / "r.json")
    assert run(*out_again, *QUICK, "--seed", "1") == 2
    assert "was begun with other settings; repeat that command" in capsys.readouterr().err
    assert run(*out_again, *QUICK, "--axes", "TCXY") == 2
    assert "other axes" in capsys.readouterr().err
    monkeypatch.setattr("napari_n2s.pipeline.resumable.training", None)
    assert run(*out_again, *QUICK) == 0
    assert "Resumed from" in capsys.readouterr().out
    assert np.array_equal(reading.read_image(out).image[:], expected)
    assert json.loads((tmp_path / "r.json").read_text())["steps"] > 0
    frames = {each: int(each.relative_to(part).parts[2]) for each in chunks}
    kept = [out / each.relative_to(part) for each in chunks if frames[each] < 4]  # of whole boxes
    assert {each.stat().st_mtime_ns for each in kept} <= set(written.values())
    assert not list(out.rglob("*.partial"))
    assert not part.exists()


@pytest.mark.parametrize("form", [2, 3])
def test_a_damaged_chunk_does_not_count_as_finished(tmp_path, form):
    image = np.random.default_rng(0).normal(size=(1, 24, 24)).astype("f4")
    like = FileImage(image=image, axes="TYX", file_format="zarr", metadata={"format": form})
    result = zarr_result.ZarrOutput(tmp_path / "a.zarr", like, image.dtype)
    whole = (slice(0, 1), slice(0, 24), slice(0, 24))
    result[whole] = image
    assert result.is_written(whole)
    (chunk,) = [each for each in tmp_path.rglob("0") if each.is_file()]
    sound = chunk.read_bytes()
    for place in range(0, len(sound), 7):
        chunk.write_bytes(sound[:place] + bytes([sound[place] ^ 4]) + sound[place + 1 :])
        assert not result.is_written(whole) or np.array_equal(result._array[...], image)


def test_what_another_byte_order_was_written_into_is_not_taken_up(tmp_path):
    like = FileImage(image=np.zeros((1, 24, 24), "f4"), axes="TYX")
    result = zarr_result.ZarrOutput(tmp_path / "a.zarr", like, np.dtype("f4"))
    metadata = result._folder / "zarr.json"
    metadata.write_text(metadata.read_text().replace('"little"', '"big"'))
    with pytest.raises(ValueError, match="another one"):
        zarr_result.ZarrOutput(tmp_path / "a.zarr", like, np.dtype("f4"))


def test_a_disk_that_is_full_loses_nothing(tmp_path, monkeypatch, capsys, expected):
    source, out = write_ome_zarr(tmp_path / "a.zarr"), tmp_path / "b.zarr"
    sound, count = zarr_result.ZarrOutput.__setitem__, []

    def fill(result, index, values):
        count.append(1)
        if len(count) > 3:
            raise OSError(28, "No space left on device")
        sound(result, index, values)

    with monkeypatch.context() as patch:
        patch.setattr(zarr_result.ZarrOutput, "__setitem__", fill)
        assert run("denoise", source, "-o", out, *QUICK) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.endswith(
        "b.zarr cannot be written: no space left on device; solve this, then repeat the "
        "command to continue."
    )
    assert run("denoise", source, "-o", out, *QUICK) == 0
    assert np.array_equal(reading.read_image(out).image[:], expected)


def test_what_cannot_be_read_is_said_before_the_training(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sampling, "MAX_TRAINING_VALUES", 2**13)
    source = write_ome_zarr(tmp_path / "a.zarr")
    chunk = source / "full" / "c" / "1" / "0" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:9])
    assert run("denoise", source, *QUICK) == 2
    said = capsys.readouterr().err.splitlines()
    assert "pieces to train on were left out. A part of the image cannot be read" in said[1]
    assert said[-1].startswith("napari-n2s: A part of the image cannot be read")


class Endless:
    """An array that no memory holds."""

    shape, dtype, ndim = (10**6, 2000, 2000), np.dtype(np.uint16), 3

    def __getitem__(self, box):
        return np.zeros([len(range(*s.indices(n))) for s, n in zip(box, self.shape, strict=True)])


def test_what_cannot_be_delivered_is_refused_before_the_training(monkeypatch):
    def train(*_, **__):
        raise AssertionError("It was trained for nothing.")

    monkeypatch.setattr("napari_n2s.pipeline.denoise_one.preparing", train)
    gap = MOVIE.astype(np.float32)
    gap[-1, 0, 0, 0] = np.nan
    with pytest.raises(ImageError, match="NaN"):
        denoise(gap, axes="TCYX")
    for options in ({}, {"pairs_axis": "T"}):
        with pytest.raises(DeviceError, match="GB of memory"):
            denoise(Endless(), axes="TYX", **options)


@pytest.mark.parametrize("kind", ["zarr", "tif"])
def test_replicates_in_zarr_keep_all_metadata_but_those_of_their_axis(tmp_path, kind):
    source, out = write_ome_zarr(tmp_path / "a.zarr"), tmp_path / f"b.{kind}"
    options = ("--pairs-axis", "T", "--pairing", "halves", "--steps", "3", "--device", "cpu")
    assert run("denoise", source, "-o", out, *options) == 0
    result = reading.read_image(out)
    assert (result.axes, result.image.shape) == ("CYX", MOVIE.shape[1:])
    assert result.pixel_sizes == {axis: SIZES[axis] for axis in "YX"}


def bad_calls(tmp_path):
    source = write_ome_zarr(tmp_path / "a.zarr")
    (tmp_path / "empty").mkdir()
    yield ["denoise", tmp_path / "empty"], "is a folder but no zarr"
    zarr.create_group(str(tmp_path / "group.zarr"))
    yield ["denoise", tmp_path / "group.zarr"], "no OME-Zarr"
    write_ome_zarr(tmp_path / "odd.zarr", axes=[["t"], 5, "y", "x"])
    yield ["denoise", tmp_path / "odd.zarr"], "is no readable OME-Zarr 0.4 or 0.5"
    yield ["denoise", source, "-o", source], "exists and is not overwritten"
    yield ["denoise", source, "-o", tmp_path / "b.png"], "must end in .tif or .tiff or .zarr"
    yield ["denoise", source, "-o", tmp_path / "b.zarr", "--axes", "QCYX"], "cannot hold the axes"
    (tmp_path / "c.zarr.part").mkdir()
    yield ["denoise", source, "-o", tmp_path / "c.zarr"], "is in the way"
    damaged = write_ome_zarr(tmp_path / "damaged.zarr")
    chunk = damaged / "full" / "c" / "0" / "0" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:9])
    yield ["denoise", damaged, "-o", tmp_path / "b.zarr"], "A part of the image cannot be read"
    cluster = ("--scheduler", "tcp://127.0.0.1:1")
    yield ["denoise", source, "-o", tmp_path / "b.tif", *cluster], "ends in .zarr"


def test_bad_input_is_one_sentence_and_nothing_is_left(tmp_path, capsys):
    for arguments, expected in list(bad_calls(tmp_path)):
        before = sorted(tmp_path.rglob("*"))
        assert run(*arguments, "--steps", "1", "--device", "cpu") == 2
        printed = capsys.readouterr()
        assert expected in printed.err
        assert printed.err.startswith("napari-n2s: ")
        assert printed.err.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("read", "written"), [((4, 1, 9, 9), (1, 1, 9, 9)), ((6, 2, 9, 9), (4, 3, 9, 9))]
)
def test_boxes_cover_an_image_once_and_share_no_chunk(read, written):
    found = parse_axes((9, 7, 20, 20), "TZYX")
    count, owner = np.zeros(found.shape, int), {}
    for number, box in enumerate(cut(found, read, written)):
        count[box] += 1
        for t in range(box[0].start, box[0].stop):
            for z in range(box[1].start, box[1].stop):
                assert owner.setdefault((t // written[0], z // written[1]), number) == number
    assert (count == 1).all()


def test_what_is_no_model_is_refused(tmp_path):
    from napari_n2s.inference.model_file import load_model

    (tmp_path / "a.safetensors").write_text("no model")
    with pytest.raises(FileError, match="holds no model that can be read"):
        load_model(Path(tmp_path / "a.safetensors"))
