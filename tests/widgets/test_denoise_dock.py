"""The dock, through its real widgets in a real viewer."""

from threading import Event

import numpy as np
import pytest
from qtpy.QtCore import Qt, QThreadPool
from qtpy.QtWidgets import QMessageBox

from conftest import LONG, NOISY, click, finish, shown
from napari_n2s.core.progress import Applying
from napari_n2s.inference.model import Model
from napari_n2s.methods.blind_spot import BlindSpot
from napari_n2s.widgets.denoise.activity import Activity
from napari_n2s.widgets.denoise.dock import NO_IMAGE
from napari_n2s.widgets.viewer import layer_data


def test_the_result_lies_exactly_on_its_source(viewer, open_dock, qtbot):
    stack = np.stack([NOISY, NOISY[::-1]])
    source = viewer.add_image(
        stack,
        name="cells",
        scale=(2, 0.5, 0.25),
        translate=(1, 2, 3),
        rotate=[[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]],
        shear=(0, 0, 0.1),
        affine=np.diag([1, 1.5, 1, 1]),
        units=("s", "um", "um"),
        axis_labels=("t", "y", "x"),
        colormap="magenta",
        blending="additive",
        contrast_limits=(3, 70),
        gamma=0.8,
    )
    viewer.add_points(
        np.zeros((1, 3)), name="above", units=source.units, axis_labels=source.axis_labels
    )
    viewer.layers.selection.active = source
    dock = open_dock()
    assert dock.image.value.name == "cells"
    click(qtbot, dock.train)
    finish(qtbot, dock)

    result = viewer.layers["cells [n2s]"]
    assert [layer.name for layer in viewer.layers] == ["cells", "cells [n2s]", "above"]
    assert (result.data.shape, result.data.dtype) == (stack.shape, np.float32)
    assert result.data.std() < stack.std()
    for name in ("scale", "translate", "rotate", "shear"):
        assert np.array_equal(getattr(result, name), getattr(source, name)), name
    assert np.array_equal(result.affine.affine_matrix, source.affine.affine_matrix)
    for name in ("units", "axis_labels", "blending", "contrast_limits", "gamma"):
        assert getattr(result, name) == getattr(source, name), name
    assert result.colormap.name == "magenta"
    account = result.metadata["napari-n2s"]
    assert account["settings"]["seconds"] == 2
    assert account["network"]["loss"] > 0
    assert "held-out pixels" in dock.result.text()
    assert np.array_equal(source.data, stack)
    assert shown() == []


def test_stop_ends_the_training_and_uses_the_best(viewer, open_dock, qtbot):
    viewer.add_image(NOISY)
    dock = open_dock()
    dock.seconds.setValue(600)
    click(qtbot, dock.train)
    assert not dock.train.isEnabled()
    qtbot.waitUntil(lambda: "training" in dock.bar.text(), timeout=LONG)
    click(qtbot, dock.stop)
    assert not dock.stop.isEnabled()
    finish(qtbot, dock)
    result = viewer.layers[-1]
    assert result.name == "NOISY [n2s]"
    assert result.metadata["napari-n2s"]["seconds"] < 300


def test_a_second_result_does_not_replace_the_first(viewer, open_dock, qtbot):
    viewer.add_image(NOISY, name="a")
    dock = open_dock()
    for _ in range(2):
        click(qtbot, dock.train)
        finish(qtbot, dock)
        dock.image.value = viewer.layers["a"]
    assert len({layer.name for layer in viewer.layers}) == 3


@pytest.mark.parametrize("rgb", [True, False])
def test_rgb_and_multiscale_layers(viewer, open_dock, qtbot, rgb):
    colour = np.dstack([NOISY, NOISY // 2, NOISY // 3]).clip(0, 255).astype(np.uint8)
    data = colour if rgb else [NOISY, NOISY[::2, ::2]]
    viewer.add_image(data, name="a", rgb=rgb)
    dock = open_dock()
    click(qtbot, dock.train)
    finish(qtbot, dock)
    result = viewer.layers["a [n2s]"]
    assert result.rgb == rgb
    assert result.data.shape == (colour if rgb else NOISY).shape
    assert result.data.dtype == (np.uint8 if rgb else np.float32)


def test_the_list_of_images_follows_the_viewer(viewer, open_dock):
    dock = open_dock()
    assert dock.image.value is None
    viewer.add_labels(NOISY.astype(int))
    image = viewer.add_image(NOISY, name="a")
    assert [choice.name for choice in dock.image.choices] == ["a"]
    image.name = "b"
    assert dock.image.native.currentText() == "b"
    viewer.layers.remove("b")
    assert dock.image.choices == ()


def test_without_an_image_it_says_what_to_do(viewer, open_dock, qtbot):
    viewer.add_labels(NOISY.astype(int))
    dock = open_dock()
    click(qtbot, dock.train)
    assert shown() == [("warning", NO_IMAGE)]
    assert dock.train.isEnabled()


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (NOISY[:3], "needs at least 16 along each"),
        (NOISY > 30, "true and false"),
    ],
)
def test_an_image_that_cannot_be_denoised_is_explained(viewer, open_dock, qtbot, image, words):
    viewer.add_image(image)
    dock = open_dock()
    click(qtbot, dock.train)
    finish(qtbot, dock)
    [(severity, message)] = shown()
    assert severity == "error"
    assert dock.result.text() == message
    assert dock.bar.text() == ""
    assert words in message
    assert "\n" not in message
    assert len(viewer.layers) == 1


