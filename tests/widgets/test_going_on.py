"""A training is paused, gone on with and applied, and no wrong choice costs it."""

import numpy as np
from napari.utils.notifications import notification_manager

from conftest import LONG, NOISY, click, finish, shown


def test_pause_rests_and_resume_goes_on(viewer, training, qtbot):
    qtbot.waitUntil(lambda: "training" in training.bar.text(), timeout=LONG)
    click(qtbot, training.pause)
    qtbot.wait(500)
    before = training.session.progress
    qtbot.wait(2000)
    assert (training.session.progress, training.bar.text()) == (before, "paused")
    click(qtbot, training.pause)
    qtbot.waitUntil(lambda: training.session.progress is not before, timeout=LONG)
    assert training.session.progress.seconds < before.seconds + 1.5  # the rest does not count


def test_what_was_trained_is_applied_without_training_more(viewer, training, qtbot):
    qtbot.waitUntil(lambda: "training" in training.bar.text(), timeout=LONG)
    assert not training.apply.isEnabled()
    click(qtbot, training.stop)
    finish(qtbot, training)
    before, whole = training.session.progress, viewer.layers["a [n2s]"]
    training.apply_to.value = "slice"
    viewer.dims.set_point(0, whole.data_to_world((1, 0, 0))[0])
    click(qtbot, training.apply)
    finish(qtbot, training)
    assert training.session.progress is before
    assert training.session.progress.trainer.step == before.step
    part = viewer.layers["a [n2s] [1]"]
    assert np.allclose(part.data, whole.data[1:2], rtol=1e-4)


def test_a_wrong_choice_costs_no_training(viewer, training, qtbot):
    qtbot.waitUntil(lambda: "training" in training.bar.text(), timeout=LONG)
    click(qtbot, training.stop)
    finish(qtbot, training)
    colour = viewer.add_image(np.zeros((40, 50, 3), np.uint8), name="colour")
    training.image.value = viewer.layers["a"]
    before = training.session.progress
    training.apply_to.value = colour
    click(qtbot, training.apply)
    finish(qtbot, training)
    [(severity, message)] = shown()
    assert (severity, "3 channels" in message) == ("error", True)
    assert training.session.progress is before
    training.apply_to.value = "slice"
    click(qtbot, training.apply)
    finish(qtbot, training)
    assert viewer.layers["a [n2s] [1]"].data.shape == (1, *NOISY.shape)
    curve = training.plot._scores.points
    training.image.value = viewer.add_image(NOISY > 30, name="black and white")
    before = training.session.progress
    click(qtbot, training.train)
    finish(qtbot, training)
    assert "true and false" in training.result.text()
    assert (training.session.progress, training.plot._scores.points) == (before, curve)
    notification_manager.records.clear()


def test_stop_while_it_rests(viewer, training, qtbot):
    qtbot.waitUntil(lambda: "training" in training.bar.text(), timeout=LONG)
    click(qtbot, training.pause)
    click(qtbot, training.stop)
    finish(qtbot, training)
    assert "a [n2s]" in viewer.layers


def test_it_goes_on_from_where_it_was_stopped(viewer, training, qtbot):
    qtbot.waitUntil(lambda: "training" in training.bar.text(), timeout=LONG)
    click(qtbot, training.stop)
    finish(qtbot, training)
    before, scores = training.session.progress, len(training.plot._scores.points)
    assert training.pause.text() == "Continue"
    click(qtbot, training.pause)
    qtbot.waitUntil(lambda: len(training.plot._scores.points) > scores, timeout=LONG)
    click(qtbot, training.stop)
    finish(qtbot, training)
    after = training.session.progress
    assert after.step > before.step
    assert after.trainer is before.trainer
    assert after.best.score.loss <= before.best.score.loss
    assert [layer.name for layer in viewer.layers].count("a [n2s]") == 1
    assert len(viewer.layers) == 4


def test_a_training_is_not_continued_on_pixels_edited_in_place(viewer, open_dock, qtbot):
    image = NOISY.copy()
    viewer.add_image(image, name="a")
    dock = open_dock()
    dock.seconds.setValue(1)
    click(qtbot, dock.train)
    finish(qtbot, dock)
    image[20:40] *= 5
    dock.image.value = viewer.layers["a"]
    for button in (dock.pause, dock.apply):
        click(qtbot, button)
        assert dock.result.text().startswith("Pixels of a, or of its guides or pairs, were edited")
        assert dock.train.isEnabled()
    image[20:40] //= 5
    click(qtbot, dock.pause)
    assert not dock.train.isEnabled()
    finish(qtbot, dock)
    assert [layer.name for layer in viewer.layers] == ["a", "a [n2s]", "a [n2s] [1]"]
    assert len(shown()) == 2
