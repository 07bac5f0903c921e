"""Whatever the user does, in whatever order: no fault, no thread left, no viewer left.

More sequences than every day's few:
``N2S_SEQUENCES=200 python -m pytest tests/widgets/test_any_sequence.py``.
"""

import os
import random

import numpy as np
import pytest
from qtpy.QtCore import QThreadPool

from conftest import LONG, NOISY, click, shown

SEQUENCES = int(os.environ.get("N2S_SEQUENCES", "4"))
ACTIONS = 12
STACK = np.stack([NOISY, NOISY[::-1], NOISY[:, ::-1]])


class User:
    """Somebody who presses and changes things at random."""

    def __init__(self, viewer, qtbot, seed, title):
        self.viewer, self.qtbot, self.rng = viewer, qtbot, random.Random(seed)
        viewer.add_image(NOISY, name="stays")
        viewer.add_image(STACK, name="stack")
        self.frame, self.dock = viewer.window.add_plugin_dock_widget("napari-n2s", title)

    def press(self, button):
        if button.isEnabled() and button.isVisibleTo(self.dock):
            click(self.qtbot, button)

    def some_layer(self, keep=("stays",)):
        layers = [each for each in self.viewer.layers if each.name not in keep]
        return self.rng.choice(layers or [None])

    def remove(self):
        if layer := self.some_layer():
            self.viewer.layers.remove(layer)

    def change(self):
        if layer := self.some_layer():
            layer.data = self.rng.choice([NOISY, STACK, STACK[None], NOISY[:40].astype(float)])

    def rename(self):
        if layer := self.some_layer(keep=()):
            layer.name = f"name {self.rng.random()}"

    def add(self):
        self.viewer.add_image(self.rng.choice([NOISY, STACK]))

    def move(self):
        self.viewer.dims.set_point(0, self.rng.choice([0, 1, 2]))

    def go_through(self, actions):
        actions = [*actions, self.add, self.move, self.remove, self.change, self.rename]
        for _ in range(ACTIONS):
            self.rng.choice(actions)()
            self.qtbot.wait(self.rng.choice([0, 30, 300]))
        if self.rng.random() < 0.5:
            self.frame.close()
            self.viewer.window.remove_dock_widget(self.frame)
        else:
            self.press(self.dock.stop)
        pool = QThreadPool.globalInstance()
        self.qtbot.waitUntil(lambda: pool.activeThreadCount() == 0, timeout=LONG)
        faults = [text for severity, text in shown() if severity != "info"]
        right = ("This training is of", "There is no image layer", "was changed or removed since")
        assert [text for text in faults if not any(each in text for each in right)] == []


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_any_sequence_of_actions(viewer, qtbot, seed):
    user = User(viewer, qtbot, seed, "Denoise")
    dock, rng = user.dock, user.rng

    def choose():
        if dock.image.choices and not dock.stop.isEnabled():
            dock.image.value = rng.choice(dock.image.choices)
            dock.train_on.value = rng.choice(dock.train_on.choices[:2])
            dock.apply_to.value = rng.choice(dock.apply_to.choices[:2])

    dock.seconds.setValue(rng.choice([1, 3, 60]))
    user.press(dock.train)
    user.go_through(
        [
            lambda: user.press(dock.train),
            lambda: user.press(dock.train),
            lambda: user.press(dock.pause),
            lambda: user.press(dock.stop),
            lambda: user.press(dock.apply),
            lambda: user.press(dock.methods),
            lambda: dock.compare.pressed.emit() or dock.compare.released.emit(),
            choose,
        ]
    )


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_any_sequence_of_actions_with_filters(viewer, qtbot, seed):
    user = User(viewer, qtbot, seed, "Calibrated filter")
    dock, rng = user.dock, user.rng

    def choose():
        if dock.image.choices and not dock.stop.isEnabled():
            dock.image.value = rng.choice(dock.image.choices)
            dock.apply_to.value = rng.choice(dock.apply_to.choices[:2])
            dock.method.value = rng.choice(dock.method.choices)

    def slide():
        dock.strength.setValue(rng.randint(0, dock.strength.maximum()))

    user.press(dock.calibrate)
    user.go_through(
        [
            lambda: user.press(dock.calibrate),
            lambda: user.press(dock.apply),
            lambda: user.press(dock.stop),
            lambda: dock.compare.isEnabled() and dock.compare.click(),
            lambda: dock.mix.isEnabled() and dock.mix.toggle(),
            choose,
            slide,
            slide,
        ]
    )
