"""Pretrained weights: trained on simulated images alone."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest
import torch
from qtpy.QtCore import QThreadPool
from scipy.ndimage import gaussian_filter1d

from cameras import Camera
from conftest import LONG, NOISY, click, finish
from napari_n2s import denoise, train
from napari_n2s.core.settings import Settings
from napari_n2s.images.image import open_image
from napari_n2s.methods import factory
from napari_n2s.nn.blind_spot_network import BlindSpotNetwork
from napari_n2s.nn.muon import Muon
from napari_n2s.nn.pretrained import fits, weights_for
from napari_n2s.pipeline.first_look import first_look
from napari_n2s.simulation import fluorescence
from napari_n2s.training.optimization import SETTLING
from napari_n2s.training.schedule import TRIALS
from napari_n2s.widgets.denoise.first_look_panel import NAME, WORDS
from scenes import draw_scene

CELLS = fluorescence.picture(256, seed=5)


def last(image, **settings):
    *_, progress = train(image, device="cpu", **settings)
    return progress


def error(image, truth):
    return float(np.mean((image - truth) ** 2))


def record_rates(image):
    """Train for 60 steps; give the end and the largest learning rate."""
    rates, step = [], Muon.step

    def record(self, rate, decay):
        rates.append(rate)
        step(self, rate, decay)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Muon, "step", record)
        return last(image, steps=60), max(rates)


@pytest.fixture(scope="module")
def first():
    """Train for one step, after the weights were scored as they came."""
    return last(CELLS.noisy, steps=1)


@pytest.fixture(scope="module")
def trained():
    return record_rates(CELLS.noisy)


def test_pretrained_weights_predict_an_image_better_than_any_filter_before_training_on_it(first):
    assert first.best.settings.pretrained
    assert first.best.score.loss < min(each.score.loss for each in first.baselines)
    scratch = last(CELLS.noisy, steps=60, pretrained=False)
    assert first.best.score.loss < scratch.best.score.loss


def test_training_on_the_image_makes_it_better(first, trained):
    later, _ = trained
    assert later.best.score.loss < first.best.score.loss
    clean = later.best.apply(CELLS.noisy)
    assert error(clean, CELLS.truth) < 0.1 * error(CELLS.noisy, CELLS.truth)


def lattice():
    places = np.stack(np.indices((128, 128)), -1) @ [[0.2, 0.85, -0.75], [0.95, -0.3, 0.6]]
    truth = 127 + 40 * np.cos(places).sum(-1)
    return truth + np.random.default_rng(0).normal(0, 25, truth.shape)


def test_an_image_unlike_the_simulated_ones_is_trained_on_with_a_larger_learning_rate(trained):
    usual, other = trained, record_rates(lattice())
    assert all(progress.best.settings.pretrained for progress, _ in (usual, other))
    assert other[1] > 1.3 * usual[1]


@pytest.mark.parametrize(
    ("image", "steps", "forgets"),
    [(CELLS.noisy, 2000, False), (lattice(), 60, False), (lattice(), 2000, True)],
)
def test_weights_that_do_not_fit_are_partly_redrawn_if_there_is_time_to_train(
    image, steps, forgets
):
    progress = next(
        each for each in train(image, steps=steps, device="cpu") if each.step > SETTLING
    )
    assert progress.trainer.settings.pretrained
    network = progress.trainer._optimization._network
    start, now = weights_for(network.radius)["first.weight"], network.first.weight.detach()
    moved = float((now - start).norm() / start.norm())
    assert (moved > 0.3) if forgets else (moved < 0.1)


@pytest.mark.parametrize("slope", [0, 0.4])
def test_nothing_is_invented_where_there_is_nothing(slope):
    truth = 100 + slope * np.arange(96) * np.ones((96, 1))
    noisy = truth + np.random.default_rng(0).normal(0, 20, truth.shape)
    model = last(noisy, steps=20).best
    assert model.settings.pretrained
    for invariant in (False, True):
        clean = model.apply(noisy, invariant=invariant)
        assert error(clean, truth) < 0.02 * 20**2


def test_a_few_steps_from_scratch_win_over_misleading_pretrained_weights(monkeypatch):
    def misleading(*kind, **of):
        return {name: torch.zeros_like(each) for name, each in weights_for(*kind, **of).items()}

    monkeypatch.setattr(factory.pretrained, "weights_for", misleading)
    snapshots = train(CELLS.noisy[:128, :128], steps=240, device="cpu")
    trial = 240 // TRIALS
    progress = next(each for each in snapshots if each.step > trial)
    assert not progress.best.settings.pretrained


@pytest.mark.parametrize(
    ("image", "settings"),
    [
        (np.stack([NOISY] * 3, -1), {}),
        (NOISY, {"blind_spot_radius": (0, 2), "invariant": True}),
        (NOISY, {"network": "unet-small"}),
        (np.full((32, 32), 7), {}),
    ],
)
def test_where_none_fits_the_training_is_from_scratch_and_says_so(image, settings):
    _, report = denoise(image, steps=2, device="cpu", **settings)
    assert not report.settings.pretrained
    assert "pretrained" not in report.sentence()
    assert "simulated" not in report.methods()


def test_the_report_names_it():
    _, report = denoise(NOISY, steps=2, device="cpu")
    assert "pretrained" in report.sentence()
    assert "simulated" in report.methods()


def test_neighbours_unseen_in_pretraining_have_no_effect_at_first():
    alone, beside = (BlindSpotNetwork(radius=(3, 3), guides=guides).eval() for guides in (0, 4))
    for network in (alone, beside):
        network.load_state_dict(weights_for(network.radius, network.guides))
    x = torch.randn(1, 3, 48, 48)
    with torch.inference_mode():
        neighbours = torch.randn(1, 4, 48, 48)
        assert torch.allclose(beside(torch.cat([x, neighbours], 1)), alone(x), atol=1e-5)


def test_pretrained_weights_use_neighbouring_frames():
    scene = draw_scene(96, np.random.default_rng(777))
    movie = np.stack([scene(moment) for moment in range(5)])
    noisy = movie + np.random.default_rng(1).normal(0, movie.std(), movie.shape)
    alone, beside = (
        denoise(noisy, axes="TYX", steps=1, context=context, device="cpu")[0] for context in (0, 2)
    )
    assert error(beside, movie) < 0.8 * error(alone, movie)


@pytest.mark.parametrize("radius", [1, 2, 3, 4])
def test_correlated_noise_is_removed_with_a_wide_blind_spot(radius):
    kernel = gaussian_filter1d(np.eye(17)[8], (radius + 1) / 3.46)  # hardly reaches farther
    truth = CELLS.truth[:128, :128] if radius < 4 else CELLS.truth
    camera = Camera(read_noise=float(CELLS.noisy.std()) / 2, smear=(kernel, kernel))
    noisy = camera.record(truth, np.random.default_rng(0))
    narrow, blind, recorrupted = (
        denoise(noisy, steps=1, blind_spot_radius=each, invariant=invariant, device="cpu")[0]
        for each, invariant in ((0, False), (radius, True), (radius, False))
    )
    assert error(blind, truth) < 0.9 * error(narrow, truth)
    assert error(recorrupted, truth) < 0.7 * error(narrow, truth)


def test_its_weights_come_with_the_package_and_are_small():
    weights = files("napari_n2s") / "weights"
    names = [each.name for each in weights.iterdir()]
    assert "README.md" in names
    tensors = [each for each in names if each.endswith(".safetensors")]
    assert tensors
    assert sum(len((weights / each).read_bytes()) for each in tensors) < 3e6


def test_a_first_look_is_taken_of_what_is_in_view_on_its_own_scale():
    stack = np.stack([CELLS.noisy, 3 * CELLS.noisy[::-1]])
    box = (slice(1, 2), slice(0, 200), slice(0, 256))
    clean = first_look(open_image(stack, "TYX"), box)
    assert clean.shape == (1, 200, 256)
    truth = 3 * CELLS.truth[::-1][:200]
    assert error(clean[0], truth) < 0.15 * error(stack[1, :200], truth)
    colour = open_image(np.stack([NOISY] * 3, -1), "YXC")
    assert first_look(colour, colour.whole) is None
    assert not fits(Settings(), channels=3, ndim=2)


def named(viewer, layer):
    return f"{layer} [{NAME}]" in viewer.layers


def test_the_dock_shows_a_first_look_until_there_is_something_better(
    viewer, open_dock, qtbot, monkeypatch
):
    small = CELLS.noisy[:96, :96]
    for name, image in (("a", small), ("b", np.stack([small, small[::-1]]))):
        viewer.add_image(image, name=name)
    dock = open_dock()
    monkeypatch.setattr(dock, "isVisible", lambda: True)  # no window is, in a test
    dock.image.value = viewer.layers["a"]
    qtbot.waitUntil(lambda: named(viewer, "a"), timeout=LONG)
    dock.image.value = viewer.layers["b"]
    qtbot.waitUntil(lambda: named(viewer, "b"), timeout=LONG)
    assert not named(viewer, "a")
    assert dock.result.text() == WORDS
    layer = viewer.layers[f"b [{NAME}]"]
    at = viewer.dims.current_step[0]
    viewer.dims.set_current_step(0, 1 - at)
    qtbot.waitUntil(lambda: layer.translate[0] == 1 - at, timeout=LONG)
    click(qtbot, dock.train)
    finish(qtbot, dock)
    assert [each.name for each in viewer.layers] == ["a", "b", "b [n2s]"]
    assert dock.result.text().startswith("Squared error")
    dock.image.value = viewer.layers["a"]
    qtbot.waitUntil(lambda: named(viewer, "a"), timeout=LONG)
    viewer.layers.remove(f"a [{NAME}]")
    dock.seconds.setValue(60)
    click(qtbot, dock.train)
    qtbot.waitUntil(lambda: "a [n2s preview]" in viewer.layers, timeout=LONG)
    click(qtbot, dock.stop)
    finish(qtbot, dock)
    viewer.layers.remove("a [n2s]")
    dock.image.value = viewer.layers["b"]
    qtbot.waitUntil(lambda: QThreadPool.globalInstance().activeThreadCount() == 0, timeout=LONG)
    assert not named(viewer, "b")  # there is a result
    viewer.layers.remove("b [n2s]")
    dock.pretrained.setChecked(False)
    dock.pretrained.setChecked(True)
    qtbot.waitUntil(lambda: named(viewer, "b"), timeout=LONG)
    assert dock.result.text() == WORDS
    dock.pretrained.setChecked(False)
    qtbot.waitUntil(lambda: not named(viewer, "b"), timeout=LONG)
    assert dock.result.text() == ""
    dock.pretrained.setChecked(True)
    qtbot.waitUntil(lambda: named(viewer, "b"), timeout=LONG)
    viewer.layers.select_all()
    viewer.layers.remove_selected()
    qtbot.waitUntil(lambda: len(viewer.layers) == 0, timeout=LONG)
