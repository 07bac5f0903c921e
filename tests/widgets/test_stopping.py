"""A training that is stopped, closed, or ended by a fault leaves the dock ready."""

from threading import Event

import numpy as np
import pytest
from qtpy.QtCore import Qt, QThreadPool

from conftest import LONG, NOISY, click, finish, shown
from napari_n2s.core.progress import Applying
from napari_n2s.inference.model import Model
from napari_n2s.methods.blind_spot import BlindSpot
from napari_n2s.widgets.denoise.activity import Activity


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
