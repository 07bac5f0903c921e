"""Control of a training in the dock: preview, pause, continue, and edits meanwhile."""

from __future__ import annotations

import gc
import threading
from weakref import ref

import numpy as np
import pytest
from napari.layers import Image
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QThreadPool
from qtpy.QtWidgets import QApplication

from conftest import LONG, NOISY, click, finish, shown
from napari_n2s.core.settings import EFFORTS
from napari_n2s.training.trainer import Trainer
from napari_n2s.widgets.denoise.dock import DenoiseDock

STACK = np.stack([NOISY, NOISY[::-1], NOISY[:, ::-1]])
PREVIEW = "a [n2s preview]"


@pytest.fixture
def training(viewer, open_dock, qtbot):
    """A dock that trains on a turned and sheared stack, until it is stopped."""
    viewer.add_image(NOISY, name="other")
    viewer.add_image(
        STACK,
        name="a",
        scale=(2, 0.5, 0.25),
        translate=(1, 2, 3),
        rotate=[[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]],
        shear=(0, 0, 0.1),
        affine=np.diag([1, 1.5, 1, 1]),
        contrast_limits=(3, 70),
    )
    dock = open_dock()
    dock.seconds.setValue(600)
    click(qtbot, dock.train)
    yield dock
    if dock.stop.isEnabled():
        click(qtbot, dock.stop)
    finish(qtbot, dock)
    assert shown() == []


def wait_for_preview(qtbot, viewer):
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=LONG)
    return viewer.layers[PREVIEW]


def test_the_preview_lies_on_the_slice_in_view_and_follows_it(viewer, training, qtbot):
    preview, source = wait_for_preview(qtbot, viewer), viewer.layers["a"]
    assert preview.data.shape == (1, *NOISY.shape)
    assert preview.contrast_limits == source.contrast_limits

    def shown_slice():
        corner = source.world_to_data(preview.data_to_world((0, 0, 0)))
        assert np.allclose(corner[1:], 0)
        return corner[0]

    for number in (2, 1):
        viewer.dims.set_point(0, source.data_to_world((number, 0, 0))[0])
        qtbot.waitUntil(lambda n=number: np.isclose(shown_slice(), n), timeout=LONG)
    clean = preview.data[0].ravel()
    alike = [np.corrcoef(noisy.ravel(), clean)[0, 1] for noisy in STACK]
    assert np.argmax(alike) == 1
    click(qtbot, training.stop)
    finish(qtbot, training)
    assert [layer.name for layer in viewer.layers] == ["other", "a", "a [n2s]"]


def test_a_preview_that_is_removed_stays_away(viewer, training, qtbot):
    wait_for_preview(qtbot, viewer)
    viewer.layers.remove(PREVIEW)
    scores = len(training.plot._scores.points)
    qtbot.waitUntil(lambda: len(training.plot._scores.points) >= scores + 2, timeout=LONG)
    assert PREVIEW not in viewer.layers


def test_pause_rests_and_resume_goes_on(viewer, training, qtbot):
    qtbot.waitUntil(lambda: "training" in training.bar.text(), timeout=LONG)
    click(qtbot, training.pause)
    qtbot.wait(500)
    before = training.session.progress
    qtbot.wait(2000)
    assert (training.session.progress, training.bar.text()) == (before, "paused")
    click(qtbot, training.pause)
    qtbot.waitUntil(lambda: training.session.progress is not before, timeout=LONG)
    assert training.session.progress.seconds < before.seconds + 1.5  # the rest does not count


def test_while_it_rests_the_preview_still_follows_the_slider(viewer, training, qtbot):
    preview, source = wait_for_preview(qtbot, viewer), viewer.layers["a"]
    click(qtbot, training.pause)
    qtbot.wait(500)
    step = training.session.progress.step
    viewer.dims.set_point(0, source.data_to_world((2, 0, 0))[0])

    def follows():
        return np.isclose(source.world_to_data(preview.data_to_world((0, 0, 0)))[0], 2)

    qtbot.waitUntil(follows, timeout=LONG)
    assert training.session.progress.step == step


def test_what_was_learnt_is_applied_without_learning_more(viewer, training, qtbot):
    qtbot.waitUntil(lambda: "training" in training.bar.text(), timeout=LONG)
    assert not training.apply.isEnabled()
    click(qtbot, training.stop)
    finish(qtbot, training)
    before, whole = training.session.progress, viewer.layers["a [n2s]"]
    training.apply_to.value = "slice"
    viewer.dims.set_point(0, whole.data_to_world((1, 0, 0))[0])
    click(qtbot, training.apply)
    finish(qtbot, training)
    assert training.session.progress is before
    assert training.session.progress.trainer.step == before.step
    part = viewer.layers["a [n2s] [1]"]
    assert np.allclose(part.data, whole.data[1:2], rtol=1e-4)


