"""Batches, image sequences, formats other than TIFF, and damaged zarr folders."""

import gzip
import json
import os
import sys
import warnings
from types import SimpleNamespace

import dask.array
import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
import xarray
import zarr

from napari_n2s import FileError, Settings
from napari_n2s.cli.main import main
from napari_n2s.core.progress import Applying
from napari_n2s.io import reading
from napari_n2s.io.formats import natural_sort_key
from napari_n2s.pipeline.unfinished import RECORD

QUICK = ("--method", "median")
RNG = np.random.default_rng(0)
STACK = RNG.poisson(20, (3, 24, 24)).astype("u2")


def run(*arguments):
    return main(["denoise", *map(str, arguments)])


def test_several_files_are_denoised_one_by_one_and_a_damaged_one_is_reported(tmp_path, capsys):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("a10.tif", "a2.tif"):
        tifffile.imwrite(folder / name, STACK[0])
    iio.imwrite(folder / "b.png", STACK[1].astype("u1"))
    (folder / "bad.tif").write_bytes(b"II*\0nonsense")
    (folder / "notes.txt").write_text("no image")
    before = {each: each.read_bytes() for each in folder.iterdir()}
    assert run(folder, "-o", out, *QUICK) == 2
    said = capsys.readouterr()
    assert sorted(each.name for each in out.iterdir()) == ["a10.tif", "a2.tif", "b.tif"]
    assert said.out.index("a2.tif (1 of 4)") < said.out.index("a10.tif (2 of 4)")
    assert said.err.count("bad.tif") == 2  # as it happens, and at the end
    assert before == {each: each.read_bytes() for each in folder.iterdir()}
    assert run(folder / "a2.tif", folder / "b.png", "-o", folder, *QUICK) == 2
    assert "exists and is not overwritten" in capsys.readouterr().err
    assert before.items() <= {each: each.read_bytes() for each in folder.iterdir()}.items()


@pytest.mark.parametrize(("axes", "letter"), [((), "Z"), (("--axes", "TYX"), "T")])
def test_a_folder_of_slices_is_one_stack_in_natural_order(tmp_path, capsys, axes, letter):
    folder = tmp_path / "slices"
    folder.mkdir()
    for number in range(12):
        image = np.full((24, 24), 100 * number, "u2") + STACK[0]
        tifffile.imwrite(folder / f"s{number}.tif", image)
    assert run(folder, "--stack", *axes, *QUICK) == 0
    assert f"12 slices of 24 x 24 along {letter}, from s0.tif to s11" in capsys.readouterr().out
    recording = reading.read_image(tmp_path / "slices_n2s.tif")
    assert recording.axes == f"{letter}YX"
    assert (np.diff(recording.image.mean((1, 2))) > 90).all()
    tifffile.imwrite(folder / "s5.tif", STACK[0].astype("f4"), append=False)
    assert run(folder, "--stack", "-o", tmp_path / "b.tif", *QUICK) == 2
    assert "one size and type" in capsys.readouterr().err


def test_numbers_in_names_are_compared_by_value(tmp_path):
    names = ["b1.tif", "a10.tif", "a2.tif", "a2b.tif", "2.tif"]
    found = sorted((tmp_path / each for each in names), key=natural_sort_key)
    assert [each.name for each in found] == ["2.tif", "a2.tif", "a2b.tif", "a10.tif", "b1.tif"]


def test_mrc_is_written_as_mrc_with_its_voxel_size(tmp_path):
    mrcfile = pytest.importorskip("mrcfile")
    source = tmp_path / "volume.rec"
    with mrcfile.new(source) as file:
        file.set_data(STACK.astype("f4"))
        file.voxel_size = (3.5, 3.5, 7)
        file.header.origin.x = 12
        file.add_label("tilt series 3")
    assert run(source, *QUICK) == 0
    with mrcfile.open(tmp_path / "volume_n2s.rec") as file:
        assert mrcfile.validate(tmp_path / "volume_n2s.rec")
        assert file.data.shape == STACK.shape
        assert file.is_volume()
        assert file.voxel_size.tolist() == (3.5, 3.5, 7)
        assert file.header.origin.x == 12
        assert "tilt series 3" in file.get_labels()
    assert run(source, "-o", tmp_path / "a.tif", *QUICK) == 0
    sizes = reading.read_image(tmp_path / "a.tif").pixel_sizes
    assert {axis: round(step, 6) for axis, (step, _) in sizes.items()} == {
        "Z": 0.7,
        "Y": 0.35,
        "X": 0.35,
    }
    whole = source.read_bytes()
    for size in (0, 500, 1024, 3000):
        (tmp_path / "cut.mrc").write_bytes(whole[:size])
        with pytest.raises(FileError, match="damaged or incomplete"):
            reading.read_image(tmp_path / "cut.mrc")


def bioio_of(scenes):
    """A stand-in for bioio: files of these formats cannot be written here."""

    class BioImage:
        def __init__(self, path):
            self.scenes, self.resolution_levels = tuple(scenes), (0,)
            self.physical_pixel_sizes = SimpleNamespace(Z=0.3, Y=0.1, X=0.1)
            self.dimension_properties = None
            self.time_interval, self.channel_names = None, ["DAPI", "GFP"]

        def set_scene(self, number):
            data = dask.array.from_array(scenes[list(scenes)[number]])
            self.xarray_dask_data = xarray.DataArray(data, dims=list("TCZYX"))

        def set_resolution_level(self, level):
            pass

    return SimpleNamespace(BioImage=BioImage)


