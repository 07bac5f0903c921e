"""Nothing in a dock overlaps, is cut off, or widens it, in a window as small as napari opens."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QRect, Qt
from qtpy.QtGui import QHelpEvent
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSlider,
    QTableWidget,
    QToolTip,
    QWidget,
)
from superqt import QCollapsible

from conftest import LONG, NOISY
from napari_n2s.widgets.controls.basics import BREAK
from napari_n2s.widgets.controls.chart import Chart

WINDOWS = (1090, 630), (1366, 768)
NAME = "2026-11-28 mouse kidney section 14 DAPI-405nm 63x oil stack of Tuesday afternoon"
WORDS = (
    "There is no other image layer to pair with <b> 2026_11_28_mouse_kidney_section_14_DAPI_405nm_"
    "63x_oil_stack_of_Tuesday_afternoon &; open a second recording of the same field, or take the "
    "pairs from it itself. Squared error on 5000 held-out pixels: 79.33 ± 2.2 for the network."
)


def place(control, dock):
    return QRect(control.mapTo(dock, QPoint(0, 0)), control.size())


def controls(dock):
    """List what a user sees or can scroll to, without the parts that Qt makes them of."""
    folded = [each.content() for each in dock.findChildren(QCollapsible) if not each.isExpanded()]
    parts = (QComboBox, QAbstractSpinBox, QTableWidget, Chart, QHeaderView)

    def is_part(control):
        around = control.parentWidget()
        while around is not dock:
            if isinstance(around, parts) or around in folded:
                return True
            around = around.parentWidget()
        return False

    kinds = (*parts, QCheckBox, QLabel, QProgressBar, QPushButton, QSlider)
    found = [each for each in dock.findChildren(QWidget) if isinstance(each, kinds)]
    return [each for each in found if each.isVisibleTo(dock) and not is_part(each)]


def inner(control, dock):
    """Find the scroll area that a control is scrolled in."""
    around = control.parentWidget()
    while not isinstance(around, QScrollArea):
        around = around.parentWidget()
    return around


def faults(dock):
    found = []
    there = controls(dock)
    assert len(there) > 8
    for number, control in enumerate(there):
        text = control.text() if hasattr(control, "text") else ""
        name = f"{type(control).__name__} {text}"
        area = inner(control, dock)
        mine = place(control, area.widget())
        whole = all(
            each.parentWidget().rect().contains(each.geometry()) for each in (control, area)
        )
        if not whole or area.widget().width() > area.viewport().width():
            found.append(f"{name} is cut off")
        least = control.minimumSizeHint()
        if isinstance(control, QPushButton | QCheckBox):
            least = least.expandedTo(control.sizeHint())
        # napari's theme has spin boxes lower than their own hint
        low = 3 if isinstance(control, QAbstractSpinBox) else 0
        if mine.width() < least.width() or mine.height() < least.height() - low:
            found.append(f"{name} is too small: {mine.getRect()}, not {least}")
        if isinstance(control, QLabel) and control.height() < control.heightForWidth(mine.width()):
            found.append(f"{name} is not shown in full")
        found += [
            f"{name} lies on {type(other).__name__}"
            for other in there[:number]
            if inner(other, dock) is area and place(other, area.widget()).intersects(mine)
        ]
    return found


def sound(dock):
    assert faults(dock) == []
    assert dock.width() < 400


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    """Show the window: what is hidden is not laid out."""
    return make_napari_viewer_proxy(show=True)


def check(viewer, dock, qtbot):
    window = viewer.window._qt_window
    for size in WINDOWS:
        window.resize(*size)
        qtbot.waitUntil(partial(sound, dock), timeout=2000)
        assert (window.width(), window.height()) == size


def add_images(viewer):
    viewer.add_image(np.stack([NOISY] * 3), name=NAME)
    viewer.add_image(np.stack([NOISY] * 3), name=NAME + " B")


def test_the_docks_of_networks(viewer, qtbot):
    add_images(viewer)
    for title in ("Denoise", "Pairs"):
        frame, dock = viewer.window.add_plugin_dock_widget("napari-n2s", title)
        qtbot.waitUntil(lambda dock=dock: dock.device.text().startswith("Computes"), timeout=LONG)
        check(viewer, dock, qtbot)
        [folded] = dock.findChildren(QCollapsible)
        folded.expand()
        check(viewer, dock, qtbot)
        folded.collapse()
        dock.plot.show()
        dock.show_bar(0.5, "training, 59 s left, 17 steps/s")
        dock.show_findings((WORDS,))
        dock.excluded_button.show()
        dock.show_result(WORDS, there=True, alternative=(2, 2), reveal=True)
        check(viewer, dock, qtbot)
        least = frame.minimumSizeHint().width()
        viewer.window._qt_window.resizeDocks([frame], [least], Qt.Orientation.Horizontal)
        check(viewer, dock, qtbot)
        viewer.window.remove_dock_widget(frame)


def test_the_dock_of_filters(viewer, qtbot):
    add_images(viewer)
    frame, dock = viewer.window.add_plugin_dock_widget("napari-n2s", "Calibrated filter")
    check(viewer, dock, qtbot)
    dock.method.value = "bilateral"
    tried = SimpleNamespace(values={}, score=SimpleNamespace(loss=2.0), ordinary=1.0)
    dock.plot.show_curve("radius", [(1.0, tried), (2.0, tried)])
    dock.result.setText(WORDS)
    dock.show_table([(NAME, "sigma color 0.419, sigma spatial 2", 90.0)] * 12)
    check(viewer, dock, qtbot)
    viewer.window._qt_window.resizeDocks([frame], [100], Qt.Orientation.Horizontal)
    check(viewer, dock, qtbot)


def test_a_long_name_can_be_read_and_a_result_is_scrolled_into_sight(viewer, qtbot):
    add_images(viewer)
    _, dock = viewer.window.add_plugin_dock_widget("napari-n2s", "Denoise")
    viewer.window._qt_window.resize(*WINDOWS[0])
    qtbot.waitUntil(lambda: "first look" in dock.result.text(), timeout=LONG)
    box = dock.image.native
    middle = box.rect().center()
    QApplication.sendEvent(box, QHelpEvent(QEvent.Type.ToolTip, middle, box.mapToGlobal(middle)))
    assert dock.image.value.name in QToolTip.text()
    widest = box.fontMetrics().horizontalAdvance(NAME)
    assert box.view().minimumWidth() > widest > box.width()

    def in_sight():
        return dock.result.visibleRegion().contains(dock.result.rect().bottomLeft())

    dock.plot.show()
    dock.show_result(WORDS, there=True)
    qtbot.waitUntil(partial(sound, dock), timeout=2000)
    assert not in_sight()
    dock.show_result(WORDS, there=True, reveal=True)
    qtbot.waitUntil(in_sight, timeout=2000)
    assert dock.result.text().replace(BREAK, "") == WORDS