def test_a_preview_is_no_image_to_choose(viewer, training, qtbot):
    wait_for_preview(qtbot, viewer)
    viewer.layers.events.renamed.disconnect()  # which came with napari 0.7
    assert [layer.name for layer in training.image.choices] == ["a", "other"]
    assert [str(each) for each in training.apply_to.choices] == ["whole", "slice", "other"]
    click(qtbot, training.stop)
    finish(qtbot, training)
    names = sorted(layer.name for layer in training.image.choices)
    assert names == ["a", "a [n2s]", "other"]


def test_a_wrong_choice_costs_no_training(viewer, training, qtbot):
    qtbot.waitUntil(lambda: "training" in training.bar.text(), timeout=LONG)
    click(qtbot, training.stop)
    finish(qtbot, training)
    colour = viewer.add_image(np.zeros((40, 50, 3), np.uint8), name="colour")
    training.image.value = viewer.layers["a"]
    before = training.session.progress
    training.apply_to.value = colour
    click(qtbot, training.apply)
    finish(qtbot, training)
    [(severity, message)] = shown()
    assert (severity, "3 channels" in message) == ("error", True)
    assert training.session.progress is before
    training.apply_to.value = "slice"
    click(qtbot, training.apply)
    finish(qtbot, training)
    assert viewer.layers["a [n2s] [1]"].data.shape == (1, *NOISY.shape)
    curve = training.plot._scores.points
    training.image.value = viewer.add_image(NOISY > 30, name="black and white")
    before = training.session.progress
    click(qtbot, training.train)
    finish(qtbot, training)
    assert "true and false" in training.result.text()
    assert (training.session.progress, training.plot._scores.points) == (before, curve)
    notification_manager.records.clear()


def test_stop_while_it_rests(viewer, training, qtbot):
    qtbot.waitUntil(lambda: "training" in training.bar.text(), timeout=LONG)
    click(qtbot, training.pause)
    click(qtbot, training.stop)
    finish(qtbot, training)
    assert "a [n2s]" in viewer.layers


def test_it_goes_on_from_where_it_was_stopped(viewer, training, qtbot):
    qtbot.waitUntil(lambda: "training" in training.bar.text(), timeout=LONG)
    click(qtbot, training.stop)
    finish(qtbot, training)
    before, scores = training.session.progress, len(training.plot._scores.points)
    assert training.pause.text() == "Continue"
    click(qtbot, training.pause)
    qtbot.waitUntil(lambda: len(training.plot._scores.points) > scores, timeout=LONG)
    click(qtbot, training.stop)
    finish(qtbot, training)
    after = training.session.progress
    assert after.step > before.step
    assert after.trainer is before.trainer
    assert after.best.score.loss <= before.best.score.loss
    assert [layer.name for layer in viewer.layers].count("a [n2s]") == 1
    assert len(viewer.layers) == 4


def test_a_training_is_not_continued_on_pixels_edited_in_place(viewer, open_dock, qtbot):
    image = NOISY.copy()
    viewer.add_image(image, name="a")
    dock = open_dock()
    dock.seconds.setValue(1)
    click(qtbot, dock.train)
    finish(qtbot, dock)
    image[20:40] *= 5
    dock.image.value = viewer.layers["a"]
    for button in (dock.pause, dock.apply):
        click(qtbot, button)
        assert dock.result.text().startswith("Pixels of a, or of its guides or pairs, were edited")
        assert dock.train.isEnabled()
    image[20:40] //= 5
    click(qtbot, dock.pause)
    assert not dock.train.isEnabled()
    finish(qtbot, dock)
    assert [layer.name for layer in viewer.layers] == ["a", "a [n2s]", "a [n2s] [1]"]
    assert len(shown()) == 2


def test_the_source_may_be_renamed_or_hold_another_image(viewer, training, qtbot):
    wait_for_preview(qtbot, viewer)
    viewer.layers["a"].name = "b"
    viewer.layers["b"].data = np.zeros((2, 80, 90, 100), np.uint8)
    qtbot.waitUntil(lambda: PREVIEW not in viewer.layers, timeout=LONG)
    scores = len(training.plot._scores.points)
    qtbot.waitUntil(lambda: len(training.plot._scores.points) >= scores + 2, timeout=LONG)
    assert [layer.name for layer in viewer.layers] == ["other", "b"]
    click(qtbot, training.stop)
    finish(qtbot, training)
    assert viewer.layers["b [n2s]"].data.shape == STACK.shape


def test_before_and_after_and_the_words_for_a_paper(viewer, training, qtbot):
    qtbot.waitUntil(lambda: "training" in training.bar.text(), timeout=LONG)
    assert not training.methods.isVisible()
    click(qtbot, training.stop)
    finish(qtbot, training)
    result = viewer.layers["a [n2s]"]
    training.compare.pressed.emit()
    assert not result.visible
    training.compare.released.emit()
    assert result.visible
    click(qtbot, training.methods)
    words = QApplication.clipboard().text()
    assert "Batson & Royer" in words
    assert f"{training._result_panel.report.network.loss:.4g}" in words


