"""Plot of the calibration: error against strength, with a minimum if the pixel is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyqtgraph as pg
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QWidget

from napari_n2s.widgets.controls.chart import DASHES, FAINT, LINE, STRONG, Chart

if TYPE_CHECKING:
    from napari_n2s.calibration.result import Tried


class CurvePlot(Chart):
    """Draws the error of one filter against its strength, during and after calibration.

    Signals
    -------
    picked : dict
        Parameter values of the point that was clicked.
    """

    picked = Signal(dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        key = [("pixel seen: uninformative", FAINT, DASHES), ("pixel left out", STRONG, LINE)]
        super().__init__("strength", "squared error", key, parent)
        item = self.getPlotItem()
        dashed = pg.mkPen(FAINT, width=1, style=Qt.PenStyle.DashLine)
        self._ordinary = item.plot(pen=dashed, name="pixel seen: uninformative")
        self._blind = item.plot(pen=pg.mkPen(STRONG, width=2), name="pixel left out")
        self._dots = pg.ScatterPlotItem(
            size=9, pen=None, brush=STRONG, hoverable=True, hoverSize=13, tip=_tooltip
        )
        self._best = pg.ScatterPlotItem(symbol="star", size=18, pen=None, brush=STRONG)
        self._current = pg.InfiniteLine(angle=90, pen=pg.mkPen(FAINT, width=1))
        for each in (self._current, self._dots, self._best):
            item.addItem(each)
        self._dots.sigClicked.connect(lambda _, points, *__: self.picked.emit(points[0].data()))
        self.show_curve("strength", [])

    def show_curve(self, name: str, line: list[tuple[float, Tried]]) -> None:
        """Draw the results of strengths in ascending order; the star marks the smallest error."""
        self.getPlotItem().setLabel("bottom", name.replace("_", " "))
        strengths = [strength for strength, _ in line]
        errors = [tried.score.loss for _, tried in line]
        self._blind.setData(strengths, errors)
        self._ordinary.setData(strengths, [tried.ordinary for _, tried in line])
        values: list[Any] = [tried.values for _, tried in line]
        self._dots.setData(strengths, errors, data=values)
        best = min(range(len(line)), key=errors.__getitem__, default=None)
        self._best.setData(*([], []) if best is None else ([strengths[best]], [errors[best]]))
        self.setVisible(bool(line))
        self.scene().prepareForPaint()  # else painting changes the layout and paints again

    def show_current(self, strength: float) -> None:
        """Mark the current strength."""
        self._current.setValue(strength)


def _tooltip(x: float, y: float, data: object) -> str:
    return f"{y:.4g} at {x:.3g}"
