"""Docks that have ended keep no image, no network and no thread."""

import gc
import threading
from weakref import ref

import pytest
from napari.layers import Image
from qtpy.QtCore import QThreadPool

from conftest import LONG, NOISY, click, finish, wait_for_preview
from napari_n2s.training.trainer import Trainer


def alive(kind):
    return [type(each) for each in gc.get_objects()].count(kind)


def let_threads_end(qtbot):
    qtbot.waitUntil(lambda: QThreadPool.globalInstance().activeThreadCount() == 0, timeout=LONG)
    qtbot.wait(300)


def test_several_runs_leave_nothing_behind(viewer, open_dock, qtbot):
    viewer.add_image(NOISY, name="a")
    dock = open_dock()
    gc.collect()
    before, trainers, images = threading.active_count(), alive(Trainer), alive(Image)
    for _ in range(4):
        dock.image.value = viewer.layers["a"]
        dock.seconds.setValue(1)
        click(qtbot, dock.train)
        finish(qtbot, dock)
        viewer.layers.remove("a [n2s]")
    let_threads_end(qtbot)
    gc.collect()
    assert alive(Trainer) <= trainers + 1
    assert alive(Image) <= images + 1  # the last result is the one that may be hidden
    assert threading.active_count() <= before + 1


@pytest.mark.parametrize(
    ("name", "button"),
    [("Denoise", "train"), ("Calibrated filter", "calibrate")],
)
def test_a_closed_viewer_leaves_no_trainer_no_dock_and_no_image(viewer, qtbot, name, button):
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
