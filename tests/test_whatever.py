"""Whatever the user does, in whatever order: no fault, no thread left, no viewer left.

More sequences than every day's few: ``N2S_SEQUENCES=200 python -m pytest tests/test_whatever.py``.
"""

import os
import random

import numpy as np
import pytest
from qtpy.QtCore import QThreadPool

from conftest import LONG, NOISY, click, shown

SEQUENCES = int(os.environ.get("N2S_SEQUENCES", "6"))
ACTIONS = 12
STACK = np.stack([NOISY, NOISY[::-1], NOISY[:, ::-1]])


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_any_sequence_of_actions(viewer, qtbot, seed):
    rng = random.Random(seed)
    viewer.add_image(NOISY, name="stays")
    viewer.add_image(STACK, name="stack")
    frame, dock = viewer.window.add_plugin_dock_widget("napari-n2s", "Noise2Self: Denoise")

    def press(button):
        if button.isEnabled() and button.isVisible():
            click(qtbot, button)

    def some_layer(keep=("stays",)):
        return rng.choice([each for each in viewer.layers if each.name not in keep] or [None])

    def remove():
        if layer := some_layer():
            viewer.layers.remove(layer)

    def change():
        if layer := some_layer():
            layer.data = rng.choice([NOISY, STACK, STACK[None], NOISY[:40].astype(float)])

    def choose():
        if not dock.stop.isEnabled():
            dock.image.value = rng.choice(dock.image.choices)
            dock.learn_from.value = rng.choice(dock.learn_from.choices[:2])
            dock.apply_to.value = rng.choice(dock.apply_to.choices[:2])

    def rename():
        some_layer(keep=()).name = f"name {rng.random()}"

    actions = [
        lambda: press(dock.train),
        lambda: press(dock.train),
        lambda: press(dock.pause),
        lambda: press(dock.stop),
        lambda: press(dock.methods),
        lambda: dock.compare.pressed.emit() or dock.compare.released.emit(),
        lambda: viewer.add_image(rng.choice([NOISY, STACK])),
        lambda: viewer.dims.set_point(0, rng.choice([0, 1, 2])),
        remove,
        change,
        choose,
        rename,
    ]
    dock.seconds.setValue(rng.choice([1, 3, 60]))
    press(dock.train)
    for _ in range(ACTIONS):
        rng.choice(actions)()
        qtbot.wait(rng.choice([0, 30, 300]))
    if rng.random() < 0.5:
        frame.close()
        viewer.window.remove_dock_widget(frame)
    else:
        press(dock.stop)
    qtbot.waitUntil(lambda: QThreadPool.globalInstance().activeThreadCount() == 0, timeout=LONG)
    assert [note for note in shown() if note[0] != "info"] == []
