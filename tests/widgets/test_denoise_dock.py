"""The dock, through its real widgets in a real viewer."""

import numpy as np
import pytest
from qtpy.QtWidgets import QMessageBox

from conftest import LONG, NOISY, click, finish, shown
from napari_n2s.widgets.denoise.dock import NO_IMAGE


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
    assert account["settings"]["seconds"] == 1
    assert account["network"]["loss"] > 0
    assert "held-out pixels" in dock.result.text()
    assert np.array_equal(source.data, stack)
    assert shown() == []


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
    trained = [(p.seconds, p.loss) for p in seen if p.step]
    assert np.allclose(np.transpose(curves["training"].getData()), trained)
    assert curves["median"].getData()[1][-1] == seen[0].baselines[0].score.loss
    low, high = dock.plot.getPlotItem().viewRange()[1]
    assert all(low < loss < high for loss in (expected[-1][1], trained[-1][1]))
    dock.plot.setYRange(0, 1, padding=0)
    dock.plot.getViewBox().sigRangeChangedManually.emit([True, True])
    add(seen[-1])
    assert dock.plot.getPlotItem().viewRange()[1] == [0, 1]
