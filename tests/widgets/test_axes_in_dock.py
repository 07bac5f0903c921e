"""The axes of a layer, as the dock shows them and lets one correct them."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from conftest import NOISY, click, finish, shown
from napari_n2s.widgets.viewer import layer_data


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
