"""What is chosen in the dock: effort and settings, what to train on, what to denoise."""

import numpy as np

from conftest import NOISY, STACK, click, finish, shown
from napari_n2s.core.settings import EFFORTS
from napari_n2s.widgets.denoise.dock import DenoiseDock


def test_two_docks_train_side_by_side(viewer, open_dock, qtbot):
    viewer.add_image(NOISY, name="a")
    docks = [open_dock(), DenoiseDock(viewer)]
    viewer.window.add_dock_widget(docks[1])
    docks[1].seconds.setValue(1)
    for dock in docks:
        click(qtbot, dock.train)
    for dock in docks:
        finish(qtbot, dock)
    assert len(viewer.layers) == 3
    assert shown() == []


def test_effort_and_settings_speak_of_each_other(viewer, open_dock, qtbot):
    viewer.add_image(NOISY)
    dock = open_dock()
    for number, (name, effort) in enumerate(EFFORTS.items()):
        dock.effort.setValue(number)
        settings = dock.advanced.settings()
        assert dock.effort_words.text().startswith(name)
        assert {key: getattr(settings, key) for key in effort} == effort
    dock.seconds.setValue(33)
    assert dock.effort_words.text() == "as set under Advanced"
    dock.converge.setChecked(False)
    dock.seconds.setValue(300)
    assert (dock.effort.value(), dock.effort_words.text()) == (2, "thorough, 300 s")
    dock.advanced.controls["blind_spot_radius"].setText("wide")
    click(qtbot, dock.train)
    [(severity, message)] = shown()
    assert severity == "error"
    assert message.startswith("blind_spot_radius is 'wide'; give one whole number")
    assert dock.train.isEnabled()


def test_a_part_may_be_trained_on_and_a_slice_or_another_image_denoised(viewer, open_dock, qtbot):
    other = viewer.add_image(STACK[:2, ::-1], name="other", scale=(2, 3, 3))
    source = viewer.add_image(STACK, name="a", scale=(2, 0.5, 0.5), translate=(0, 10, 20))
    shapes = viewer.add_shapes(
        [[[15, 25], [15, 40], [40, 40], [40, 25]]], name="box", ndim=2, shape_type="rectangle"
    )
    viewer.layers.selection.active = source
    dock = open_dock()
    dock.train_on.value = shapes
    dock.apply_to.value = "slice"
    viewer.dims.set_point(0, 4)
    click(qtbot, dock.train)
    finish(qtbot, dock)
    trainer = dock.session.progress.trainer
    assert tuple(trainer.data.x.shape) == (3, 1, 51, 31)
    result = viewer.layers["a [n2s]"]
    assert result.data.shape == (1, *NOISY.shape)
    assert np.allclose(source.world_to_data(result.data_to_world((0, 0, 0))), (2, 0, 0))

    dock.apply_to.value = other
    click(qtbot, dock.train)
    finish(qtbot, dock)
    result = viewer.layers["other [n2s]"]
    assert result.data.shape == other.data.shape
    assert (result.scale == other.scale).all()

    shapes.data = []
    click(qtbot, dock.train)
    [(severity, message)] = shown()
    assert severity == "error"
    assert message == "Nothing is drawn in box; draw a rectangle, or train on the whole image."
