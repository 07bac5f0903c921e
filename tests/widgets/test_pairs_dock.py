"""The dock of pairs, through its real widgets in a real viewer."""

import gc
from weakref import ref

import numpy as np
import pytest
from qtpy.QtCore import QThreadPool

from conftest import LONG, click, finish, shown
from napari_n2s.core.settings import choices
from napari_n2s.widgets.pairs.dock import UNUSED, PairsDock
from napari_n2s.widgets.pairs.rows import LOSSES, WAYS

RNG = np.random.default_rng(0)
TRUTH = 50 + 40 * np.sin(np.arange(64) / 4)[:, None] * np.cos(np.arange(48) / 5)
ONE, TWO, *_ = FRAMES = RNG.poisson(np.broadcast_to(TRUTH, (6, 64, 48))).astype(np.uint16)
TURNED = {
    "scale": (2, 0.5, 0.25),
    "translate": (1, 2, 3),
    "rotate": [[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]],
    "shear": (0, 0, 0.1),
    "affine": np.diag([1, 1.5, 1, 1]),
}


@pytest.fixture
def open_dock(viewer, qtbot):
    """Open the dock on the layer "a", and wait at the end until its thread is done."""
    opened = []

    def open_one():
        viewer.layers.selection.active = viewer.layers["a"]
        _, dock = viewer.window.add_plugin_dock_widget("napari-n2s", "Pairs")
        opened.append(dock)
        dock.seconds.setValue(1)
        return dock

    yield open_one
    for dock in opened:
        finish(qtbot, dock)


def train(dock, qtbot):
    click(qtbot, dock.train)
    finish(qtbot, dock)


def test_two_layers_become_one_that_lies_exactly_on_the_first(viewer, open_dock, qtbot):
    first, second = np.stack([ONE, TWO]), FRAMES[2:4].copy()
    source = viewer.add_image(first.copy(), name="a", colormap="green", **TURNED)
    viewer.add_image(ONE, name="smaller")
    viewer.add_image(second.copy(), name="b")
    dock = open_dock()
    assert [each.name for each in dock.pairs.other.choices] == ["b", "smaller"]
    assert all(dock.advanced.controls[name].isHidden() for name in UNUSED)
    train(dock, qtbot)
    result = viewer.layers["a [n2s]"]
    assert viewer.layers.index(result) == viewer.layers.index(source) + 1
    for name in ("scale", "translate", "rotate", "shear"):
        assert np.array_equal(getattr(result, name), getattr(source, name)), name
    assert np.array_equal(result.affine.affine_matrix, source.affine.affine_matrix)
    assert (result.colormap.name, result.data.dtype) == ("green", np.float32)
    assert result.data.std() < first.std()
    assert result.metadata["napari-n2s"]["replicates"].startswith("2 noisy replicates")
    assert "predicted from another" in dock.result.text()
    assert [each.name for each in dock.pairs.other.choices] == ["b", "smaller"]  # no result
    assert np.array_equal(source.data, first)
    assert np.array_equal(viewer.layers["b"].data, second)
    assert shown() == []


def test_a_movie_is_split_and_its_one_picture_shows_at_every_frame(viewer, open_dock, qtbot):
    source = viewer.add_image(FRAMES, name="a", axis_labels=("t", "y", "x"), **TURNED)
    dock = open_dock()
    dock.pairs.way.value = "halves"
    assert dock.pairs.along.choices == ("T",)
    assert "blurred" in dock.pairs.words.text()
    dock.pairs.way.value = "neighbours"
    train(dock, qtbot)
    assert viewer.layers["a [n2s]"].data.shape == FRAMES.shape

    dock.pairs.way.value = "halves"
    dock.image.value = source
    train(dock, qtbot)
    [result] = [each for each in viewer.layers if each.data.shape == (1, *TRUTH.shape)]
    assert result.data.std() < FRAMES.std()
    for frame in range(len(FRAMES)):
        at = result.world_to_data(source.data_to_world((frame, 7, 9)))
        assert np.allclose(at[1:], (7, 9))
        assert abs(at[0]) < 0.5
    assert shown() == []


