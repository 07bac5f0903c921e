"""The dock shows how noise is correlated, as long as its image is chosen."""

import numpy as np

from conftest import LONG, click, finish
from napari_n2s.widgets.controls.noise_picture import CELL, NoisePicture

RNG = np.random.default_rng(4)


def test_the_stronger_the_correlation_the_more_colour(qtbot):
    picture = NoisePicture()
    qtbot.addWidget(picture)
    correlation = np.zeros((3, 5))
    correlation[1] = (0, 0.4, 1, 0.4, 0)
    picture.show_correlation(correlation)
    image = picture.pixmap().toImage()
    assert (image.width(), image.height()) == (5 * CELL, 3 * CELL)
    middle = [image.pixelColor(x * CELL + CELL // 2, CELL + CELL // 2) for x in range(3)]
    opacity = [each.alphaF() for each in middle]
    assert opacity[0] < opacity[1] < opacity[2]
    picture.show_correlation(None)
    assert picture.isHidden()


def test_the_dock_shows_the_correlation_it_found(viewer, open_dock, qtbot):
    white = RNG.normal(size=(96, 98))
    viewer.add_image(10 + white[:, 2:] + white[:, 1:-1] + white[:, :-2], name="a")
    viewer.add_image(RNG.normal(size=(64, 64)), name="other")
    dock = open_dock()
    dock.image.value = viewer.layers["a"]
    dock.seconds.setValue(600)
    click(qtbot, dock.train)
    qtbot.waitUntil(lambda: not dock.noise_picture.isHidden(), timeout=LONG)
    qtbot.waitUntil(lambda: "correlated" in dock.findings.text(), timeout=LONG)
    click(qtbot, dock.stop)
    finish(qtbot, dock)
    assert not dock.noise_picture.isHidden()
    dock.image.value = viewer.layers["other"]
    assert dock.noise_picture.isHidden()