@pytest.mark.parametrize("answer", ["Yes", "No"])
def test_missing_pixels_are_asked_about(viewer, open_dock, qtbot, monkeypatch, answer):
    gaps = np.where(NOISY > 50, np.nan, NOISY)
    viewer.add_image(gaps, contrast_limits=(0, 60))
    dock = open_dock()
    asked = []

    def question(*arguments):
        asked.append(arguments[-1])
        return QMessageBox.StandardButton[answer]

    monkeypatch.setattr(QMessageBox, "question", question)
    click(qtbot, dock.train)
    qtbot.waitUntil(lambda: bool(asked), timeout=LONG)
    finish(qtbot, dock)
    assert "NaN or infinite" in asked[0]
    assert len(viewer.layers) == (2 if answer == "Yes" else 1)
    if answer == "Yes":
        assert np.array_equal(np.isnan(viewer.layers[1].data), np.isnan(gaps))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "not enough memory"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("a kernel failed"), "Denoising failed: a kernel failed"),
    ],
)
def test_a_fault_in_a_step_leaves_the_dock_ready(
    viewer, open_dock, qtbot, monkeypatch, fault, words
):
    def fail(*_):
        raise fault

    viewer.add_image(NOISY)
    dock = open_dock()
    monkeypatch.setattr(BlindSpot, "loss", fail)
    with qtbot.capture_exceptions() as unexpected:
        click(qtbot, dock.train)
        finish(qtbot, dock)
    told = [message for _, message in shown()] + [str(error) for _, error, _ in unexpected]
    assert len(told) == 1
    assert words in told[0]
    monkeypatch.undo()
    click(qtbot, dock.train)
    finish(qtbot, dock)
    assert len(viewer.layers) == 2


def test_the_source_may_go_while_it_trains(viewer, open_dock, qtbot):
    viewer.add_image(NOISY, name="a", colormap="green")
    dock = open_dock()
    click(qtbot, dock.train)
    viewer.layers.clear()
    finish(qtbot, dock)
    assert [layer.name for layer in viewer.layers] == ["a [n2s]"]
    assert viewer.layers[0].colormap.name == "green"


def test_closing_the_dock_ends_the_training(viewer, qtbot):
    viewer.add_image(NOISY)
    frame, dock = viewer.window.add_plugin_dock_widget("napari-n2s", "Denoise")
    dock.seconds.setValue(600)
    click(qtbot, dock.train)
    qtbot.waitUntil(lambda: "training" in dock.bar.text(), timeout=LONG)
    with qtbot.waitSignal(dock.session._run._worker.finished, timeout=LONG):
        qtbot.mouseClick(frame.title.close_button, Qt.MouseButton.LeftButton)
    assert len(viewer.layers) == 1


def test_stop_before_the_first_snapshot_gives_up_at_once(viewer, open_dock, qtbot, monkeypatch):
    loaded = Event()
    viewer.add_image(NOISY, name="a")
    dock = open_dock()
    click(qtbot, dock.train)
    finish(qtbot, dock)
    before = dock.session.progress
    dock.image.value = viewer.layers["a"]
    monkeypatch.setattr("napari_n2s.widgets.jobs.load_torch", lambda: loaded.wait(30))
    click(qtbot, dock.train)
    click(qtbot, dock.stop)
    assert dock.train.isEnabled()
    assert not dock.stop.isEnabled()
    assert dock.session.progress is before
    loaded.set()
    qtbot.waitUntil(lambda: QThreadPool.globalInstance().activeThreadCount() == 0, timeout=LONG)
    qtbot.wait(100)
    assert dock.session.progress is before
    assert len(viewer.layers) == 2
    assert shown() == []


def test_stop_while_applying_gives_up(viewer, open_dock, qtbot, monkeypatch):
    viewer.add_image(np.stack([NOISY] * 3))
    dock = open_dock()
    resume, sound = Event(), Model.applying

    def slowly(*arguments, **options):
        yield from (state for state in sound(*arguments, **options) if resume.wait(10) or True)

    monkeypatch.setattr(Model, "applying", slowly)
    click(qtbot, dock.train)
    qtbot.waitUntil(lambda: "training" in dock.bar.text(), timeout=LONG)
    resume.set()
    dock._show_state(Applying(0.1))
    click(qtbot, dock.stop)
    finish(qtbot, dock)
    assert len(viewer.layers) == 1
    assert dock.bar.text() == ""


