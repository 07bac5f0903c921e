"""What a dock says and shows of its results and refusals, and where."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QShowEvent, QWheelEvent
from qtpy.QtWidgets import QApplication, QLabel, QMessageBox
from scipy.ndimage import gaussian_filter
from skimage import data

from conftest import LONG, NOISY, click, finish, shown
from napari_n2s.pipeline.preview import is_presentable
from napari_n2s.widgets.controls.basics import Column
from napari_n2s.widgets.viewer import layer_data


def train(dock, qtbot):
    click(qtbot, dock.train)
    finish(qtbot, dock)


def test_the_latest_result_is_on_top_and_all_are_hidden_to_see_before(viewer, open_dock, qtbot):
    source = viewer.add_image(NOISY, name="a")
    dock = open_dock()
    train(dock, qtbot)
    dock.image.value = source
    train(dock, qtbot)
    assert [each.name for each in viewer.layers] == ["a", "a [n2s]", "a [n2s] [1]"]
    qtbot.mousePress(dock.compare, Qt.MouseButton.LeftButton)
    assert [each.visible for each in viewer.layers] == [True, False, False]
    qtbot.mouseRelease(dock.compare, Qt.MouseButton.LeftButton)
    assert all(each.visible for each in viewer.layers)
    assert shown() == []


NOISE = np.random.default_rng(0).normal(0, 15, (96, 96))
GRAVEL = data.gravel()[:96, :96] + NOISE
SMEARED = data.camera()[:96, :96] + 4 * gaussian_filter(NOISE, 0.7)


@pytest.mark.parametrize(
    ("image", "noise", "radius", "other"),
    [(GRAVEL, "correlated", (0, 0), (2, 2)), (SMEARED, "independent", (2, 2), (0, 0))],
)
def test_one_click_adds_the_result_for_the_other_kind_of_noise(
    viewer, open_dock, qtbot, image, noise, radius, other
):
    source = viewer.add_image(image, name="a")
    elsewhere = viewer.add_image(NOISY, name="b")
    dock = open_dock()
    dock.image.value = source
    form = dock.advanced.settings()
    train(dock, qtbot)
    first = viewer.layers["a [n2s]"]
    pixels = first.data.copy()
    assert dock.other.isVisibleTo(dock)
    assert dock.other.text() == f"Try as {noise} noise"
    dock.image.value = elsewhere
    click(qtbot, dock.other)
    assert dock.result.text().startswith("This training is of a as it was")
    dock.image.value = source

    click(qtbot, dock.other)
    assert dock.stop.isEnabled()
    assert not dock.train.isEnabled()
    assert not dock.other.isVisibleTo(dock)
    finish(qtbot, dock)
    names = ["a", "a [n2s]", f"a [n2s {noise}]", "b"]
    assert [each.name for each in viewer.layers] == names
    accounts = [viewer.layers[each].metadata["napari-n2s"]["settings"] for each in names[1:3]]
    assert [each.pop("blind_spot_radius") for each in accounts] == [radius, other]
    assert accounts[0] == accounts[1]
    assert np.array_equal(first.data, pixels)
    assert dock.result.text().startswith(f"Trained as for {noise} noise.")
    assert not dock.other.isVisibleTo(dock)
    assert dock.advanced.settings() == form

    click(qtbot, dock.pause)
    finish(qtbot, dock)
    assert f"a [n2s {noise}] [1]" in viewer.layers
    assert [severity for severity, _ in shown()] == ["error"]


def test_a_refusal_leaves_the_result_and_goes_with_its_cause(viewer, open_dock, qtbot):
    source = viewer.add_image(NOISY, name="a")
    guide = viewer.add_image(NOISY / NOISY.max(), name="b")
    dock = open_dock()
    dock.image.value = source
    train(dock, qtbot)
    account = dock.result.text()
    assert account.startswith("Squared error")
    dock.guides.tick(guide, True)
    click(qtbot, dock.pause)
    assert dock.result.text().startswith("This training is with other guides")
    assert not dock.methods.isHidden()
    dock.guides.tick(guide, False)
    assert dock.result.text() == account

    dock.guides.tick(guide, True)
    train(dock, qtbot)
    assert dock.result.text().startswith("A guide is the image itself")
    assert not dock.compare.isHidden()
    viewer.layers.remove("b")
    assert dock.result.text() == account
    assert [severity for severity, _ in shown()] == ["error"] * 2


def test_a_refused_training_costs_no_earlier_one(viewer, open_dock, qtbot):
    source = viewer.add_image(NOISY, name="a")
    guide = viewer.add_image(NOISY / NOISY.max(), name="b")
    dock = open_dock()
    dock.seconds.setValue(2)  # in one there is no time for more than the fewest steps
    dock.image.value = source
    train(dock, qtbot)
    before = dock.session.progress
    dock.guides.tick(guide, True)
    train(dock, qtbot)
    assert dock.result.text().startswith("A guide is the image itself")
    dock.guides.tick(guide, False)
    assert dock.session.progress is before
    click(qtbot, dock.pause)
    finish(qtbot, dock)
    assert dock.session.progress.step > before.step
    assert len(shown()) == 1


def test_gaps_elsewhere_are_left_without_training_anew(viewer, open_dock, qtbot, monkeypatch):
    source = viewer.add_image(NOISY, name="a")
    other = NOISY.astype(float)
    other[5, 7] = np.nan
    viewer.add_image(other, name="b")
    dock = open_dock()
    dock.image.value = source
    train(dock, qtbot)
    before, account = dock.session.progress, dock.result.text()
    dock.apply_to.value = viewer.layers["b"]
    answers = iter((QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes))
    monkeypatch.setattr(QMessageBox, "question", lambda *_: next(answers))
    click(qtbot, dock.apply)
    finish(qtbot, dock)
    assert dock.result.text() == account
    click(qtbot, dock.apply)
    finish(qtbot, dock)
    assert dock.session.progress.step == before.step
    result = viewer.layers["b [n2s]"].data
    assert np.argwhere(np.isnan(result)).tolist() == [[5, 7]]
    assert shown() == []


def test_what_is_chosen_may_be_renamed(viewer, open_dock):
    for name in "abc":
        viewer.add_image(NOISY, name=name)
    dock = open_dock()
    dock.image.value, dock.apply_to.value = viewer.layers["b"], viewer.layers["a"]
    dock.guides.tick(viewer.layers["c"], True)
    viewer.layers["b"].name, viewer.layers["a"].name = "z", "y"
    assert dock.image.value.name == "z"
    assert dock.image.native.currentText() == "z"
    assert dock.apply_to.value.name == "y"
    assert len(dock.guides.pixels()) == 1


def test_letters_being_typed_are_left_alone(viewer, open_dock, qtbot):
    viewer.add_image(np.stack([NOISY] * 3), name="a")
    dock = open_dock()
    dock.axes.letters.clear()
    qtbot.keyClicks(dock.axes.letters, "ZY")
    viewer.add_image(NOISY, name="b")
    assert dock.axes.letters.text() == "ZY"
    qtbot.keyClicks(dock.axes.letters, "X")
    qtbot.keyClick(dock.axes.letters, Qt.Key.Key_Return)
    assert layer_data.axes(viewer.layers["a"]) == "ZYX"
    assert "3 slices" in dock.axes.words.text()


def test_a_column_squeezes_nothing_and_the_wheel_only_scrolls_it(viewer, open_dock):
    viewer.add_image(NOISY, name="a")
    dock = open_dock()
    dock.show_result("A long story. " * 60, there=False)
    dock.resize(300, 400)
    dock.grab()  # lays it out
    for label in dock.findChildren(QLabel):
        if label.isVisibleTo(dock) and label.wordWrap():
            assert label.height() >= label.heightForWidth(label.width())
    column = dock.findChild(Column)
    QApplication.sendEvent(column, QShowEvent())
    assert column.verticalScrollBar().maximum() > 0
    effort = dock.effort.value()
    place = QPointF(5, 5)
    none, buttons, keys = QPoint(), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    phase = Qt.ScrollPhase.NoScrollPhase
    turn = QWheelEvent(place, place, none, QPoint(0, -120), buttons, keys, phase, False)
    QApplication.sendEvent(dock.effort, turn)
    assert dock.effort.value() == effort
    assert column.verticalScrollBar().value() > 0


def test_no_picture_is_shown_that_a_filter_makes_better_until_it_has_had_its_time():
    def progress(loss, seconds, done):
        def scored(value):
            return SimpleNamespace(score=SimpleNamespace(loss=value))

        baselines = scored(3), scored(2)
        return SimpleNamespace(last=scored(loss), baselines=baselines, seconds=seconds, done=done)

    assert not is_presentable(progress(4, 2, 0.1))
    assert is_presentable(progress(2.5, 2, 0.1))
    assert is_presentable(progress(4, 9, 0.1))
    assert is_presentable(progress(4, 2, 0.5))


def test_a_viewer_that_loses_its_layers_is_not_looked_at(viewer, open_dock, qtbot):
    viewer.add_image(np.stack([NOISY] * 3), name="a")
    dock = open_dock()
    dock._first_look.show_layer(viewer.layers["a"])
    qtbot.waitUntil(lambda: "a [n2s first look]" in viewer.layers)
    viewer.layers.clear()
    assert dock._first_look._live_preview is None or dock._first_look._live_preview.view() is None


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
