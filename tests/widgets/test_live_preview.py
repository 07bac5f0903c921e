"""The preview of a training: where it lies, what it follows, and when it goes."""

import numpy as np

from conftest import LONG, NOISY, PREVIEW, STACK, click, finish, wait_for_preview


def test_the_preview_lies_on_the_slice_in_view_and_follows_it(viewer, training, qtbot):
    preview, source = wait_for_preview(qtbot, viewer), viewer.layers["a"]
    assert preview.data.shape == (1, *NOISY.shape)
    assert preview.contrast_limits == source.contrast_limits

    def shown_slice():
        corner = source.world_to_data(preview.data_to_world((0, 0, 0)))
        assert np.allclose(corner[1:], 0)
        return corner[0]

    for number in (2, 1):
        viewer.dims.set_point(0, source.data_to_world((number, 0, 0))[0])
        qtbot.waitUntil(lambda n=number: np.isclose(shown_slice(), n), timeout=LONG)
    clean = preview.data[0].ravel()
    similarity = [np.corrcoef(noisy.ravel(), clean)[0, 1] for noisy in STACK]
    assert np.argmax(similarity) == 1
    click(qtbot, training.stop)
    finish(qtbot, training)
    assert [layer.name for layer in viewer.layers] == ["other", "a", "a [n2s]"]


def test_a_preview_that_is_removed_stays_away(viewer, training, qtbot):
    wait_for_preview(qtbot, viewer)
    viewer.layers.remove(PREVIEW)
    scores = len(training.plot._scores.points)
    qtbot.waitUntil(lambda: len(training.plot._scores.points) >= scores + 2, timeout=LONG)
    assert PREVIEW not in viewer.layers


def test_while_it_rests_the_preview_still_follows_the_slider(viewer, training, qtbot):
    preview, source = wait_for_preview(qtbot, viewer), viewer.layers["a"]
    click(qtbot, training.pause)
    qtbot.wait(500)
    step = training.session.progress.step
    viewer.dims.set_point(0, source.data_to_world((2, 0, 0))[0])

    def follows():
        return np.isclose(source.world_to_data(preview.data_to_world((0, 0, 0)))[0], 2)

    qtbot.waitUntil(follows, timeout=LONG)
    assert training.session.progress.step == step


def test_a_preview_is_no_image_to_choose(viewer, training, qtbot):
    wait_for_preview(qtbot, viewer)
    viewer.layers.events.renamed.disconnect()  # which came with napari 0.7
    assert [layer.name for layer in training.image.choices] == ["a", "other"]
    assert [str(each) for each in training.apply_to.choices] == ["whole", "slice", "other"]
    click(qtbot, training.stop)
    finish(qtbot, training)
    names = sorted(layer.name for layer in training.image.choices)
    assert names == ["a", "a [n2s]", "other"]


def test_the_source_may_be_renamed_or_hold_another_image(viewer, training, qtbot):
    wait_for_preview(qtbot, viewer)
    viewer.layers["a"].name = "b"
    viewer.layers["b"].data = np.zeros((2, 80, 90, 100), np.uint8)
    qtbot.waitUntil(lambda: PREVIEW not in viewer.layers, timeout=LONG)
    scores = len(training.plot._scores.points)
    qtbot.waitUntil(lambda: len(training.plot._scores.points) >= scores + 2, timeout=LONG)
    assert [layer.name for layer in viewer.layers] == ["other", "b"]
    click(qtbot, training.stop)
    finish(qtbot, training)
    assert viewer.layers["b [n2s]"].data.shape == STACK.shape
