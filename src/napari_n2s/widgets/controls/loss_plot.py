"""Live plot of the training loss and the error on held-out pixels against time."""

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

MIN_INTERVAL = 0.5
"""Seconds between two drawings without a new score: each drawing redraws the whole window."""
MAX_POINTS = 2000
"""Points of a curve that are kept at most. A plot is a few hundred pixels wide; to draw 100,000
points, those of three hours, took 0.5 s on one processor core, twice a second."""

Point = tuple[float, float]


class PointSeries:
    """Keeps an evenly thinned part of the points (x, y) that are added, in their order.

    Whenever there are too many, every other point is dropped, and from then on only every second
    (fourth, eighth, …) of those added is kept. The first, the latest and the lowest point are
    always among `points`.
    """

    def __init__(self) -> None:
        self._kept: list[Point] = []
        self._stride = 1
        self._added = 0
        self._latest: Point | None = None
        self._lowest: Point | None = None

    def add(self, x: float, y: float) -> None:
        """Add a point to the right of all others."""
        self._latest = x, y
        if self._lowest is None or y < self._lowest[1]:
            self._lowest = self._latest
        if self._added % self._stride == 0:
            self._kept.append(self._latest)
        self._added += 1
        if len(self._kept) > MAX_POINTS - 2:
            del self._kept[1::2]
            self._stride *= 2

    @property
    def points(self) -> list[Point]:
        """The points to draw, at most `MAX_POINTS`, from left to right."""
        extremes = {each for each in (self._lowest, self._latest) if each}
        return sorted({*self._kept, *extremes}, key=itemgetter(0))

    @property
    def lowest(self) -> Point | None:
        """The point with the smallest y, the first of several; None if there are no points."""
        return self._lowest


class LossPlot(Chart):
    """Draws the snapshots of one training as they arrive."""

    def __init__(self, parent: QWidget | None = None) -> None:
        key = [
            ("training", FAINT, LINE),
            ("held-out pixels", STRONG, LINE),
            ("median", OTHER, DASHES),
        ]
        super().__init__("time (s)", "squared error", key, parent)
        item = self.getPlotItem()
        self._training = item.plot(pen=pg.mkPen(FAINT, width=1), name="training")
        self._held_out = item.plot(pen=pg.mkPen(STRONG, width=2), name="held-out pixels")
        self._median = item.plot(
            pen=pg.mkPen(OTHER, width=2, style=Qt.PenStyle.DashLine), name="median"
        )
        self._dots = pg.ScatterPlotItem(
            size=5, pen=None, brush=STRONG, hoverable=True, hoverSize=9, tip=_tooltip
        )
        self._best = pg.ScatterPlotItem(symbol="star", size=14, pen=None, brush=STRONG)
        item.addItem(self._dots)
        item.addItem(self._best)
        self._zoomed = False
        item.getViewBox().sigRangeChangedManually.connect(self._note_zoom)
        self.clear_curves()

    def clear_curves(self) -> None:
        """Begin the curves of a new training."""
        self._losses, self._scores = PointSeries(), PointSeries()
        self._zoomed, self._drawn, self._seconds = False, 0.0, 0.0
        for curve in (self._training, self._held_out, self._median, self._dots, self._best):
            curve.setData([], [])
        self.setRange(xRange=(0, 1), yRange=(0, 1))

    def add(self, progress: Progress) -> None:
        """Add a snapshot, and draw it at once if it has a score, else within `MIN_INTERVAL`."""
        self.show()
        self._seconds = progress.seconds
        if isfinite(progress.loss):
            self._losses.add(progress.seconds, progress.loss)
        if progress.score:
            self._scores.add(progress.seconds, progress.score.loss)
        self._median_loss = progress.baselines[0].score.loss
        if progress.score or time.monotonic() > self._drawn + MIN_INTERVAL:
            self.draw()

    def draw(self) -> None:
        """Draw all curves."""
        if not self._seconds:
            return
        self._drawn = time.monotonic()
        losses, scores = self._losses.points, self._scores.points
        if losses:
            self._training.setData(*zip(*losses, strict=True))
        if scores:
            self._held_out.setData(*zip(*scores, strict=True))
            self._dots.setData(*zip(*scores, strict=True))
        if self._scores.lowest:
            self._best.setData(*([each] for each in self._scores.lowest))
        self._median.setData([0, self._seconds], [self._median_loss] * 2)
        if not self._zoomed:
            self._fit()
        self.scene().prepareForPaint()  # else painting changes the layout and paints again

    def _fit(self) -> None:
        """Fit the view to the median, the best score and the last two thirds of both curves."""
        losses, scores = self._losses.points, self._scores.points
        later = [loss for each in (losses, scores) for _, loss in each[len(each) // 3 :]]
        best = [self._scores.lowest[1]] if self._scores.lowest else []
        low, high = min([*later, *best, self._median_loss]), max([*later, self._median_loss])
        margin = 0.1 * max(high - low, 0.1 * high)
        self.setYRange(low - margin, high + margin, padding=0)
        self.setXRange(0, self._seconds, padding=0.02)

    def _note_zoom(self) -> None:
        self._zoomed = True


def _tooltip(x: float, y: float, data: object) -> str:
    return f"{y:.4g} after {x:.0f} s"
