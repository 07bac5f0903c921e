"""What the tests share, most of them those of the docks."""

import os

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt

RNG = np.random.default_rng(0)
NOISY = RNG.poisson(np.linspace(5, 60, 64 * 48).reshape(64, 48)).astype(np.uint16)
STACK = np.stack([NOISY, NOISY[::-1], NOISY[:, ::-1]])
PREVIEW = "a [n2s preview]"
LONG = 60_000


def pytest_configure():
    """Give each of several processes a core of its own: on shared ones they wait for each other."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if not worker:  # those that are started from here
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    elif hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    return make_napari_viewer_proxy()


@pytest.fixture
def open_dock(viewer, qtbot):
    """Open docks as a user does, and wait at the end until their threads are done."""
    opened = []

    def open_one():
        _, dock = viewer.window.add_plugin_dock_widget("napari-n2s", "Denoise")
        opened.append(dock)
        dock.seconds.setValue(1)
        qtbot.waitUntil(lambda: dock.device.text().startswith("Computes on the "), timeout=LONG)
        return dock

    yield open_one
    for dock in opened:
        finish(qtbot, dock)


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


def click(qtbot, button):
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def finish(qtbot, dock):
    qtbot.waitUntil(lambda: dock.train.isEnabled(), timeout=LONG)


def wait_for_preview(qtbot, viewer):
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=LONG)
    return viewer.layers[PREVIEW]


def shown():
    return [(str(note.severity), note.message) for note in notification_manager.records]


@pytest.fixture(autouse=True)
def _forget_notifications():
    notification_manager.records.clear()
