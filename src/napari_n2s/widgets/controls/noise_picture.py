"""Picture of the correlation of a pixel's noise with that of its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QRect, Qt
from qtpy.QtGui import QColor, QPainter, QPixmap
from qtpy.QtWidgets import QLabel, QWidget

from napari_n2s.widgets.controls.chart import FAINT, STRONG

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELL, GAP = 11, 1
"""Side of a pixel in the picture, and distance between two, in pixels of the screen."""
TOOLTIP = (
    "How the noise of a pixel (outlined) is correlated with that of its neighbours, with Y "
    "downwards and X to the right: the stronger the colour, the more correlated. If noise were "
    "independent, the pixel alone would be coloured."
)


class NoisePicture(QLabel):
    """Shows the correlation of noise at small offsets; hidden if there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip(TOOLTIP)
        self.hide()

    def show_correlation(self, correlation: NDArray[np.floating] | None) -> None:
        """Draw a correlation ``(2 * reach + 1, ...)`` with its centre at offset 0, or hide."""
        self.setVisible(correlation is not None)
        if correlation is None:
            return
        height, width = correlation.shape
        ratio = self.devicePixelRatioF()
        picture = QPixmap(round(width * CELL * ratio), round(height * CELL * ratio))
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        for (y, x), value in np.ndenumerate(correlation):
            square = QRect(x * CELL, y * CELL, CELL - GAP, CELL - GAP)
            colour = QColor(FAINT)
            colour.setAlphaF(0.25)
            painter.fillRect(square, colour)
            colour = QColor(STRONG)
            colour.setAlphaF(float(np.clip(value, 0, 1)))
            painter.fillRect(square, colour)
            if (y, x) == (height // 2, width // 2):
                painter.setPen(QColor("white"))
                painter.drawRect(square.adjusted(0, 0, -1, -1))
        painter.end()
        self.setPixmap(picture)
