"""A cluster gives the same result as one process, and a lost worker costs no box."""

import os
import sys
import warnings
from dataclasses import replace

import dask
import numpy as np
import psutil
import pytest
import zarr
from distributed import Client, LocalCluster

from napari_n2s import ImageError, train
from napari_n2s.cli.main import main
from napari_n2s.images.chunks import chunks_of, cut
from napari_n2s.images.image import open_image
from napari_n2s.inference.distributed import applying_on
from napari_n2s.io.reading import read_image

RNG = np.random.default_rng(0)
MOVIE = RNG.poisson(np.linspace(5, 60, 32), (8, 24, 32)).astype(np.uint16)


@pytest.fixture(scope="module")
def trained():
    """Train one network for a moment."""
    *_, last = train(MOVIE, axes="TYX", steps=1, device="cpu", context=1)
    return replace(last.best, turns=1)


@pytest.fixture(scope="module")
def expected(trained):
    return trained.apply(MOVIE, axes="TYX")


@pytest.fixture(scope="module")
def client():
    """Start real processes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
        # The client is not the one that is found when none is named.
        with (
            LocalCluster(**options, silence_logs=50) as here,
            Client(here, set_as_default=False) as client,
        ):
            yield client


@pytest.fixture
def movie(tmp_path):
    return zarr.array(MOVIE, store=str(tmp_path / "a.zarr"), chunks=(5, 24, 16))


def place(path, chunks=(1, 24, 32)):
    return zarr.create_array(str(path), shape=MOVIE.shape, chunks=chunks, dtype="f4")


def test_a_cluster_gives_what_one_machine_gives(client, trained, expected, movie, tmp_path):
    for chunks in ((1, 24, 32), (7, 12, 32)):
        out = place(tmp_path / str(chunks[0]), chunks)
        assert trained.apply(movie, axes="TYX", out=out, client=client) is out
        assert np.array_equal(out[:], expected)


def test_a_worker_that_is_killed_costs_nothing(client, trained, expected, tmp_path):
    movie = zarr.array(MOVIE, store=str(tmp_path / "single.zarr"), chunks=(1, 24, 32))
    out, killed = place(tmp_path / "b.zarr"), []
    image = open_image(movie, "TYX")
    boxes = cut(image.layout, image.chunks, chunks_of(out, out.ndim))
    for _ in applying_on(client, trained, image, out, boxes):
        if not killed:
            pid = next(iter(client.run(os.getpid).values()))
            psutil.Process(pid).kill()
            killed.append(pid)
    assert np.array_equal(out[:], expected)
    client.wait_for_workers(2)


def test_the_shell_sends_the_work_to_a_scheduler(client, movie, tmp_path, capsys):
    call = ["denoise", str(tmp_path / "a.zarr"), "--axes", "TYX", "--steps", "1", "--device", "cpu"]
    here, there = (str(tmp_path / name) for name in ("here.zarr", "there.zarr"))
    assert main([*call, "-o", here]) == 0
    address = client.cluster.scheduler_address
    assert main([*call, "-o", there, "--scheduler", address]) == 0
    assert np.array_equal(
        read_image(tmp_path / "there.zarr").image[:], read_image(tmp_path / "here.zarr").image[:]
    )


def test_what_workers_cannot_reach_is_refused(client, trained, movie):
    for out in (None, np.empty(MOVIE.shape), zarr.zeros(MOVIE.shape)):
        with pytest.raises(ImageError, match="cannot write to the memory"):
            trained.apply(movie, axes="TYX", out=out, client=client)


def test_without_a_cluster_a_sentence_says_what_to_do(movie, tmp_path, capsys, monkeypatch):
    out = str(tmp_path / "b.zarr")
    call = ["denoise", str(tmp_path / "a.zarr"), "-o", out, "--scheduler", "tcp://127.0.0.1:1"]
    with dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}):
        assert main(call) == 2
    assert "No scheduler answers at tcp://127.0.0.1:1" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(call) == 2
    assert "pip install 'napari-n2s[distributed]'" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["a.zarr"]