def test_the_plot_shows_every_score_and_keeps_to_them_until_zoomed(viewer, open_dock, qtbot):
    viewer.add_image(NOISY)
    dock = open_dock()
    seen = []
    add = dock.plot.add
    dock.plot.add = lambda progress: (seen.append(progress), add(progress))
    click(qtbot, dock.train)
    finish(qtbot, dock)
    expected = [(p.seconds, p.score.loss) for p in seen if p.score]
    curves = {curve.name(): curve for curve in dock.plot.getPlotItem().listDataItems()}
    assert np.allclose(np.transpose(curves["held-out pixels"].getData()), expected)
    learnt = [(p.seconds, p.loss) for p in seen if p.step]
    assert np.allclose(np.transpose(curves["training"].getData()), learnt)
    assert curves["median"].getData()[1][-1] == seen[0].baselines[0].score.loss
    low, high = dock.plot.getPlotItem().viewRange()[1]
    assert all(low < loss < high for loss in (expected[-1][1], learnt[-1][1]))
    dock.plot.setYRange(0, 1, padding=0)
    dock.plot.getViewBox().sigRangeChangedManually.emit([True, True])
    add(seen[-1])
    assert dock.plot.getPlotItem().viewRange()[1] == [0, 1]


@pytest.mark.parametrize(
    ("labels", "axes", "words"),
    [
        (("time", "y", "x"), "TYX", "20 frames, 30 × 40 pixels, uint8"),
        (("y", "x", "z"), "YXZ", "40 slices, 20 × 30 pixels, uint8"),
        (("channel", "y", "x"), "CYX", "20 channels, 30 × 40 pixels, uint8"),
        (("-3", "-2", "-1"), "QYX", "20 images, 30 × 40 pixels, uint8"),
        (("bead", "y", "x"), "QYX", "20 images, 30 × 40 pixels, uint8"),
    ],
)
def test_axes_are_read_off_the_layer_and_shown(viewer, open_dock, labels, axes, words):
    layer = viewer.add_image(np.zeros((20, 30, 40), np.uint8), axis_labels=labels)
    assert layer_data.axes(layer) == axes
    dock = open_dock()
    assert (dock.axes.letters.text(), dock.axes.words.text()) == (axes, words)


def test_axes_can_be_corrected_in_the_dock(viewer, open_dock, qtbot):
    stack = np.stack([NOISY, NOISY, NOISY], -1)
    layer = viewer.add_image(stack, name="a", rgb=False)
    dock = open_dock()
    letters = dock.axes.letters

    def type_in(text):
        letters.selectAll()
        qtbot.keyClicks(letters, text)
        qtbot.keyClick(letters, Qt.Key.Key_Return)

    assert (letters.text(), dock.axes.words.text()) == ("QYX", "64 images, 48 × 3 pixels, uint16")
    type_in("yy")
    assert dock.axes.words.text().startswith("The axes YY name 2 axes, but the image has 3")
    type_in("yxt")
    assert (letters.text(), dock.axes.words.text()) == ("YXT", "3 frames, 64 × 48 pixels, uint16")
    assert layer_data.axes(layer) == "YXT"
    click(qtbot, dock.train)
    finish(qtbot, dock)
    assert viewer.layers["a [n2s]"].data.shape == stack.shape
    assert shown() == []


@pytest.mark.parametrize("key", ["picture", "volume", "movie"])
def test_samples_come_with_their_truth_and_pixel_size(viewer, key):
    truth, noisy = viewer.open_sample("napari-n2s", key)
    assert truth.data.shape == noisy.data.shape
    assert noisy.data.dtype == np.uint16
    assert not truth.visible
    assert (noisy.scale == truth.scale).all()
    assert noisy.axis_labels[-2:] == ("y", "x")
    photons, error = (truth.data - 100) / 4, (noisy.data - truth.data).astype(float)
    for low, high in ((0.5, 2), (2, 5), (5, 15)):
        some = (photons > low) & (photons < high)
        expected = 16 * photons[some].mean() + 36 + 1 / 12
        assert error[some].mean() == pytest.approx(0, abs=0.3)
        assert error[some].var() == pytest.approx(expected, rel=0.08)


def test_the_end_may_come_while_the_activity_is_made(monkeypatch):
    made = []

    class Entry:
        is_canceled, n, closed = True, 0, False

        def __init__(self, **_):
            made.append(self)
            assert not running.show(0.05)
            running.end()

        def close(self):
            self.closed = True

    monkeypatch.setattr("napari_n2s.widgets.denoise.activity.cancelable_progress", Entry)
    monkeypatch.setattr(
        "napari_n2s.widgets.denoise.activity.monotonic", iter((0, 0, 1, 9)).__next__
    )
    running = Activity("applying")
    assert not running.show(0)
    assert not made
    assert not running.show(0.05)
    (entry,) = made
    assert entry.closed
