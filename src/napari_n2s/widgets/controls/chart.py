"""What the plots of the docks have in common."""

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
"""Colours that can be read on light and on dark."""
LINE, DASHES = "—", "- -"
"""How a legend shows a curve that is drawn through, and one that is dashed."""
LEAST, USUAL = 9, 12
"""Lines of text that a plot is high at least, and where there is room."""


class Chart(pg.PlotWidget):
    """A plot in the colours of the window, hidden until there is something to see in it.

    Parameters
    ----------
    bottom, left : str
        What its axes count.
    key : list of tuple of str, str and str
        What the curves are called, their colours and dashes.
    parent : QWidget, optional

    Attributes
    ----------
    legend : QLabel
        Names the curves, in as many lines as it takes; to be put below the plot.
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
        item.layout.setContentsMargins(1, 8, 8, 1)  # else numbers at the ends are cut off
        self.setMinimumHeight(LEAST * self.fontMetrics().height())
        self.legend = Sentence()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setText(" &nbsp; ".join(starmap(_entry, key)))
        self.setVisible(False)

    def setVisible(self, visible: bool) -> None:  # noqa: N802 (Qt's name)
        """Show or hide it with its legend."""
        super().setVisible(visible)
        self.legend.setVisible(visible)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Ask for little, as it takes all that is left; by itself it asks for 640 by 480 pixels."""
        return QSize(300, USUAL * self.fontMetrics().height())

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


def _entry(name: str, colour: str, dashes: str) -> str:
    """Write an entry of a legend, without spaces at which its line could be broken."""
    sign, words = (each.replace(" ", "&nbsp;") for each in (dashes, name))
    return f'<b style="color:{colour}">{sign}</b>&nbsp;{words}'
