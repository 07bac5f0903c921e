"""The dock of the filters, through its real widgets in a real viewer."""

import numpy as np
import pytest
from qtpy.QtCore import QThreadPool

from conftest import LONG, NOISY, click, shown
from napari_n2s import DeviceError, calibrate
from napari_n2s.filters.catalogue import METHODS
from napari_n2s.widgets.calibrate.dock import NO_IMAGE

STACK = np.stack([NOISY, NOISY[::-1], NOISY[:, ::-1]])
PREVIEW = "a [n2s preview]"


def idle():
    return QThreadPool.globalInstance().activeThreadCount() == 0


def rest(qtbot, dock):
    qtbot.waitUntil(lambda: dock.calibrate.isEnabled() and idle(), timeout=LONG)


@pytest.fixture
def open_dock(viewer, qtbot):
    def open_one():
        _, dock = viewer.window.add_plugin_dock_widget("napari-n2s", "Calibrated filter")
        return dock

    yield open_one
    qtbot.waitUntil(idle, timeout=LONG)


@pytest.fixture
def source(viewer):
    return viewer.add_image(STACK, name="a", scale=(2, 0.5, 0.25), translate=(1, 2, 3))


def test_calibrating_draws_the_curve_and_stands_at_its_minimum(viewer, source, open_dock, qtbot):
    dock = open_dock()
    click(qtbot, dock.calibrate)
    rest(qtbot, dock)
    expected = calibrate(STACK, axes="QYX")
    best = expected.best.values["radius"]
    assert dock.strength.values == expected.best.values
    assert dock.strength_words.text() == f"radius {best:.3g}"
    assert dock.plot._best.getData()[0] == [best]
    assert len(dock.plot._dots.data) == len(expected.tried)
    assert dock.result.text() == expected.sentence()
    assert dock.mix.isChecked() == expected.mixes
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=LONG)
    assert viewer.layers[PREVIEW].data.shape == (1, *NOISY.shape)
    assert shown() == []


def test_the_preview_follows_the_strength_and_the_slice(viewer, source, open_dock, qtbot):
    dock = open_dock()
    dock.strength.setValue(0)
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=LONG)
    preview = viewer.layers[PREVIEW]
    weak = preview.data.std()
    for value in range(12):
        dock.strength.setValue(value)
    qtbot.waitUntil(idle, timeout=LONG)
    qtbot.waitUntil(lambda: preview.data.std() < weak, timeout=LONG)
    viewer.dims.set_point(0, source.data_to_world((2, 0, 0))[0])

    def follows():
        return np.isclose(source.world_to_data(preview.data_to_world((0, 0, 0)))[0], 2)

    qtbot.waitUntil(follows, timeout=LONG)
    viewer.layers.remove(PREVIEW)
    dock.strength.setValue(3)
    qtbot.wait(300)
    assert PREVIEW not in viewer.layers


@pytest.mark.parametrize("method", ["median", "tv"])
def test_the_result_is_that_of_python_and_lies_on_its_source(
    viewer, source, open_dock, qtbot, method
):
    dock = open_dock()
    dock.method.value = method
    click(qtbot, dock.calibrate)
    rest(qtbot, dock)
    click(qtbot, dock.apply)
    rest(qtbot, dock)
    assert [layer.name for layer in viewer.layers] == ["a", "a [n2s]"]
    result = viewer.layers["a [n2s]"]
    assert np.allclose(result.data, calibrate(STACK, method, axes="QYX").apply(STACK), rtol=1e-5)
    assert np.array_equal(result.scale, source.scale)
    assert np.array_equal(result.translate, source.translate)
    assert result.metadata["napari-n2s"]["filter"] == method
    assert np.array_equal(source.data, STACK)


def test_a_point_of_the_curve_can_be_chosen(viewer, source, open_dock, qtbot):
    dock = open_dock()
    click(qtbot, dock.calibrate)
    rest(qtbot, dock)
    dock.plot._dots.sigClicked.emit(dock.plot._dots, [dock.plot._dots.points()[0]], None)
    assert dock.strength.values == {"radius": 1.0}


