"""How long the window stands still while the dock works: gaps between the ticks of a 10 ms timer.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/window.py [--size 1024] [--seconds 60]

Prints the gaps of each stage in milliseconds: median, 99th percentile and worst. Beside them stand
those of napari alone, idle and while it adds a layer, which are the floor. Then, how soon the first
preview comes, and what previews cost: steps a second with them as a share of those without.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, Qt, QTimer

from napari_n2s.simulation import fluorescence


class Ticks:
    """A timer on the main thread that notes how late it is."""

    def __init__(self) -> None:
        self._gaps: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(10)

    def _tick(self) -> None:
        now = time.perf_counter()
        self._gaps.append(1000 * (now - self._last))
        self._last = now

    def watch(self, stage: str, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Run the window for a time, or until something is true, and print the gaps."""
        loop, check = QEventLoop(), QTimer()
        QTimer.singleShot(int(1000 * seconds), loop.quit)
        check.timeout.connect(lambda: until() and loop.quit())
        check.start(50)
        loop.exec()
        gaps, self._gaps = np.array(self._gaps), []
        middle, high = np.quantile(gaps, [0.5, 0.99])
        print(f"| {stage} | {middle:.1f} | {high:.1f} | {gaps.max():.1f} |", flush=True)


def main() -> None:
    """Go once through the dock's life and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=60)
    chosen = parser.parse_args()
    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    noisy = fluorescence.picture(chosen.size).noisy
    print("| stage | median | 99 % | worst (ms) |\n|---|---|---|---|")
    ticks = Ticks()
    ticks.watch("napari opening", 3)
    ticks.watch("napari idle", 3)
    viewer.add_image(noisy, name="first")
    ticks.watch("napari adding a layer", 1)
    viewer.add_image(noisy.astype(np.float32), name="second")
    ticks.watch("napari adding a second layer", 1)
    _, dock = viewer.window.add_plugin_dock_widget("napari-n2s", "Denoise")
    ticks.watch("dock opening, torch loading", 5)
    dock.image.value = viewer.layers["first"]
    dock.seconds.setValue(chosen.seconds)
    preview, rates = "first [n2s preview]", []
    for previews in ("with", "without"):
        begin = time.perf_counter()
        dock.train.click()
        ticks.watch(
            f"{previews} previews: until the first", 30, until=lambda: preview in viewer.layers
        )
        first = time.perf_counter() - begin
        if previews == "without":
            viewer.layers.remove(preview)
        before = dock.session.progress
        ticks.watch(f"{previews} previews: training", chosen.seconds - first - 4)
        after = dock.session.progress
        rates.append((after.step - before.step) / (after.seconds - before.seconds))
        ticks.watch(f"{previews} previews: end", 60, until=dock.train.isEnabled)
        print(f"First preview after {first:.1f} s, {rates[-1]:.1f} steps a second.")
    print(f"With previews it takes {rates[0] / rates[1]:.1%} of the steps without.")
    viewer.close()


if __name__ == "__main__":
    main()
