"""What the plots of the docks have in common."""

from __future__ import annotations

import pyqtgraph as pg
from qtpy.QtCore import QSize
from qtpy.QtWidgets import QWidget

FAINT, STRONG, OTHER = "#8a8d93", "#2aa1d3", "#e08a2e"
"""Colours that can be read on light and on dark."""


class Chart(pg.PlotWidget):
    """A plot with a legend, in the colours of the window.

    Parameters
    ----------
    bottom, left : str
        What its axes count.
    parent : QWidget, optional
    legend : tuple of int
        Where it is, in pixels from the left and top; below 0, from the right and bottom.
    """

    def __init__(
        self,
        bottom: str,
        left: str,
        parent: QWidget | None = None,
        *,
        legend: tuple[int, int] = (-5, 5),
    ) -> None:
        super().__init__(parent, background=None)
        item = self.getPlotItem()
        item.setLabel("bottom", bottom)
        item.setLabel("left", left)
        for side in ("left", "bottom"):
            item.getAxis(side).enableAutoSIPrefix(False)
        item.setMenuEnabled(True)
        item.hideButtons()
        self._legend = item.addLegend(offset=legend, labelTextSize="8pt")

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Fit into a dock; a plot by itself asks for 640 by 480 pixels."""
        return QSize(300, 260)

    def set_text_colour(self, colour: str) -> None:
        """Follow the window's theme."""
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(colour)
            axis.setTextPen(colour)
        self._legend.setLabelTextColor(colour)
        for _, label in self._legend.items:
            label.setText(label.text)