def test_vendor_formats_are_read_and_written_as_ome_tiff(tmp_path, monkeypatch, capsys):
    path, image = tmp_path / "a.czi", np.stack([STACK, STACK + 5])[None]
    path.write_bytes(b"ZISRAWFILE")
    monkeypatch.setitem(sys.modules, "bioio", bioio_of({"one": image}))
    assert run(path, *QUICK) == 0
    with tifffile.TiffFile(tmp_path / "a_n2s.tif") as tiff:
        assert tiff.is_ome
        assert tiff.series[0].axes == "CZYX"
        assert 'Name="GFP"' in tiff.ome_metadata
    assert reading.read_image(tmp_path / "a_n2s.tif").pixel_sizes["Z"] == (0.3, "µm")
    monkeypatch.setitem(sys.modules, "bioio", bioio_of({"one": image, "two": image[:, :, :1]}))
    assert run(path, "-o", tmp_path / "b.tif", *QUICK) == 2
    assert "2 scenes (0: one, 1: two); choose one with --series" in capsys.readouterr().err
    assert run(path, "-o", tmp_path / "b.tif", "--series", "1", *QUICK) == 0
    assert reading.read_image(tmp_path / "b.tif").axes == "CYX"


@pytest.mark.parametrize(("name", "package"), [("a.czi", "bioio-czi"), ("a.mrc", "mrcfile")])
def test_a_missing_library_is_named(tmp_path, monkeypatch, name, package):
    (tmp_path / name).write_bytes(bytes(2000))
    for library in ("bioio", "mrcfile"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(FileError, match=f"python -m pip install .*{package}$"):
        reading.read_image(tmp_path / name)


def damaged(folder):
    """Yield damaged folders of zarr, each with a part of the expected error."""
    space = [{"name": each, "type": "space"} for each in "zyx"]

    def ome(name, axes=space, version="0.5"):
        about = {"axes": axes, "datasets": [{"path": "0"}]}
        attributes = {"ome": {"version": version, "multiscales": [about]}}
        group = zarr.create_group(folder / name, zarr_format=3, attributes=attributes)
        group.create_array("0", data=STACK, chunks=(1, 24, 24))
        return folder / name

    yield ome("names.zarr", [{"name": ["z"]}, *space[1:]]), "declares no path or no axes"
    deep = ome("deep.zarr")
    (deep / "0" / "zarr.json").write_text('{"a":' * 100_000)
    yield deep, "cannot be opened"
    word = ome("word.zarr") / "zarr.json"
    content = json.loads(word.read_text())
    content["attributes"]["ome"] = "0.5"
    word.write_text(json.dumps(content))
    yield word.parent, "no OME-Zarr"
    for name, shape in (("huge.zarr", (2**31,) * 4), ("long.zarr", (2**40, 24, 24))):
        chunks = (*(1,) * (len(shape) - 2), 24, 24)
        zarr.create_array(folder / name, shape=shape, chunks=chunks, dtype="u2")
        yield folder / name, "never written"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about dtypes outside the standard
        for name, dtype in (("text.zarr", str), ("letters.zarr", "U4")):
            zarr.create_array(folder / name, shape=(24, 24), chunks=(24, 24), dtype=dtype)
            yield folder / name, "which are no intensities"
    loop = folder / "loop.zarr"
    loop.symlink_to(loop)
    yield loop, "symbolic links"


def test_a_damaged_folder_of_zarr_is_one_sentence(tmp_path, capsys):
    for path, words in damaged(tmp_path):
        assert run(path, "-o", tmp_path / "out.zarr") == 2
        said = capsys.readouterr().err
        assert words in said
        assert said.count("\n") == 1


def test_a_chunk_that_decompresses_beyond_its_pixels_is_not_read(tmp_path):
    codec = zarr.codecs.GzipCodec()
    array = zarr.create_array(
        tmp_path / "a.zarr", data=STACK, chunks=(1, 24, 24), compressors=codec
    )
    chunk = tmp_path / "a.zarr" / array.metadata.encode_chunk_key((1, 0, 0))
    chunk.write_bytes(gzip.compress(bytes(2**27)))
    with pytest.raises(ValueError, match="decompresses to more"):
        reading.read_image(tmp_path / "a.zarr").image[1]
    if not hasattr(os, "mkfifo"):
        return
    chunk.unlink()
    os.mkfifo(chunk)
    with pytest.raises(ValueError, match="a pipe or a device"):
        reading.read_image(tmp_path / "a.zarr").image[1]


def write_half(source, output):
    """Denoise, stop when most is written, and return the work to resume."""
    from napari_n2s.pipeline.resumable import denoising_to

    settings = Settings(steps=1, device="cpu", context=0)
    work = denoising_to(output, [source], reading.read_image(source), settings, np.dtype("f4"))
    for state in work:
        if isinstance(state, Applying) and state.done > 0.9:
            break
    work.close()
    return denoising_to(output, [source], reading.read_image(source), settings, np.dtype("f4"))


def test_a_damaged_partial_result_is_not_resumed(tmp_path):
    source, output = tmp_path / "a.zarr", tmp_path / "b.zarr"
    zarr.create_array(source, data=RNG.poisson(9, (20, 24, 24)).astype("u2"), chunks=(1, 24, 24))
    work = write_half(source, output)
    part = output.with_name("b.zarr.part")
    for name in (RECORD, "0/zarr.json", "zarr.json"):
        whole = (part / name).read_bytes()
        for damaged in (whole[:-40], whole[:60] + b"7" + whole[61:], b""):
            if damaged == whole:
                continue
            (part / name).write_bytes(damaged)
            with pytest.raises(FileError, match="is damaged and cannot be continued"):
                list(write_half(source, output))
        (part / name).write_bytes(whole)
    chunk = part / "0" / "c" / "3" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:20])
    list(work)
    assert np.isfinite(reading.read_image(output).image[...]).all()
