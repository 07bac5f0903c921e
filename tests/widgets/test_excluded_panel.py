"""The dock reports excluded pixels, shows them in a layer, and releases its memory."""

from functools import partial

import numpy as np
from napari.layers import Labels

from conftest import LONG, click, finish, shown
from napari_n2s import Settings, find_excluded
from napari_n2s.widgets.viewer import layers

RNG = np.random.default_rng(4)
NAME = "a [n2s excluded]"


def spoilt():
    """Simulate a picture with a scale bar and hot pixels, and say where these are."""
    y, x = np.mgrid[:64, :64]
    picture = RNG.poisson(60 + 30 * np.sin(x / 9) * np.cos(y / 7)).astype(np.uint16)
    bar, hot = np.zeros((2, 64, 64), bool)
    bar[54:58, 30:60] = True
    hot[(9, 30, 41), (50, 12, 33)] = True
    picture[bar], picture[hot] = 4095, 2000
    return picture, bar, hot


def wait_for_map(qtbot, viewer, dock):
    click(qtbot, dock.excluded_button)
    qtbot.waitUntil(
        lambda: NAME in viewer.layers and dock.excluded_button.isEnabled(), timeout=LONG
    )
    return viewer.layers[NAME]


def test_what_is_excluded_is_said_shown_and_handed_back(viewer, open_dock, qtbot):
    picture, bar, hot = spoilt()
    placed = {"units": ("um", "um"), "axis_labels": ("y", "x")}
    viewer.add_image(RNG.normal(size=(64, 64)), name="other", **placed)
    source = viewer.add_image(
        picture,
        name="a",
        scale=(0.5, 0.25),
        translate=(2, 3),
        rotate=30,
        shear=[0.1],
        **placed,
    )
    dock = open_dock()
    assert dock.excluded_button.isHidden()
    dock.seconds.setValue(600)
    click(qtbot, dock.train)
    qtbot.waitUntil(lambda: "excluded from training" in dock.findings.text(), timeout=LONG)
    assert "under Advanced" in dock.findings.text()

    assert not dock.excluded_button.isHidden()

    click(qtbot, dock.stop)
    finish(qtbot, dock)
    result = viewer.layers["a [n2s]"]
    assert np.array_equal(result.data[bar], picture[bar])
    assert dock.result.text().count("one value") == 1
    assert dock.findings.isHidden()

    found = wait_for_map(qtbot, viewer, dock)
    assert isinstance(found, Labels)
    assert np.array_equal(found.data, find_excluded(picture, "YX", Settings()))
    assert (found.data[bar] == 2).all()
    assert np.isin(found.data[hot], (1, 3)).all()
    place = found.data_to_world((55, 40))
    assert "constant area" in found.get_status(place, world=True)["value"]
    corners = np.array([[0, 0], [0, 63], [63, 0]])
    for corner in corners:
        assert np.allclose(found.data_to_world(corner), source.data_to_world(corner))
    for name in ("scale", "translate", "rotate", "shear"):
        assert np.array_equal(getattr(found, name), getattr(source, name)), name
    assert (found.units, found.axis_labels) == (source.units, source.axis_labels)
    assert viewer.layers.selection.active.name != NAME
    assert NAME not in [each.name for each in dock.image.choices]

    order = [each.name for each in viewer.layers]
    assert order.index("a") < order.index("a [n2s]") < order.index(NAME)

    found.data = np.zeros_like(found.data)
    wait_for_map(qtbot, viewer, dock)
    assert [each.name for each in viewer.layers].count(NAME) == 1
    assert (viewer.layers[NAME].data[bar] == 2).all()
    dock.image.value = viewer.layers["other"]
    assert dock.excluded_button.isHidden()
    dock.image.value = viewer.layers["a"]
    assert not dock.excluded_button.isHidden()
    assert shown() == []


def test_of_a_large_image_the_picture_in_view_is_shown(viewer, open_dock, qtbot, monkeypatch):
    picture, bar, _ = spoilt()
    source = viewer.add_image(np.stack([picture, picture[::-1]]), name="a", scale=(3, 1, 1))
    dock = open_dock()
    monkeypatch.setattr(
        "napari_n2s.widgets.denoise.excluded_panel.MAX_TRAINING_VALUES", picture.size
    )
    dock.advanced.controls["context"].setValue(0)
    click(qtbot, dock.train)
    finish(qtbot, dock)
    for number, where in ((1, bar[::-1]), (0, bar)):
        viewer.dims.set_point(0, 3 * number)
        found = wait_for_map(qtbot, viewer, dock)
        qtbot.waitUntil(partial(lies_at, found, source, number), timeout=LONG)
        assert found.data.shape == (1, 64, 64)
        assert (found.data[0][where] == 2).all()
    assert layers.is_there(viewer, source)


def lies_at(found, source, number):
    return np.allclose(found.data_to_world((0, 0, 0)), source.data_to_world((number, 0, 0)))
