"""The command line: denoising files, and one sentence where that is impossible."""

import json
import signal
import subprocess
import sys

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from napari_n2s import Settings, calibrate, denoise
from napari_n2s.cli.commands import calibrate_command
from napari_n2s.cli.main import main
from napari_n2s.core.settings import words
from napari_n2s.filters.catalogue import METHODS
from napari_n2s.methods.blind_spot import BlindSpot

STACK = np.random.default_rng(0).poisson(20, (2, 24, 30)).astype(np.uint16)
QUICK = ("--steps", "3", "--device", "cpu")


@pytest.fixture
def noisy(tmp_path):
    path = tmp_path / "noisy.tif"
    about = {"axes": "ZYX", "spacing": 0.5, "unit": "um"}
    tifffile.imwrite(path, STACK, imagej=True, resolution=(4, 4), metadata=about)
    return path


def run(*arguments) -> int:
    return main([str(each) for each in arguments])


def test_a_tiff_is_denoised_as_from_python_and_keeps_its_pixel_size(noisy, tmp_path, capsys):
    out, report = tmp_path / "out.tif", tmp_path / "report.json"
    assert run("denoise", noisy, "-o", out, *QUICK, "--seed", "4", "--report", report) == 0
    expected, account = denoise(STACK, axes="ZYX", steps=3, seed=4, device="cpu")
    with tifffile.TiffFile(out) as tiff:
        assert np.array_equal(tiff.asarray(), expected)
        assert tiff.series[0].axes == "ZYX"
        assert tiff.imagej_metadata["spacing"] == 0.5
        assert tiff.pages[0].tags["XResolution"].value == (4, 1)
    told = json.loads(report.read_text())
    assert Settings(**told["settings"]) == account.settings
    assert told["network"]["loss"] == account.network.loss
    printed = capsys.readouterr()
    assert account.sentence() in printed.out
    assert "100 %" in printed.err
    assert "\r" not in printed.err


@pytest.mark.parametrize(
    ("shape", "dtype"), [((24, 30), "uint8"), ((24, 30), "uint16"), ((24, 30, 3), "uint8")]
)
def test_a_png_is_denoised_in_its_own_dtype_next_to_it(tmp_path, shape, dtype):
    image = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    iio.imwrite(tmp_path / "a.png", image)
    assert run("denoise", tmp_path / "a.png", *QUICK, "--dtype", "same") == 0
    result = tifffile.imread(tmp_path / "a_n2s.tif")
    assert (result.shape, result.dtype) == (shape, dtype)


def test_axes_can_be_corrected(noisy, tmp_path):
    assert run("denoise", noisy, "-o", tmp_path / "out.tif", *QUICK, "--axes", "cyx") == 0
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        assert tiff.series[0].axes == "CYX"
        together, _ = denoise(STACK, axes="CYX", steps=3, device="cpu")
        assert np.array_equal(tiff.asarray(), together)


def test_the_demo_writes_its_images_and_reduces_the_error(tmp_path, capsys):
    assert run("demo", tmp_path / "demo", "--seconds", "1", "--device", "cpu") == 0
    noisy, denoised, truth = (
        tifffile.imread(tmp_path / "demo" / f"{name}.tif")
        for name in ("noisy", "denoised", "truth")
    )
    assert noisy.shape == denoised.shape == truth.shape == (512, 512)
    noise, left = (np.mean((each - truth) ** 2) for each in (noisy.astype(float), denoised))
    assert left < 0.2 * noise
    assert iio.imread(tmp_path / "demo" / "before_after.png").shape == (256, 768)
    assert "denoised" in capsys.readouterr().out
    assert run("demo", tmp_path / "demo", *QUICK) == 2
    assert "is not overwritten" in capsys.readouterr().err


def bad_calls(noisy, tmp_path):
    for name, image in {
        "row": STACK[0, :1],
        "nan": np.where(STACK[0] > 30, np.nan, STACK[0]),
        "complex": STACK * 1j,
        "cut": STACK,
    }.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", image)
    (tmp_path / "cut.tif").write_bytes((tmp_path / "cut.tif").read_bytes()[:1500])
    (tmp_path / "text.png").write_text("no image")
    yield ["denoise", tmp_path / "none.tif"], "There is no file"
    (tmp_path / "empty").mkdir()
    yield ["denoise", tmp_path / "empty"], "is a folder"
    yield ["denoise", tmp_path / ("long" * 100)], "file name too long"
    yield ["denoise", noisy, "-o", tmp_path / ("long" * 100 + ".tif")], "cannot be written"
    yield ["denoise", tmp_path / "row.tif"], "at least 16"
    yield ["denoise", tmp_path / "nan.tif"], "NaN or infinite"
    yield ["denoise", tmp_path / "complex.tif"], "complex"
    yield ["denoise", tmp_path / "cut.tif"], "damaged or incomplete"
    yield ["denoise", tmp_path / "text.png"], "cannot be read as an image"
    yield ["denoise", noisy, "--axes", "YX"], "name 2 axes, but the image has 3"
    yield ["denoise", noisy, "--seconds", "0"], "seconds is 0"
    yield ["denoise", noisy, "-o", noisy], "is not overwritten"
    yield ["denoise", noisy, "-o", tmp_path / "none" / "a.tif"], "There is no folder"
    yield ["denoise", noisy, "--report", tmp_path / "none" / "a.json"], "There is no folder"
    yield ["demo", noisy / "folder"], "cannot be created"


