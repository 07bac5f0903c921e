"""What the plots of the docks have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyqtgraph as pg
from napari.utils.theme import get_theme
from qtpy.QtCore import QSize
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from napari.viewer import Viewer

FAINT, STRONG, OTHER = "#8a8d93", "#2aa1d3", "#e08a2e"
"""Colours that can be read on light and on dark."""
BELOW = 4
"""Row of a plot's layout under its axis."""


class Legend(pg.LegendItem):
    """One that stays where it was put."""

    def mouseDragEvent(self, event: Any) -> None:  # noqa: N802 (pyqtgraph's name)
        """Let nobody drag it."""
        event.ignore()


class Chart(pg.PlotWidget):
    """A plot with a legend below it, in the colours of the window.

    Parameters
    ----------
    bottom, left : str
        What its axes count.
    parent : QWidget, optional
    """

    def __init__(
        self,
        bottom: str,
        left: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent, background=None)
        item = self.getPlotItem()
        item.setLabel("bottom", bottom)
        item.setLabel("left", left)
        for side in ("left", "bottom"):
            item.getAxis(side).enableAutoSIPrefix(False)
        item.setMenuEnabled(True)
        item.hideButtons()
        item.legend = self._legend = Legend(labelTextSize="8pt", colCount=3, horSpacing=4)
        item.layout.addItem(self._legend, BELOW, 0, 1, 2)
        item.layout.setContentsMargins(1, 8, 8, 1)  # else numbers at the ends are cut off

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Ask for little, as it takes all that is left; by itself it asks for 640 by 480 pixels."""
        return QSize(300, 180)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 (Qt's name)
        """Leave it to what is around; zoom by dragging with the right button."""
        event.ignore()

    def follow_theme(self, viewer: Viewer) -> None:
        """Write in the colour of the window's theme, whichever that is from now on."""
        viewer.events.theme.connect(self._take_theme)
        self._write_as_in(viewer.theme)

    def _take_theme(self, event: Any) -> None:
        self._write_as_in(event.value)

    def _write_as_in(self, theme: str) -> None:
        colour = get_theme(theme).text.as_hex()
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(colour)
            axis.setTextPen(colour)
        self._legend.setLabelTextColor(colour)
        for _, label in self._legend.items:
            label.setText(label.text)
