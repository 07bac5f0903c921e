"""The axes that a layer's file declares: of the file as it is, and without making napari wait."""

import time
from threading import Event

import numpy as np
import pytest
import tifffile

from conftest import LONG
from napari_n2s.widgets.viewer import layer_data
from napari_n2s.widgets.viewer.checksum import MAX_VALUES, checksum

IMAGE = np.zeros((2, 3, 20, 26), np.uint16)


def open_file(viewer, path, axes):
    tifffile.imwrite(path, IMAGE, imagej=True, metadata={"axes": axes})
    (layer,) = viewer.open(path)
    return layer


def test_a_file_that_was_overwritten_is_read_again_for_new_layers_only(viewer, tmp_path):
    before = open_file(viewer, tmp_path / "a.tif", "ZCYX")
    assert layer_data.axes(before) == "ZCYX"
    after = open_file(viewer, tmp_path / "a.tif", "TCYX")
    assert layer_data.axes(after) == "TCYX"
    assert layer_data.axes(before) == "ZCYX"


def test_a_slow_file_is_not_waited_for_and_its_axes_are_taken_when_known(
    viewer, open_dock, qtbot, tmp_path, monkeypatch
):
    read = Event()

    def slowly(path, shape):
        read.wait(60)
        return "TZYX"

    monkeypatch.setattr("napari_n2s.widgets.viewer.axes_in_file.read_axes", slowly)
    layer = open_file(viewer, tmp_path / "b.tif", "ZCYX")
    begin = time.monotonic()
    assert layer_data.axes(layer) == "RQYX"
    assert time.monotonic() - begin < 5
    dock = open_dock()
    changed = []
    dock.axes.changed.connect(lambda: changed.append(dock.axes.letters.text()))
    assert dock.axes.letters.text() == "RQYX"
    read.set()
    qtbot.waitUntil(lambda: dock.axes.letters.text() == "TZYX", timeout=LONG)
    assert changed == ["TZYX"]
    assert "2 frames, 3 slices" in dock.axes.words.text()


@pytest.mark.parametrize("shape", [(64, 48), (3, 40, 50, 3), (9, 700, 800)])
def test_an_edit_of_a_picture_changes_the_checksum_and_nothing_else_does(shape):
    image = np.random.default_rng(0).poisson(9, shape).astype(np.uint16)
    before = checksum(image)
    assert checksum(image.copy()) == checksum(np.asfortranarray(image)) == before
    assert image.size < MAX_VALUES or len(shape) == 3
    image[-1] += 1
    assert checksum(image) != before


def test_what_is_not_in_memory_has_no_checksum(tmp_path):
    np.save(tmp_path / "a.npy", IMAGE)
    assert checksum(np.load(tmp_path / "a.npy", mmap_mode="r")) is None


def test_a_layer_of_a_file_has_the_axes_that_the_file_names(viewer, tmp_path):
    layer = open_file(viewer, tmp_path / "a.tif", "ZCYX")
    assert layer_data.axes(layer) == "ZCYX"
    layer_data.correct_axes(layer, "TCYX")
    assert layer_data.axes(layer) == "TCYX"