def test_all_filters_are_compared_with_the_network_on_the_same_pixels(
    viewer, source, open_dock, qtbot
):
    trained, elsewhere = (viewer.add_image(STACK, name=name) for name in ("b", "c"))
    same = calibrate(STACK, axes="QYX").best.score.loss
    for layer, median in ((trained, same), (elsewhere, same * 1.01)):
        account = {"network": {"loss": 0.5}, "baselines": [{"score": {"loss": median}}]}
        layer.metadata = {"napari-n2s": account}
    dock = open_dock()
    dock.image.value = source
    dock.compare.click()
    rest(qtbot, dock)
    rows = [
        [dock.table.item(row, column).text() for column in range(3)]
        for row in range(dock.table.rowCount())
    ]
    assert len(rows) == len(METHODS) + 1
    assert rows[0] == ["b", "0.5", "network"]
    losses = [float(loss) for _, loss, _ in rows]
    assert losses == sorted(losses)
    told = {name: float(loss) for name, loss, _ in rows}
    expected = calibrate(STACK, "wavelet", axes="QYX").best.score.loss
    assert told["wavelet"] == pytest.approx(expected, rel=1e-3)


def test_stop_and_closing_end_the_work(viewer, source, open_dock, qtbot):
    dock = open_dock()
    dock.method.value = "bilateral"
    click(qtbot, dock.calibrate)
    click(qtbot, dock.stop)
    rest(qtbot, dock)
    assert dock._found() is None
    click(qtbot, dock.calibrate)
    dock.strength.setValue(1)
    viewer.window.remove_dock_widget(dock.parent())
    qtbot.waitUntil(idle, timeout=LONG)
    assert [layer.name for layer in viewer.layers] == ["a"]


def test_another_image_is_another_calibration(viewer, source, open_dock, qtbot):
    dock = open_dock()
    click(qtbot, dock.calibrate)
    rest(qtbot, dock)
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=LONG)
    source.data = STACK[:, :40] * 2
    qtbot.waitUntil(lambda: PREVIEW not in viewer.layers, timeout=LONG)
    dock.strength.setValue(0)
    qtbot.waitUntil(idle, timeout=LONG)
    assert dock._found() is None
    viewer.layers.remove("a")
    click(qtbot, dock.calibrate)
    assert shown() == [("warning", NO_IMAGE)]


def test_what_cannot_be_filtered_is_explained(viewer, open_dock, qtbot):
    viewer.add_image(np.zeros((5, 60)), name="a")
    dock = open_dock()
    click(qtbot, dock.calibrate)
    rest(qtbot, dock)
    [(severity, message)] = shown()
    assert (severity, dock.result.text()) == ("error", message)
    assert "at least 16 along each" in message


def test_a_refusal_goes_with_its_cause(viewer, source, open_dock, qtbot):
    wrong = viewer.add_image(STACK > 30, name="wrong")
    dock = open_dock()
    dock.image.value = source
    click(qtbot, dock.calibrate)
    rest(qtbot, dock)
    found = dock.result.text()
    dock.apply_to.value = wrong

    def apply():
        click(qtbot, dock.apply)
        rest(qtbot, dock)
        return dock.result.text()

    assert "true and false" in apply()
    dock.apply_to.value = "slice"
    assert dock.result.text() == found
    dock.apply_to.value = wrong
    assert "true and false" in apply()
    wrong.data = STACK
    assert apply() == found
    dock.method.value = "tv"
    assert dock.result.text() == ""
    dock.method.value = "median"
    assert dock.result.text() == found


def test_a_preview_that_fails_is_tried_again_elsewhere(
    viewer, source, open_dock, qtbot, monkeypatch
):
    asked = []

    def fail(*_):
        asked.append(1)
        raise DeviceError("There is not enough memory.")

    dock = open_dock()
    monkeypatch.setattr("napari_n2s.widgets.calibrate.jobs.filtering", fail)
    dock.strength.setValue(0)
    qtbot.waitUntil(lambda: bool(shown()), timeout=LONG)
    monkeypatch.undo()
    for strength in (1, 2, 3):
        dock.strength.setValue(strength)
        qtbot.wait(50)
    assert asked == [1]
    assert shown() == [("error", "There is not enough memory.")]
    assert PREVIEW not in viewer.layers
    viewer.dims.set_point(0, source.data_to_world((2, 0, 0))[0])
    dock.strength.setValue(4)
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=LONG)