def test_the_same_image_twice_is_refused_and_nothing_is_lost(viewer, open_dock, qtbot):
    viewer.add_image(ONE, name="a")
    dock = open_dock()
    train(dock, qtbot)
    assert dock.result.text().startswith("There is no other image layer to pair with a")
    viewer.add_image(ONE.copy(), name="b")
    train(dock, qtbot)
    assert "the same as one before it, noise and all" in dock.result.text()
    viewer.layers.remove("b")
    viewer.add_image(TWO[:-3], name="b")
    train(dock, qtbot)
    assert dock.result.text().startswith("The replicates differ in size")
    dock.pairs.way.value = "repeats"
    train(dock, qtbot)
    assert dock.result.text().startswith("a has no axis with two images")
    said = shown()
    assert [severity for severity, _ in said] == ["error"] * 4
    assert not any("\n" in message for _, message in said)
    assert [layer.name for layer in viewer.layers] == ["a", "b"]
    dock.pairs.way.value = "photons_split"
    train(dock, qtbot)
    assert "a [n2s]" in viewer.layers
    assert abs(viewer.layers["a [n2s]"].data.mean() / ONE.mean() - 1) < 0.05


def test_a_shift_is_told_before_training_and_put_right_if_ticked(viewer, open_dock, qtbot):
    viewer.add_image(ONE, name="a")
    viewer.add_image(np.roll(TWO, (3, -2), (0, 1)), name="b")
    dock = open_dock()
    dock.seconds.setValue(600)
    click(qtbot, dock.train)
    qtbot.waitUntil(
        lambda: "with register, which moves it back" in dock.result.text(), timeout=LONG
    )
    qtbot.waitUntil(lambda: "training" in dock.bar.text(), timeout=LONG)
    assert dock.findings.text() == ""
    click(qtbot, dock.stop)
    finish(qtbot, dock)
    assert dock.result.text().count("with register, which moves it back") == 1
    dock.seconds.setValue(1)
    dock.pairs.register.setChecked(True)
    train(dock, qtbot)
    assert "was moved back" in dock.result.text()
    assert viewer.layers["a [n2s] [1]"].data.shape == ONE.shape


def test_it_is_watched_stopped_and_gone_on_with(viewer, open_dock, qtbot):
    viewer.add_image(FRAMES[:3], name="a", axis_labels=("t", "y", "x"))
    viewer.add_image(FRAMES[3:], name="b")
    dock = open_dock()
    dock.pairs.way.value = "repeats"
    dock.seconds.setValue(600)
    viewer.dims.set_point(0, 2)
    click(qtbot, dock.train)
    qtbot.waitUntil(lambda: "a [n2s preview]" in viewer.layers, timeout=LONG)
    assert viewer.layers["a [n2s preview]"].data.shape == (1, *TRUTH.shape)
    click(qtbot, dock.stop)
    finish(qtbot, dock)
    assert [layer.name for layer in viewer.layers] == ["a", "a [n2s]", "b"]
    before = dock.session.progress
    dock.pairs.way.value = "layer"
    click(qtbot, dock.pause)
    assert shown()[0][1].startswith("This training is of a and its pairs as they were")
    assert dock.session.progress is before
    dock.pairs.way.value = "repeats"
    dock.pairs.along.value = "T"
    click(qtbot, dock.pause)
    qtbot.waitUntil(lambda: dock.session.progress.step > before.step, timeout=LONG)
    click(qtbot, dock.stop)
    finish(qtbot, dock)
    assert dock.session.progress.trainer is before.trainer


def test_every_way_and_every_loss_is_explained(viewer, open_dock):
    viewer.add_image(FRAMES, name="a", axis_labels=("t", "y", "x"))
    dock = open_dock()
    assert tuple(LOSSES) == choices("loss")
    assert {dock.pairs.way.value, *dock.pairs.way.choices} == set(WAYS)
    for name in WAYS:
        dock.pairs.way.value = name
        assert dock.pairs.words.text() == WAYS[name][1]
        assert dock.pairs.other.native.isHidden() == (name != "layer")
        assert dock.pairs.along.native.isHidden() == (name in ("layer", "photons_split"))
    dock.pairs.loss.setCurrentText("l1")
    assert dock.pairs.loss_words.text().startswith("the median, where less than half")
    assert dock.advanced.settings().loss == "l1"


def test_a_closed_viewer_leaves_no_trainer_no_dock_and_no_image(viewer, qtbot):
    source = viewer.add_image(ONE, name="a")
    other = viewer.add_image(TWO, name="b")
    viewer.layers.selection.active = source
    dock = PairsDock(viewer)
    viewer.window.add_dock_widget(dock)
    click(qtbot, dock.train)
    qtbot.waitUntil(lambda: "a [n2s preview]" in viewer.layers, timeout=LONG)
    held = [ref(each) for each in (dock, source, other, dock.session.progress.trainer)]
    del dock, source, other
    viewer.close()
    qtbot.waitUntil(lambda: QThreadPool.globalInstance().activeThreadCount() == 0, timeout=LONG)
    qtbot.wait(300)
    gc.collect()
    assert [each() for each in held] == [None] * len(held)