def test_two_docks_train_side_by_side(viewer, open_dock, qtbot):
    viewer.add_image(NOISY, name="a")
    docks = [open_dock(), DenoiseDock(viewer)]
    viewer.window.add_dock_widget(docks[1])
    docks[1].seconds.setValue(2)
    for dock in docks:
        click(qtbot, dock.train)
    for dock in docks:
        finish(qtbot, dock)
    assert len(viewer.layers) == 3
    assert shown() == []


def test_effort_and_settings_speak_of_each_other(viewer, open_dock, qtbot):
    viewer.add_image(NOISY)
    dock = open_dock()
    for number, (name, effort) in enumerate(EFFORTS.items()):
        dock.effort.setValue(number)
        settings = dock.settings()
        assert dock.effort_words.text().startswith(name)
        assert {key: getattr(settings, key) for key in effort} == effort
    dock.seconds.setValue(33)
    assert dock.effort_words.text() == "as set under Advanced"
    dock.converge.setChecked(False)
    dock.seconds.setValue(300)
    assert (dock.effort.value(), dock.effort_words.text()) == (2, "thorough, 300 s")
    dock.advanced.controls["blind_spot_radius"].setText("wide")
    click(qtbot, dock.train)
    [(severity, message)] = shown()
    assert severity == "error"
    assert message.startswith("blind_spot_radius is 'wide'; give one whole number")
    assert dock.train.isEnabled()


def test_a_part_may_be_learnt_from_and_a_slice_or_another_image_denoised(viewer, open_dock, qtbot):
    other = viewer.add_image(STACK[:2, ::-1], name="other", scale=(2, 3, 3))
    source = viewer.add_image(STACK, name="a", scale=(2, 0.5, 0.5), translate=(0, 10, 20))
    shapes = viewer.add_shapes(
        [[[15, 25], [15, 40], [40, 40], [40, 25]]], name="box", ndim=2, shape_type="rectangle"
    )
    viewer.layers.selection.active = source
    dock = open_dock()
    dock.learn_from.value = shapes
    dock.apply_to.value = "slice"
    viewer.dims.set_point(0, 4)
    click(qtbot, dock.train)
    finish(qtbot, dock)
    trainer = dock.session.progress.trainer
    assert tuple(trainer.data.x.shape) == (3, 1, 51, 31)
    result = viewer.layers["a [n2s]"]
    assert result.data.shape == (1, *NOISY.shape)
    assert np.allclose(source.world_to_data(result.data_to_world((0, 0, 0))), (2, 0, 0))

    dock.apply_to.value = other
    click(qtbot, dock.train)
    finish(qtbot, dock)
    result = viewer.layers["other [n2s]"]
    assert result.data.shape == other.data.shape
    assert (result.scale == other.scale).all()

    shapes.data = []
    click(qtbot, dock.train)
    [(severity, message)] = shown()
    assert severity == "error"
    assert message == "Nothing is drawn in box; draw a rectangle, or train on the whole image."


def alive(kind):
    return [type(each) for each in gc.get_objects()].count(kind)


def let_threads_end(qtbot):
    qtbot.waitUntil(lambda: QThreadPool.globalInstance().activeThreadCount() == 0, timeout=LONG)
    qtbot.wait(300)


def test_ten_runs_leave_nothing_behind(viewer, open_dock, qtbot):
    viewer.add_image(NOISY, name="a")
    dock = open_dock()
    gc.collect()
    before, learners, images = threading.active_count(), alive(Trainer), alive(Image)
    for _ in range(10):
        dock.image.value = viewer.layers["a"]
        dock.seconds.setValue(1)
        click(qtbot, dock.train)
        finish(qtbot, dock)
        viewer.layers.remove("a [n2s]")
    let_threads_end(qtbot)
    gc.collect()
    assert alive(Trainer) <= learners + 1
    assert alive(Image) <= images + 1  # the last result is the one that may be hidden
    assert threading.active_count() <= before + 1


@pytest.mark.parametrize(
    ("name", "button"),
    [("Denoise", "train"), ("Calibrated filter", "calibrate")],
)
def test_a_closed_viewer_leaves_no_learner_no_dock_and_no_image(viewer, qtbot, name, button):
    source = viewer.add_image(NOISY, name="a")
    dock = viewer.window.add_plugin_dock_widget("napari-n2s", name)[1]
    click(qtbot, getattr(dock, button))
    wait_for_preview(qtbot, viewer)
    held = [ref(dock), ref(source)]
    if button == "train":
        held.append(ref(dock.session.progress.trainer))
    del dock, source
    viewer.close()
    let_threads_end(qtbot)
    gc.collect()
    assert [each() for each in held] == [None] * len(held)