def test_neighbouring_slices_are_looked_at_by_their_distance(viewer, open_dock, qtbot):
    source = viewer.add_image(STACK, name="a", scale=(2, 1, 1), axis_labels=("z", "y", "x"))
    dock = open_dock()
    assert dock.slices.isVisibleTo(dock)
    dock.slices.click()
    click(qtbot, dock.calibrate)
    rest(qtbot, dock)
    found = calibrate(STACK, axes="ZYX", z_step=2)
    assert dock.result.text() == found.sentence()
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=LONG)
    seen = viewer.layers[PREVIEW].data
    click(qtbot, dock.apply)
    rest(qtbot, dock)
    result = viewer.layers["a [n2s]"].data
    assert np.allclose(result, found.apply(STACK), rtol=1e-5)
    at = round(source.world_to_data(viewer.dims.point)[0])
    assert np.allclose(seen[0], found.apply(STACK, mix=False)[at], rtol=1e-5)
    dock.method.value = "tv"
    assert not dock.slices.isVisibleTo(dock)


def test_an_image_exchanged_while_it_is_calibrated_leaves_nothing_behind(
    viewer, source, open_dock, qtbot
):
    other = viewer.add_image(STACK[0] * 3.0, name="other")
    dock = open_dock()
    dock.image.value = source
    dock.compare.click()
    qtbot.waitUntil(lambda: bool(dock._state.found), timeout=LONG)
    dock.strength.setValue(0)
    viewer.layers.remove("a")
    rest(qtbot, dock)
    assert dock.image.value.name == other.name
    assert dock._state is None
    assert dock.table.rowCount() == 0
    assert [layer.name for layer in viewer.layers] == ["other"]
    assert shown() == []


def test_no_filter_is_applied_that_was_calibrated_on_other_pixels(viewer, open_dock, qtbot):
    image = STACK.copy()
    viewer.add_image(image, name="a")
    dock = open_dock()
    click(qtbot, dock.calibrate)
    rest(qtbot, dock)
    image[1] *= 3
    click(qtbot, dock.apply)
    rest(qtbot, dock)
    assert dock.result.text().startswith("Pixels of a were edited")
    assert dock._found() is None
    click(qtbot, dock.calibrate)
    rest(qtbot, dock)
    assert dock.result.text() == calibrate(image, axes="QYX").sentence()
    click(qtbot, dock.apply)
    rest(qtbot, dock)
    assert "a [n2s]" in viewer.layers


def test_rgb_gaps_and_lazy_layers(viewer, open_dock, qtbot):
    colour = np.dstack([NOISY, NOISY // 2, NOISY // 3]).clip(0, 255).astype(np.uint8)
    gaps = np.where(NOISY.max() == NOISY, np.nan, NOISY)
    lazy = pytest.importorskip("dask.array").from_array(STACK, chunks=(1, 32, 48))
    for name, data, rgb in (("a", colour, True), ("b", gaps, False), ("c", lazy, False)):
        layer = viewer.add_image(data, name=name, rgb=rgb)
        dock = open_dock()
        dock.image.value = layer
        click(qtbot, dock.calibrate)
        rest(qtbot, dock)
        qtbot.waitUntil(lambda n=name: f"{n} [n2s preview]" in viewer.layers, timeout=LONG)
        preview = viewer.layers[f"{name} [n2s preview]"]
        assert (preview.rgb, preview.data.dtype) == (rgb, np.uint8 if rgb else np.float32)
        click(qtbot, dock.apply)
        rest(qtbot, dock)
        result = viewer.layers[f"{name} [n2s]"].data
        assert result.shape == data.shape
        if name == "b":
            assert np.array_equal(np.isnan(result), np.isnan(gaps))
    assert shown() == []