def contents(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def test_bad_input_is_one_sentence_and_status_2_and_nothing_is_written(noisy, tmp_path, capsys):
    for arguments, expected in list(bad_calls(noisy, tmp_path)):
        before = contents(tmp_path)
        assert run(*arguments) == 2
        printed = capsys.readouterr()
        assert expected in printed.err
        assert printed.err.startswith("napari-n2s: ")
        assert printed.err.count("\n") == 1
        assert printed.out == ""
        assert contents(tmp_path) == before


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(
    noisy, tmp_path, capsys, monkeypatch
):
    def refuse(dir):  # noqa: A002 (tempfile's name); root may write anywhere
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert run("denoise", noisy, "-o", tmp_path / "a.tif") == 2
    assert "cannot be written to (permission denied); choose another" in capsys.readouterr().err


def test_ctrl_c_ends_the_training_and_keeps_the_best_network(noisy, tmp_path, monkeypatch):
    sound = BlindSpot.loss

    def interrupt(*arguments):
        if not interrupted:
            interrupted.append(True)
            signal.raise_signal(signal.SIGINT)
        return sound(*arguments)

    interrupted = []
    monkeypatch.setattr(BlindSpot, "loss", interrupt)
    before = signal.getsignal(signal.SIGINT)
    assert run("denoise", noisy, "-o", tmp_path / "out.tif", "--seconds", "600") == 0
    assert signal.getsignal(signal.SIGINT) == before
    assert tifffile.imread(tmp_path / "out.tif").shape == STACK.shape


@pytest.mark.parametrize(
    ("ending", "words"), [("tif", "nothing is kept"), ("zarr", "same command resumes")]
)
def test_ctrl_c_while_applying_says_what_a_second_one_does(
    noisy, tmp_path, monkeypatch, capsys, ending, words
):
    sound = BlindSpot.blend

    def interrupt(*arguments):
        if not interrupted:
            interrupted.append(True)
            signal.raise_signal(signal.SIGINT)
        return sound(*arguments)

    interrupted = []
    monkeypatch.setattr(BlindSpot, "blend", interrupt)
    assert run("denoise", noisy, "-o", tmp_path / f"out.{ending}", *QUICK) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "Ctrl-C" in line]
    assert len(lines) == 1
    assert lines[0].startswith("The network is being applied; Ctrl-C once more")
    assert words in lines[0]


def test_the_bar_on_a_terminal_stays_on_its_line(noisy, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert run("denoise", noisy, "-o", tmp_path / "out.tif", *QUICK) == 0
    lines = capsys.readouterr().err.split("\r")
    assert len(lines) > 2
    assert all(len(line.rstrip("\n")) < 80 for line in lines)


def test_every_setting_is_explained(capsys):
    with pytest.raises(SystemExit):
        run("denoise", "--help")
    text = " ".join(capsys.readouterr().out.split()).replace("- ", "-")
    for name in Settings.__dataclass_fields__:
        assert f"--{name.replace('_', '-')}" in text
        assert words(name).replace("- ", "-") in text


def loaded_modules(code: str) -> set[str]:
    listing = f"import sys\n{code}\nprint(*sorted(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {"torch", "qtpy", "PyQt5", "PyQt6", "PySide6", "napari", "magicgui", "pyqtgraph", "numpy"}


def test_importing_the_package_loads_nothing_heavy():
    assert not loaded_modules("import napari_n2s") & HEAVY


@pytest.mark.parametrize("dock", ["denoise", "pairs", "calibrate"])
def test_opening_a_dock_loads_no_torch(dock):
    assert "torch" not in loaded_modules(f"import napari_n2s.widgets.{dock}.dock")


def test_the_command_line_loads_no_gui(noisy):
    code = (
        f"from napari_n2s.cli.main import main; main(['denoise', {str(noisy)!r}, '--steps', '1'])"
    )
    assert loaded_modules(code) & HEAVY == {"torch", "numpy"}


def test_a_filter_is_calibrated_plotted_and_applied(noisy, tmp_path, capsys):
    curve, values, out = (tmp_path / name for name in ("curve.png", "values.json", "out.tif"))
    assert run("calibrate", noisy, "--plot", curve, "--json", values, "-o", out) == 0
    found = calibrate(STACK, axes="ZYX")
    assert found.sentence() in capsys.readouterr().out
    told = json.loads(values.read_text())
    assert told["best"]["values"] == found.best.values
    assert len(told["tried"]) == len(found.tried)
    assert np.array_equal(tifffile.imread(out), found.apply(STACK))
    assert iio.imread(curve).std() > 5
    other = tmp_path / "other.tif"
    assert run("denoise", noisy, "--method", "median", "-o", other) == 0
    assert np.array_equal(tifffile.imread(other), found.apply(STACK))
    assert run("calibrate", noisy, "--json", values) == 2
    assert "exists and is not overwritten" in capsys.readouterr().err


def test_the_command_line_offers_every_filter():
    assert calibrate_command.METHODS == METHODS
