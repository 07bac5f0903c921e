"""Base class of the plots in the docks."""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Any

import pyqtgraph as pg
from napari.utils.theme import get_theme
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QWidget

from napari_n2s.widgets.controls.basics import Sentence

if TYPE_CHECKING:
    from napari.viewer import Viewer

FAINT, STRONG, OTHER = "#8a8d93", "#2aa1d3", "#e08a2e"
"""Colours that are legible on a light and on a dark background."""
LINE, DASHES = "—", "- -"
"""Symbols of a solid and of a dashed curve in a legend."""
MIN_LINES, PREFERRED_LINES = 9, 12
"""Minimum and preferred height of a plot, in lines of text."""


class Chart(pg.PlotWidget):
    """A plot in the colours of napari's theme, hidden until it has data.

    Parameters
    ----------
    bottom, left : str
        Labels of its axes.
    key : list of tuple of str, str and str
        Names of the curves, their colours, and their symbols in the legend.
    parent : QWidget, optional

    Attributes
    ----------
    legend : QLabel
        Names of the curves, in as many lines as they take, to be placed below the plot.
    """

    def __init__(
        self,
        bottom: str,
        left: str,
        key: list[tuple[str, str, str]],
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
        item.layout.setContentsMargins(1, 8, 8, 1)  # else the outermost tick labels are cut off
        self.setMinimumHeight(MIN_LINES * self.fontMetrics().height())
        self.legend = Sentence()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setText(" &nbsp; ".join(starmap(_entry, key)))
        self.setVisible(False)

    def setVisible(self, visible: bool) -> None:  # noqa: N802 (Qt's name)
        """Show or hide the plot with its legend."""
        super().setVisible(visible)
        self.legend.setVisible(visible)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Prefer a small size, as it is stretched; the default is 640 by 480 pixels."""
        return QSize(300, PREFERRED_LINES * self.fontMetrics().height())

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 (Qt's name)
        """Leave the wheel to the column around it; dragging with the right button zooms."""
        event.ignore()

    def follow_theme(self, viewer: Viewer) -> None:
        """Use the text colour of the viewer's theme, now and when it changes."""
        viewer.events.theme.connect(self._change_theme)
        self._use_theme(viewer.theme)

    def _change_theme(self, event: Any) -> None:
        self._use_theme(event.value)

    def _use_theme(self, theme: str) -> None:
        colour = get_theme(theme).text.as_hex()
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(colour)
            axis.setTextPen(colour)


def _entry(name: str, colour: str, dashes: str) -> str:
    """Format an entry of a legend, without spaces at which it could be broken."""
    symbol, words = (each.replace(" ", "&nbsp;") for each in (dashes, name))
    return f'<b style="color:{colour}">{symbol}</b>&nbsp;{words}'
