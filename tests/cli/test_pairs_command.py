"""The command line with replicates: files, folders, an axis, photon splitting."""

import json

import numpy as np
import pytest
import tifffile

from napari_n2s import denoise
from napari_n2s.cli.commands import pairs_command
from napari_n2s.cli.main import main
from napari_n2s.replicates.find import PAIRINGS as SPLITS

RNG = np.random.default_rng(0)
TRUTH = 20 + 10 * np.sin(np.arange(32) / 4)[:, None] * np.cos(np.arange(40) / 5)
MOVIE = RNG.poisson(np.broadcast_to(TRUTH, (4, 32, 40))).astype(np.uint16)
QUICK = ("--steps", "3", "--device", "cpu")
PYTHON = {"steps": 3, "device": "cpu"}


def run(*arguments) -> int:
    return main([str(each) for each in arguments])


@pytest.fixture
def folder(tmp_path):
    for name, image in (("a", MOVIE[0]), ("b", MOVIE[1]), ("small", MOVIE[1][:, :30])):
        tifffile.imwrite(tmp_path / f"{name}.tif", image)
    about = {"axes": "TYX", "finterval": 2.0, "unit": "um"}
    tifffile.imwrite(tmp_path / "movie.tif", MOVIE, imagej=True, resolution=(4, 4), metadata=about)
    for number, side in enumerate(("even", "odd")):
        (tmp_path / side).mkdir()
        for name, frame in (("one", MOVIE[number]), ("two", MOVIE[number + 2])):
            tifffile.imwrite(tmp_path / side / f"{name}.tif", frame)
    tifffile.imwrite(tmp_path / "odd" / "three.tif", MOVIE[0])
    return tmp_path


def test_two_files_are_denoised_as_from_python(folder, capsys):
    account = folder / "account.json"
    assert (
        run("denoise", folder / "a.tif", "--pair", folder / "b.tif", *QUICK, "--report", account)
        == 0
    )
    expected, report = denoise(MOVIE[0], pair=MOVIE[1], axes="YX", **PYTHON)
    assert np.array_equal(tifffile.imread(folder / "a_n2s.tif"), expected)
    assert report.sentence() in capsys.readouterr().out
    assert json.loads(account.read_text())["replicates"] == report.replicates


def test_findings_are_printed(folder, capsys):
    darker = np.rint(0.6 * MOVIE[1]).astype(np.uint16)
    tifffile.imwrite(folder / "dark.tif", darker)
    assert run("denoise", folder / "a.tif", "--pair", folder / "dark.tif", *QUICK) == 0
    assert "it is brought to the brightness of the first" in capsys.readouterr().out


def test_an_axis_is_split(folder):
    assert run("denoise", folder / "movie.tif", "--pairs-axis", "T", *QUICK) == 0
    expected, _ = denoise(MOVIE, axes="TYX", pairs_axis="T", **PYTHON)
    assert np.array_equal(tifffile.imread(folder / "movie_n2s.tif"), expected)
    out = folder / "one.tif"
    options = ("--pairs-axis", "t", "--pairing", "repeats", "-o", out, "--dtype", "same")
    assert run("denoise", folder / "movie.tif", *options, *QUICK) == 0
    with tifffile.TiffFile(out) as tiff:
        assert tiff.series[0].axes == "YX"
        assert tiff.asarray().dtype == np.uint16
        assert tiff.pages[0].tags["XResolution"].value == (4, 1)


def test_photons_are_split(folder):
    out = folder / "photons_split.tif"
    assert (
        run("denoise", folder / "a.tif", "--split-photons", "-o", out, *QUICK, "--seed", "4") == 0
    )
    expected, _ = denoise(MOVIE[0], split_photons=True, seed=4, **PYTHON)
    assert np.array_equal(tifffile.imread(out), expected)


def test_folders_are_matched_by_name(folder, capsys):
    out = folder / "clean"
    assert run("denoise", "--pairs", folder / "even", folder / "odd", "-o", out, *QUICK) == 0
    assert sorted(each.name for each in out.iterdir()) == ["one.tif", "two.tif"]
    stacks = MOVIE[[0, 2]], MOVIE[[1, 3]]
    expected, _ = denoise(stacks[0], pair=stacks[1], axes="PYX", **PYTHON)
    for name, image in zip(("one", "two"), expected, strict=True):
        assert np.array_equal(tifffile.imread(out / f"{name}.tif"), image)
    assert "1 files are not in all folders" in capsys.readouterr().out
    assert run("denoise", "--pairs", folder / "even", folder / "odd", "-o", out, *QUICK) == 2
    assert "is not overwritten" in capsys.readouterr().err


@pytest.mark.parametrize("first", [".", "../even", "../odd/../even"])
def test_folders_may_be_relative(folder, monkeypatch, first):
    monkeypatch.chdir(folder / "even")
    assert run("denoise", "--pairs", first, "../odd", *QUICK) == 0
    assert sorted(each.name for each in (folder / "even_n2s").iterdir()) == ["one.tif", "two.tif"]


def test_the_root_folder_has_no_default_output(folder, monkeypatch, capsys):
    monkeypatch.setattr(pairs_command, "_common_names", lambda _: (["one.tif"], 0))
    assert run("denoise", "--pairs", "/", folder / "odd", *QUICK) == 2
    assert "name an output with -o" in capsys.readouterr().err


def test_bad_input_is_one_sentence_and_nothing_is_written(folder, capsys):
    a, even = folder / "a.tif", folder / "even"
    (folder / "empty").mkdir()
    twins = [folder / "left", folder / "right"]
    for number, each in enumerate(twins):
        each.mkdir()
        for name in ("one.tif", "one.tiff"):
            tifffile.imwrite(each / name, MOVIE[number])
    for arguments, expected in (
        ([], "Name an image"),
        ([a, "--pair", a], "same as one before it, noise and all"),
        ([a, "--pair", folder / "small.tif"], "differ in size"),
        ([a, "--pair", folder / "none.tif"], "There is no file"),
        ([a, "--pairs-axis", "T"], "no axis T"),
        ([a, "--register"], "add pair"),
        ([folder / "movie.tif", "--pairs-axis", "T", "--register"], "leave it out"),
        ([a, "--pairing", "halves"], "add pairs_axis"),
        (["--pairs", even, folder / "odd", "--pairing", "halves"], "cannot be combined with INPUT"),
        ([a, "--loss", "l1"], "replicates that are predicted from each other"),
        ([a, "--pair", folder / "b.tif", "--split-photons"], "choose one of them"),
        (
            [a, "--pair", folder / "b.tif", "--method", "median"],
            "cannot be combined with replicates",
        ),
        ([a, "--pairs", even, folder / "odd"], "cannot be combined with INPUT"),
        (["--pairs", *twins], "would have the same name"),
        (["--pairs", even], "two folders or more"),
        (["--pairs", even, folder / "none"], "There is no folder"),
        (["--pairs", even, folder / "empty"], "share no image"),
    ):
        before = sorted(folder.iterdir())
        assert run("denoise", *arguments, *QUICK) == 2
        printed = capsys.readouterr()
        assert expected in printed.err
        assert printed.err.count("\n") == 1
        assert sorted(folder.iterdir()) == before


def test_the_command_line_offers_every_pairing():
    assert pairs_command.PAIRINGS == SPLITS
