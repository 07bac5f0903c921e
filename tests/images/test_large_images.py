"""Images larger than memory: what is read of them, and how they are denoised."""

import re
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import dask.array as da
import numpy as np
import pytest
import torch
import zarr
from brief_training import QUICK, train_briefly

from conftest import LONG, click
from conftest import finish as finish_dock
from napari_n2s import ImageError, Settings, calibrate, train
from napari_n2s.core.generators import finish
from napari_n2s.images.axes import APART
from napari_n2s.images.image import open_image
from napari_n2s.inference import brightness, model, tile_size
from napari_n2s.methods.blind_spot import BlendModel, BlindSpot
from napari_n2s.noise.bias import Bias
from napari_n2s.noise.noise_model import NoiseCurve
from napari_n2s.noise.quantile_curve import Curve
from napari_n2s.pipeline.reports.report import report_of
from napari_n2s.preparation import sampling
from napari_n2s.preparation.streaming import SampleStream
from napari_n2s.widgets.denoise import on_demand

RNG = np.random.default_rng(0)


@pytest.fixture
def small(monkeypatch):
    """Let some thousand pixels be a large image."""
    monkeypatch.setattr(sampling, "MAX_TRAINING_VALUES", 2**14)


class Counted:
    """A large movie in a file, that counts what is read of it."""

    def __init__(self, image, chunks=None):
        self.image, self.chunks, self.read = image, chunks, 0
        self.shape, self.ndim, self.dtype = image.shape, image.ndim, image.dtype

    def __getitem__(self, index):
        part = self.image[index]
        self.read += part.size
        return part


MOVIE = RNG.poisson(np.tile(np.linspace(5, 60, 64), (24, 48, 1))).astype(np.uint16)


def test_of_a_large_image_no_more_is_read_than_is_trained_on(small):
    source = Counted(MOVIE)
    drawn, unread = sampling.sample_pieces(open_image(source, "TYX"), seed=0)
    assert (drawn.axes, unread) == (APART + "TYX", "")
    assert 2**13 < drawn.size == source.read <= 2**14
    _, run, height, width = drawn.shape
    assert run == 5
    corners = product(range(20), range(49 - height), range(65 - width))
    whole = {MOVIE[t : t + 5, y : y + height, x : x + width].tobytes() for t, y, x in corners}
    assert all(piece.tobytes() in whole for piece in drawn.pixels)
    many = open_image(np.broadcast_to(MOVIE[0], (9, 8, 3, 48, 64)), "PTZYX")
    assert sampling.sample_pieces(many, seed=0).image.shape[1:4] == (5, 5, 1)
    again, _ = sampling.sample_pieces(open_image(MOVIE, "TYX"), seed=0)
    assert np.array_equal(drawn.pixels, again.pixels)
    *_, last = train(source, axes="TYX", steps=2, context=1, device="cpu")
    assert source.read < 2**15
    assert last.best.context.axis == "T"
    assert drawn.layout.sample_axes == "T"
    calibrate(source, axes="TYX")
    assert source.read <= 3 * 2**14


def test_a_large_image_is_denoised_as_a_small_one_and_read_once(small, tmp_path):
    last = train_briefly(MOVIE, axes="TYX", context=1)
    expected = last.best.apply(MOVIE, axes="TYX")
    source = Counted(MOVIE, chunks=(10, 24, 64))
    out = zarr.create_array(
        str(tmp_path / "out"), shape=MOVIE.shape, chunks=(1, 48, 64), dtype="f4"
    )
    result = finish(last.best.applying(open_image(source, "TYX"), out=out))
    assert result is out
    assert np.array_equal(out[:], expected)
    assert source.read == MOVIE.size
    with pytest.raises(ImageError, match="must be the same"):
        finish(last.best.applying(open_image(source, "TYX"), out=np.empty((2, 2))))


@pytest.mark.parametrize("network", ["donut", "unet-small"])
def test_blocks_of_a_large_image_leave_no_seam(monkeypatch, network):
    truth = 30 + 20 * np.sin(np.arange(150) / 9)[:, None] * np.cos(np.arange(90) / 7)
    noisy = RNG.poisson(truth)
    last = train_briefly(noisy, steps=10, network=network)
    # What a small block and the whole say of the noise differs; that aside, they are the same.
    level = Curve(np.zeros((1, 1)), np.full((1, 1), 0.3))
    bias, noise = Bias(level, level, level), NoiseCurve(*np.full((3, 1), 0.1))
    blend, planned = BlendModel(noise, bias, np.ones(1), level), []
    monkeypatch.setattr(BlindSpot, "fit_blend", lambda *_: planned.append(1) or blend)
    monkeypatch.setattr(brightness, "CELL", 16**2)  # as much smaller as blocks are here
    results = []
    for block in (2**22, 70**2):
        monkeypatch.setattr(model, "BLOCK", block)
        monkeypatch.setattr(model, "CHUNK", 10)
        results += [last.best.apply(noisy, invariant=each) for each in (False, True)]
    for whole, blocks in zip(results[:2], results[2:], strict=True):
        assert np.abs(blocks - whole).max() < 1e-4 * np.ptp(whole)
    assert len(planned) == (2 if network == "donut" else 0), "once for each image"


