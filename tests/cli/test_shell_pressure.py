"""The command line with unusual names, closed or full streams, signals and full disks."""

import io
import os
import signal
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from napari_n2s import FileError, train
from napari_n2s.cli.console import TolerantStream, printable
from napari_n2s.cli.main import main
from napari_n2s.core.settings import Settings
from napari_n2s.inference.tiling import count_passes
from napari_n2s.io import output_paths, temporary_files
from napari_n2s.training.schedule import INFERENCE_SHARE, Schedule

CPU = torch.device("cpu")
IMAGE = np.random.default_rng(0).poisson(20, (24, 24)).astype(np.uint16)
NAMES = ["a\x1b[31m\nb", "x" * 244]
if sys.platform == "linux":  # macOS takes names in UTF-8 only
    NAMES.append(os.fsdecode(b"\xff\xe9"))
posix = pytest.mark.skipif(sys.platform == "win32", reason="names, signals and limits of POSIX")


@pytest.fixture
def noisy(tmp_path):
    path = tmp_path / "noisy.tif"
    tifffile.imwrite(path, IMAGE)
    return path


def filtered(source, output, *more):
    return main(
        [str(each) for each in ("denoise", source, "-o", output, "--method", "mean", *more)]
    )


def test_overwriting_the_input_is_refused_in_one_sentence(noisy, capsys):
    assert filtered(noisy, noisy) == 2
    said = capsys.readouterr().err
    assert said == f"napari-n2s: {noisy} exists and is not overwritten; choose another name.\n"
    assert np.array_equal(tifffile.imread(noisy), IMAGE)


@posix
@pytest.mark.parametrize("name", NAMES)
def test_unusual_names_are_read_written_and_printed_escaped(noisy, tmp_path, capsys, name):
    source, output = tmp_path / f"{name}.tif", tmp_path / f"{name}_n2s.tif"
    noisy.rename(source)
    assert filtered(source, output) == 0
    assert tifffile.imread(output).shape == IMAGE.shape
    assert filtered(source, output) == 2
    assert filtered(tmp_path / f"{name}.none", tmp_path / "b.tif") == 2
    printed = capsys.readouterr()
    assert all(line.isprintable() for line in (printed.out + printed.err).splitlines())
    assert len(printed.err.splitlines()) == 2
    assert printable(name) in printed.out
    assert sorted(tmp_path.iterdir()) == sorted([source, output])


def full():
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    return Path("/dev/full").open("w")


def reader_gone():
    read, write = os.pipe()
    os.close(read)
    return os.fdopen(write, "w")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


def ascii_only():
    return io.TextIOWrapper(io.BytesIO(), "ascii")


@posix
@pytest.mark.parametrize("make", [full, reader_gone, closed, ascii_only, lambda: None])
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_broken_stream_does_not_end_the_work(noisy, tmp_path, monkeypatch, name, make):
    stream = make()
    monkeypatch.setattr(sys, name, stream)
    assert filtered(noisy, tmp_path / "µ.tif") == 0
    assert tifffile.imread(tmp_path / "µ.tif").shape == IMAGE.shape
    assert filtered(noisy, noisy) == 2
    if stream:
        stream.close()  # with nothing left to be written that could not


@posix
def test_a_full_output_is_reported_once(monkeypatch, capsys):
    with full() as stream:
        monkeypatch.setattr(sys, "stdout", TolerantStream(stream))
        print("one\ntwo")
        print("three")
    told = capsys.readouterr().err
    assert told == "napari-n2s: Nothing more can be printed: no space left on device.\n"


