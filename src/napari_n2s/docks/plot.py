"""The live plot: training and held-out loss against time, and the median to beat."""

from __future__ import annotations

import time
from operator import itemgetter
from typing import TYPE_CHECKING

import pyqtgraph as pg
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from napari_n2s.work.progress import Progress

PAUSE = 0.5
"""Seconds between two drawings, unless there is a new score: each has the whole window drawn."""
TRAINING, HELD_OUT, MEDIAN = "#8a8d93", "#2aa1d3", "#e08a2e"


class LossPlot(pg.PlotWidget):
    """Draws the snapshots of one training as they come."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, background=None)
        item = self.getPlotItem()
        item.setLabel("bottom", "time", units="s")
        item.setLabel("left", "squared error")
        item.getAxis("left").enableAutoSIPrefix(False)
        item.getAxis("bottom").enableAutoSIPrefix(False)
        item.setMenuEnabled(True)
        item.hideButtons()
        self._legend = item.addLegend(offset=(-5, 5), labelTextSize="8pt")
        self._training = item.plot(pen=pg.mkPen(TRAINING, width=1), name="training")
        self._held_out = item.plot(pen=pg.mkPen(HELD_OUT, width=2), name="unseen pixels")
        self._median = item.plot(
            pen=pg.mkPen(MEDIAN, width=2, style=Qt.PenStyle.DashLine), name="median filter"
        )
        self._dots = pg.ScatterPlotItem(
            size=5, pen=None, brush=HELD_OUT, hoverable=True, hoverSize=9, tip=_value
        )
        self._best = pg.ScatterPlotItem(symbol="star", size=14, pen=None, brush=HELD_OUT)
        item.addItem(self._dots)
        item.addItem(self._best)
        self._zoomed = False
        item.getViewBox().sigRangeChangedManually.connect(self._note_zoom)
        self.clear_curves()

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Fit into a dock; a plot by itself asks for 640 by 480 pixels."""
        return QSize(300, 260)

    def clear_curves(self) -> None:
        """Begin a new training."""
        self._losses: list[tuple[float, float]] = []
        self._scores: list[tuple[float, float]] = []
        self._zoomed, self._drawn = False, 0.0
        for curve in (self._training, self._held_out, self._median, self._dots, self._best):
            curve.setData([], [])

    def add(self, progress: Progress) -> None:
        """Take one snapshot more, and draw it now or soon."""
        self._losses.append((progress.seconds, progress.loss))
        if progress.score:
            self._scores.append((progress.seconds, progress.score.loss))
        self._to_beat = progress.baselines[0].score.loss
        if progress.score or time.monotonic() > self._drawn + PAUSE:
            self.draw()

    def draw(self) -> None:
        """Draw everything that was taken."""
        if not self._losses:
            return
        self._drawn = time.monotonic()
        self._training.setData(*zip(*self._losses, strict=True))
        if self._scores:
            self._held_out.setData(*zip(*self._scores, strict=True))
            self._dots.setData(*zip(*self._scores, strict=True))
            when, least = min(self._scores, key=itemgetter(1))
            self._best.setData([when], [least])
        self._median.setData([0, self._losses[-1][0]], [self._to_beat] * 2)
        if not self._zoomed:
            self._fit()
        self.scene().prepareForPaint()  # else it finds while drawing that it has to draw again

    def set_text_colour(self, colour: str) -> None:
        """Follow the window's theme."""
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(colour)
            axis.setTextPen(colour)
        self._legend.setLabelTextColor(colour)
        for _, label in self._legend.items:
            label.setText(label.text)

    def _fit(self) -> None:
        """Show what matters: around the median and the latest scores, not the first fall."""
        scores, median = [loss for _, loss in self._scores], self._to_beat
        low, high = min(*scores, median), max(scores[-1], median)
        margin = 0.35 * max(high - low, 0.1 * high)
        self.setYRange(low - margin, high + margin, padding=0)
        self.setXRange(0, self._losses[-1][0], padding=0.02)

    def _note_zoom(self) -> None:
        self._zoomed = True


def _value(x: float, y: float, data: object) -> str:
    return f"{y:.4g} after {x:.0f} s"