def test_tiles_are_as_large_as_free_memory_allows(monkeypatch):
    best, tiles = train_briefly(MOVIE[0]).best, []
    sound = model.Model.applying

    def applying(self, *given, tile, **options):
        tiles.append(tile)
        return sound(self, *given, tile=tile, **options)

    monkeypatch.setattr(model.Model, "applying", applying)
    for free in (10**9, 2 * 10**8, 1):
        monkeypatch.setattr("napari_n2s.inference.tile_size.free_memory", lambda _, free=free: free)
        finish(tile_size.applying(best, torch.device("cpu"), open_image(MOVIE[0])))
    assert tiles == [384, 192, 96]


class Broken(Counted):
    def __getitem__(self, index):
        times = range(24)[index[0]]
        if 7 in (times if isinstance(times, range) else [times]):
            raise OSError("chunk 7 is damaged")
        return super().__getitem__(index)


def test_unreadable_pieces_of_a_large_image_are_not_trained_on(small):
    *_, last = train(Broken(MOVIE), axes="TYX", settings=QUICK)
    report = report_of(last)
    assert re.search(
        r" \d of \d+ pieces to train on were left out. A part of the image cannot be read "
        r"\(chunk 7 is damaged\); check that its file is complete [^.]*\.$",
        report.sentence(),
    )
    assert calibrate(Broken(MOVIE), axes="TYX").sentence().endswith(report.findings[0])

    class Lost(Broken):
        def __getitem__(self, index):
            raise OSError("the disk is gone")

    with pytest.raises(ImageError, match="the disk is gone"):
        train(Lost(MOVIE), axes="TYX", settings=QUICK)


def test_what_cannot_be_read_is_said_in_a_sentence():
    last = train_briefly(MOVIE, axes="TYX")
    with pytest.raises(
        ImageError, match=r"cannot be read \(chunk 7 is damaged\); check that its file"
    ):
        last.best.apply(Broken(MOVIE), axes="TYX")


def test_a_stream_yields_every_slice_with_its_neighbours():
    image = RNG.normal(size=(3, 2, 4, 20, 26))
    beside = np.array([[(n + 1) % 12] for n in range(12)])
    for source in (image, Counted(image, chunks=(2, 1, 3, 20, 26))):
        opened = open_image(source, "TCZYX")
        stream = SampleStream(opened, None, np.dtype("f8"), Settings(), neighbours=beside)
        for number in stream.samples:
            (sample, excluded), [(other, _)] = stream.read(number, stream.space)
            t, z = divmod(int(number), 4)
            assert np.array_equal(sample, image[t, :, z])
            t, z = divmod((int(number) + 1) % 12, 4)
            assert np.array_equal(other, image[t, :, z])
            stream.write(number, stream.space, sample.copy(), sample, excluded.kept(Settings()))
        assert np.array_equal(stream.result, image)


def test_the_result_of_a_large_layer_is_denoised_as_it_is_looked_at(
    viewer, open_dock, qtbot, small
):
    source = viewer.add_image(da.from_array(MOVIE, chunks=(1, 48, 64)), axis_labels="tyx")
    viewer.dims.set_point(0, 3)
    dock = open_dock()
    dock.seconds.setValue(1)
    click(qtbot, dock.train)
    finish_dock(qtbot, dock)
    result = viewer.layers[f"{source.name} [n2s]"]
    assert isinstance(result.data, on_demand.OnDemand)
    assert result.data.shape == MOVIE.shape
    clean = dock.session.progress.best.apply(MOVIE, axes="TYX")
    assert np.array_equal(result.data[3], clean[3])
    assert np.array_equal(result.data[8], MOVIE[8]), "the noisy one, until it is there"
    viewer.dims.set_point(0, 8)
    qtbot.waitUntil(lambda: np.array_equal(result.data[8], clean[8]), timeout=LONG)
    assert np.array_equal(result.data[8, 30:10:-3, ..., :20], clean[8, 30:10:-3, :20])
    assert np.array_equal(np.asarray(result.data), clean)
    with ThreadPoolExecutor(2) as pool:  # who is not the window waits
        parts = list(pool.map(result.data.__getitem__, [slice(4, 6), (-1, slice(5, 25))]))
    assert np.array_equal(parts[0], clean[4:6])
    assert np.array_equal(parts[1], clean[-1, 5:25])
    viewer.dims.ndisplay = 3
    assert np.array_equal(result.data[:, :4], MOVIE[:, :4]), "a volume would take too long"
    qtbot.waitUntil(lambda: not result.data.busy, timeout=LONG)


def test_a_large_layer_is_filtered_whole(viewer, qtbot, small):
    source = viewer.add_image(da.from_array(MOVIE, chunks=(1, 48, 64)), axis_labels="tyx")
    viewer.dims.set_point(0, 3)
    _, dock = viewer.window.add_plugin_dock_widget("napari-n2s", "Calibrated filter")
    click(qtbot, dock.apply)
    qtbot.waitUntil(lambda: f"{source.name} [n2s]" in viewer.layers, timeout=LONG)
    assert viewer.layers[f"{source.name} [n2s]"].data.shape == MOVIE.shape
    qtbot.waitUntil(lambda: dock.apply.isEnabled(), timeout=LONG)
