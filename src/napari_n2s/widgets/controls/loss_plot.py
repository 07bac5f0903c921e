"""The live plot: training and held-out loss against time, and the median to beat."""

from __future__ import annotations

import time
from math import isfinite
from operator import itemgetter
from typing import TYPE_CHECKING

import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_n2s.widgets.controls.chart import DASHES, FAINT, LINE, OTHER, STRONG, Chart

if TYPE_CHECKING:
    from napari_n2s.training.progress import Progress

PAUSE = 0.5
"""Seconds between two drawings, unless there is a new score: each has the whole window drawn."""


class LossPlot(Chart):
    """Draws the snapshots of one training as they come."""

    def __init__(self, parent: QWidget | None = None) -> None:
        key = [
            ("training", FAINT, LINE),
            ("unseen pixels", STRONG, LINE),
            ("median", OTHER, DASHES),
        ]
        super().__init__("time (s)", "squared error", key, parent)
        item = self.getPlotItem()
        self._training = item.plot(pen=pg.mkPen(FAINT, width=1), name="training")
        self._held_out = item.plot(pen=pg.mkPen(STRONG, width=2), name="unseen pixels")
        self._median = item.plot(
            pen=pg.mkPen(OTHER, width=2, style=Qt.PenStyle.DashLine), name="median"
        )
        self._dots = pg.ScatterPlotItem(
            size=5, pen=None, brush=STRONG, hoverable=True, hoverSize=9, tip=_value
        )
        self._best = pg.ScatterPlotItem(symbol="star", size=14, pen=None, brush=STRONG)
        item.addItem(self._dots)
        item.addItem(self._best)
        self._zoomed = False
        item.getViewBox().sigRangeChangedManually.connect(self._note_zoom)
        self.clear_curves()

    def clear_curves(self) -> None:
        """Begin a new training."""
        self._losses: list[tuple[float, float]] = []
        self._scores: list[tuple[float, float]] = []
        self._zoomed, self._drawn, self._until = False, 0.0, 0.0
        for curve in (self._training, self._held_out, self._median, self._dots, self._best):
            curve.setData([], [])
        self.setRange(xRange=(0, 1), yRange=(0, 1))

    def add(self, progress: Progress) -> None:
        """Take one snapshot more, and draw it now or soon."""
        self.show()
        self._until = progress.seconds
        if isfinite(progress.loss):
            self._losses.append((progress.seconds, progress.loss))
        if progress.score:
            self._scores.append((progress.seconds, progress.score.loss))
        self._to_beat = progress.baselines[0].score.loss
        if progress.score or time.monotonic() > self._drawn + PAUSE:
            self.draw()

    def draw(self) -> None:
        """Draw everything that was taken."""
        if not self._until:
            return
        self._drawn = time.monotonic()
        if self._losses:
            self._training.setData(*zip(*self._losses, strict=True))
        if self._scores:
            self._held_out.setData(*zip(*self._scores, strict=True))
            self._dots.setData(*zip(*self._scores, strict=True))
            when, least = min(self._scores, key=itemgetter(1))
            self._best.setData([when], [least])
        self._median.setData([0, self._until], [self._to_beat] * 2)
        if not self._zoomed:
            self._fit()
        self.scene().prepareForPaint()  # else it finds while drawing that it has to draw again

    def _fit(self) -> None:
        """Show what matters: the median, the best score, and later two thirds of both curves."""
        later = [
            loss for each in (self._losses, self._scores) for _, loss in each[len(each) // 3 :]
        ]
        best = [loss for _, loss in self._scores]
        low, high = min([*later, *best, self._to_beat]), max([*later, self._to_beat])
        margin = 0.1 * max(high - low, 0.1 * high)
        self.setYRange(low - margin, high + margin, padding=0)
        self.setXRange(0, self._until, padding=0.02)

    def _note_zoom(self) -> None:
        self._zoomed = True


def _value(x: float, y: float, data: object) -> str:
    return f"{y:.4g} after {x:.0f} s"