@pytest.mark.parametrize("error", [KeyError("a\nb"), OSError(5, "Input/output error", "a.tif")])
def test_an_unexpected_exception_is_one_sentence(noisy, tmp_path, monkeypatch, capsys, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("napari_n2s.io.reading.read_image", fail)
    assert filtered(noisy, tmp_path / "a.tif") == 2
    said = capsys.readouterr().err
    assert said.startswith("napari-n2s: ")
    assert said.count("\n") == 1
    monkeypatch.setenv("NAPARI_N2S_TRACEBACK", "1")
    with pytest.raises(type(error)):
        filtered(noisy, tmp_path / "a.tif")


@posix
def test_the_command_starts_with_closed_streams_and_returns_its_status(tmp_path):
    for streams, said in (("", "There is no file"), (">&- 2>&-", "")):
        script = f'exec "$0" -m napari_n2s denoise none.tif {streams}'
        command = ["sh", "-c", script, sys.executable]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert done.stderr.count("\n") == bool(said)


WRITING = """
import os, signal, sys, time
from pathlib import Path
from napari_n2s.cli import signals
signals.install_handlers()
from napari_n2s.io.output_paths import atomic_path
with signals.exit_message(lambda: "Some is kept."), atomic_path(Path(sys.argv[1])) as part:
    part.mkdir()
    (part / "half").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def writing(tmp_path):
    """Start a process that writes `tmp_path / "out.zarr"`, and kill it at the end."""
    started = []

    def start():
        out = tmp_path / "out.zarr"
        command = [sys.executable, "-c", WRITING, str(out)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        assert started[-1].stdout.readline() == b"ready\n"
        return started[-1], out

    yield start
    for each in started:
        each.kill()
        each.communicate()


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_leaves_one_line_and_nothing_else(tmp_path, writing, name):
    process, _ = writing()
    assert len(list(tmp_path.iterdir())) == 2
    number = getattr(signal, name)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    expected = "interrupted." if name == "SIGINT" else f"ended by {name}."
    assert said.decode() == f"napari-n2s: {expected} Some is kept.\n"
    assert not list(tmp_path.iterdir())


@posix
def test_a_second_writer_is_refused_and_files_of_a_killed_one_are_removed(
    noisy, tmp_path, writing, monkeypatch, capsys
):
    monkeypatch.setattr(temporary_files, "LOCK_INTERVAL", 0.001)
    process, out = writing()
    before = sorted(tmp_path.rglob("*"))
    assert filtered(noisy, out) == 2
    assert f"Another process is writing {out}" in capsys.readouterr().err
    with pytest.raises(FileError, match="Another process"), output_paths.atomic_path(out):
        raise AssertionError
    assert filtered(noisy, tmp_path / "other.tif") == 0
    assert set(before) < set(tmp_path.rglob("*"))
    process.kill()
    process.wait()
    assert set(before) < set(tmp_path.rglob("*"))
    (tmp_path / "other.tif").unlink()
    assert filtered(noisy, tmp_path / "other.tif") == 0
    assert sorted(tmp_path.iterdir()) == [noisy, tmp_path / "other.tif"]


@posix
def test_a_full_disk_is_reported_and_nothing_is_left(noisy, tmp_path, monkeypatch, capsys):
    import resource

    kind, before = resource.RLIMIT_FSIZE, resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(kind, (1000, before[1]))
        status = filtered(noisy, tmp_path / "a.tif")
    finally:
        resource.setrlimit(kind, before)
    assert status == 2
    assert "a.tif cannot be written: no space left on device, or" in capsys.readouterr().err
    usage = namedtuple("usage", "free")(1000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    monkeypatch.setattr("napari_n2s.calibration.calibrate.calibrate", None)
    assert filtered(noisy, tmp_path / "a.tif") == 2
    assert "There is not enough space for" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [noisy]


def test_the_number_of_passes_fits_the_time_left():
    settings = {"network": "unet-small", "invariant": True, "grid_width": 16, "device": "cpu"}
    *_, last = train(IMAGE, steps=1, **settings)
    assert count_passes(last.best.method(0, 0, CPU), 2, invariant=True) == 256
    fewer = replace(last.best, passes=40).method(0, 0, CPU)
    assert count_passes(fewer, 2, invariant=True) == 36
    schedule = Schedule()
    schedule.set_budget(Settings(seconds=10, invariant=True), nothing_to_learn=False)
    schedule.scored(0.01, 30.0, passes=(256, 16))
    assert schedule.passes == 34
    assert schedule._reserved < INFERENCE_SHARE * 10
    schedule.scored(0.01, 0.5, passes=(256, 16))
    assert schedule.passes == 256
    schedule.scored(0.01, 3000.0, passes=(256, 16))
    assert schedule.passes == 16
