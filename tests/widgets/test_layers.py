"""How what is shown lies on its source: what is on top, in what units, and what is taken away."""

import gc
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
from qtpy.QtCore import Qt

from conftest import LONG, NOISY, click, shown
from napari_n2s import DeviceError, Settings
from napari_n2s.core.progress import Preview
from napari_n2s.images.image import open_image
from napari_n2s.widgets.denoise.first_look_panel import NAME, WORDS
from napari_n2s.widgets.denoise.on_demand import OnDemand
from napari_n2s.widgets.denoise.result_panel import ResultPanel
from napari_n2s.widgets.live_preview import LivePreview
from napari_n2s.widgets.request import WHOLE, read_request
from napari_n2s.widgets.viewer import layer_data, layers, regions
from napari_n2s.widgets.viewer.gc_freeze import GcFreeze

STACK = np.stack([NOISY, NOISY[::-1], NOISY[:, ::-1]])
CLEAN = STACK.astype(np.float32)
SLICE = (slice(1, 2), slice(0, 64), slice(0, 48))
LOOK, SEEN = f"a [{NAME}]", Preview(SLICE, CLEAN[SLICE])


def watch(viewer, source, name=layers.PREVIEW_NAME):
    watching = LivePreview(viewer, read_request(viewer, source, None, WHOLE), name)
    watching.show(SEEN)
    return watching


def add_result(viewer, source, image=CLEAN, corner=(0, 0, 0), preview=None):
    return layers.add_result(viewer, source, image, list(corner), {}, preview, [1, 1, 1])


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_what_comes_last_lies_on_top(viewer):
    source = viewer.add_image(STACK, name="a")
    viewer.add_points(np.zeros((1, 3)), name="points")
    look, preview = watch(viewer, source, NAME), watch(viewer, source)
    result = add_result(viewer, source)
    order = ["a", LOOK, "a [n2s preview]", "a [n2s]", "points"]
    assert names(viewer) == order
    assert layers.results_above(viewer, source) == [result]
    preview.lift()
    assert names(viewer) == [order[each] for each in (0, 1, 3, 2, 4)]
    training = LivePreview(viewer, read_request(viewer, source, None, WHOLE), "training")
    training.take_over(look)
    assert names(viewer) == ["a", "a [n2s]", "a [n2s preview]", "a [training]", "points"]
    verdict = ResultPanel(viewer, MagicMock(), lambda _: None)
    verdict.accept(read_request(viewer, source, None, WHOLE), result, None, "")
    verdict.show_before()
    assert [layer.visible for layer in viewer.layers] == [True, False, False, False, True]
    verdict.show_after()
    assert all(layer.visible for layer in viewer.layers)


def test_a_result_on_demand_is_drawn_anew_as_long_as_it_is_there(viewer):
    source = viewer.add_image(STACK, name="a")
    lazy = OnDemand(None, open_image(STACK, "QYX"), np.float32)
    lazy.busy = True  # it has no model
    lazy.show_in(add_result(viewer, source, lazy))
    drawn = []
    gc.collect()
    viewer.layers["a [n2s]"].events.set_data.connect(lambda event: drawn.append(event))
    lazy._draw(SLICE, CLEAN[SLICE])
    assert drawn


def test_a_picture_on_demand_that_failed_is_tried_again_at_the_next_look(
    viewer, qtbot, monkeypatch
):
    outcomes = [DeviceError("The device is gone.")] * 2 + [CLEAN[SLICE]]

    def denoise(*_, **__):
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
        yield

    monkeypatch.setattr("napari_n2s.inference.tile_size.applying", denoise)
    model = SimpleNamespace(settings=Settings(device="cpu"))
    lazy = OnDemand(model, open_image(STACK, "QYX"), np.float32)
    for number in range(3):
        assert np.array_equal(lazy[1], STACK[1])
        qtbot.waitUntil(lambda: not lazy.busy, timeout=LONG)
        assert len(outcomes) == 2 - number
    assert np.array_equal(lazy[1], CLEAN[1])
    assert shown() == [("error", "The device is gone.")]


def test_what_is_clean_is_not_seen_mixed_with_what_is_noisy(viewer):
    source = viewer.add_image(STACK, name="a", blending="additive")
    preview = watch(viewer, source).layer
    assert (preview.blending, source.visible) == ("translucent", True)
    part = add_result(viewer, source, CLEAN[SLICE], (1, 0, 0))
    assert (part.blending, source.visible) == ("translucent", True)
    result = add_result(viewer, source, preview=preview)
    assert result is preview
    assert result.blending == "additive"
    seen = source, part, result
    verdict = ResultPanel(viewer, MagicMock(), lambda _: None)
    verdict.accept(read_request(viewer, source, None, WHOLE), result, None, "")
    assert [each.visible for each in seen] == [False, False, True]
    verdict.show_before()
    assert [each.visible for each in seen] == [True, False, False]
    verdict.show_after()
    assert [each.visible for each in seen] == [False, False, True]
    later = add_result(viewer, source)
    assert [each.visible for each in (*seen, later)] == [False, False, False, True]
    viewer.layers.remove(later)
    assert [each.visible for each in seen] == [False, False, True]
    viewer.layers.remove(result)
    assert source.visible
    assert part.visible


