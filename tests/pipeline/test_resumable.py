"""What was interrupted or cannot be done: nothing is lost, and it is taken up again."""

import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from ome_zarr_files import MOVIE, QUICK, denoised_movie, run, write_ome_zarr

from napari_n2s import DeviceError, FileError, ImageError, Settings, denoise
from napari_n2s.core.progress import Applying
from napari_n2s.images.axes import parse_axes
from napari_n2s.images.chunks import cut
from napari_n2s.io import reading
from napari_n2s.io.file_image import FileImage
from napari_n2s.io.ome_zarr import writing as zarr_result
from napari_n2s.pipeline.resumable import denoising_to
from napari_n2s.preparation import sampling


def interrupt(source, out, share):
    settings = Settings(steps=3, device="cpu", context=0)
    work = denoising_to(out, [source], reading.read_image(source), settings, np.dtype("f4"))
    for state in work:
        if isinstance(state, Applying) and state.done > share:
            work.close()
            return


def test_what_was_interrupted_goes_on_and_is_the_same_to_the_bit(tmp_path, capsys, monkeypatch):
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
    assert np.array_equal(reading.read_image(out).image[:], denoised_movie())
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


def test_a_disk_that_is_full_loses_nothing(tmp_path, monkeypatch, capsys):
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
    assert np.array_equal(reading.read_image(out).image[:], denoised_movie())


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

    monkeypatch.setattr("napari_n2s.pipeline.denoise_one.preparing_training_data", train)
    gap = MOVIE.astype(np.float32)
    gap[-1, 0, 0, 0] = np.nan
    with pytest.raises(ImageError, match="NaN"):
        denoise(gap, axes="TCYX")
    for options in ({}, {"pairs_axis": "T"}):
        with pytest.raises(DeviceError, match="GB of memory"):
            denoise(Endless(), axes="TYX", **options)


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