def test_a_preview_and_what_becomes_of_it_look_as_the_source_does_by_then(viewer):
    source = viewer.add_image(STACK, name="a", units=("um",) * 3)
    look = watch(viewer, source, NAME)
    source.colormap, source.contrast_limits, source.gamma = "magenta", (3, 70), 0.5
    source.units, source.scale, source.affine = ("um", "nm", "nm"), (2, 3, 3), np.diag([1, 2, 1, 1])
    training = LivePreview(viewer, read_request(viewer, source, None, WHOLE))
    training.take_over(look)
    assert training.layer.colormap.name == "magenta"
    assert (training.layer.contrast_limits, training.layer.gamma) == ([3, 70], 0.5)
    source.axis_labels = ("t", "y", "x")
    result = add_result(viewer, source, preview=training.end(becomes_result=True))
    assert (result.units, result.axis_labels) == (source.units, source.axis_labels)
    assert np.array_equal(result.scale, source.scale)
    assert np.array_equal(result.affine.affine_matrix, source.affine.affine_matrix)


def test_layers_may_count_in_other_units(viewer):
    viewer.add_image(STACK, name="fine", units=("um", "nm", "nm"))
    large = np.zeros((3, 2000, 2000), np.uint8)
    source = viewer.add_image(large, name="a", scale=(2, 0.5, 0.5), units=("um", "um", "um"))
    viewer.dims.set_point(0, 4000)  # nanometres, as all that napari counts here
    assert regions.slice_in_view(viewer, source)[0] == slice(2, 3)
    regions.camera(viewer).center = (0, 250_000, 750_000)
    assert regions.part_in_view(viewer, source)[1:] == (slice(244, 756), slice(1244, 1756))
    corners = [[10_000, 20_000], [10_000, 40_000], [30_000, 40_000], [30_000, 20_000]]
    drawn = viewer.add_shapes([corners], shape_type="rectangle", units=("nm", "nm"))
    assert regions.drawn(drawn, source) == (slice(0, 3), slice(20, 61), slice(40, 81))
    thick = viewer.add_image(
        STACK, scale=(0.3, 100, 100), units=("um", "nm", "nm"), axis_labels="zyx"
    )
    assert layer_data.slice_distance(thick) == pytest.approx(3)


def test_what_goes_is_collected_though_the_rest_is_left_aside(viewer, monkeypatch):
    viewer.add_image(STACK, name="a")
    viewer.add_image(STACK, name="b")
    frozen, collected, collect = GcFreeze(viewer), [], gc.collect
    monkeypatch.setattr(gc, "collect", lambda *_: collected.append(gc.get_freeze_count()))
    frozen.begin()
    viewer.layers.remove("a")
    assert collected
    assert set(collected) == {0}
    assert gc.get_freeze_count() > 0
    frozen.end()
    viewer.layers.remove("b")
    assert gc.get_freeze_count() == 0
    monkeypatch.setattr(gc, "collect", collect)


def test_a_dock_opens_while_a_preview_is_selected(viewer, qtbot):
    source = viewer.add_image(STACK, name="a")
    viewer.layers.selection.active = watch(viewer, source).layer
    for name in ("Calibrated filter", "Pairs", "Denoise"):
        assert viewer.window.add_plugin_dock_widget("napari-n2s", name)[1].image.value is not None


@pytest.mark.parametrize(("name", "button"), [("Denoise", "train"), ("Calibrated filter", "apply")])
def test_letters_count_though_a_button_takes_no_focus(viewer, qtbot, name, button):
    source = viewer.add_image(STACK > 30, name="a")  # which is soon refused
    _, dock = viewer.window.add_plugin_dock_widget("napari-n2s", name)
    dock.axes.letters.selectAll()
    qtbot.keyClicks(dock.axes.letters, "tyx")
    getattr(dock, button).setFocusPolicy(Qt.FocusPolicy.NoFocus)
    click(qtbot, getattr(dock, button))
    assert layer_data.axes(source) == "TYX"
    qtbot.waitUntil(lambda: "true and false" in dock.result.text(), timeout=LONG)


def test_a_first_look_goes_with_what_it_shows_and_for_what_is_better(
    viewer, open_dock, qtbot, monkeypatch
):
    source = viewer.add_image(STACK, name="a")
    dock = open_dock()
    monkeypatch.setattr(dock, "isVisible", lambda: True)  # no window is, in a test

    def look_again():
        dock.pretrained.click()
        qtbot.waitUntil(lambda: dock._first_look._request is None)
        dock.pretrained.click()
        qtbot.waitUntil(lambda: LOOK in viewer.layers, timeout=LONG)

    dock.image.changed.emit(source)
    qtbot.waitUntil(lambda: LOOK in viewer.layers, timeout=LONG)
    assert dock.result.text() == WORDS
    dock._result_panel.refuse("No.")
    first = viewer.layers[LOOK]
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: first.translate[0] == 2, timeout=LONG)
    assert dock.result.text() == "No."
    source.data = STACK[:, :40] + 1
    qtbot.waitUntil(lambda: first not in viewer.layers, timeout=LONG)
    qtbot.waitUntil(lambda: LOOK in viewer.layers, timeout=LONG)
    assert dock.axes.words.text() == "3 images, 40 × 48 pixels, uint16"
    assert dock.result.text() == WORDS

    viewer.layers.remove(LOOK)
    viewer.dims.set_current_step(0, 0)
    qtbot.waitUntil(lambda: dock.result.text() == "", timeout=LONG)
    look_again()
    result = add_result(viewer, source, CLEAN[:, :40])
    qtbot.waitUntil(lambda: LOOK not in viewer.layers, timeout=LONG)
    viewer.layers.remove(result)
    look_again()
    for layer in list(viewer.layers):  # as napari deletes what is selected
        viewer.layers.remove(layer)
    assert [message for _, message in shown()] == ["No."]
