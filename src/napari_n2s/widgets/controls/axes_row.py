"""How an image is understood, in words, and the axes in letters for the user to correct."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QLineEdit, QWidget

from napari_n2s.core.errors import ImageError
from napari_n2s.widgets.controls.basics import Sentence, Soon, with_tooltip
from napari_n2s.widgets.viewer import layers

if TYPE_CHECKING:
    from napari.layers import Image


class AxesRow(QWidget):
    """One line to read and one to correct.

    Signals
    -------
    changed
        The user has said what the axes are, or the layer holds other data.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layer: Image | None = None
        self.letters = with_tooltip(
            QLineEdit(),
            "One letter for each axis of the image; type over it if it is wrong. Y and X are the "
            "picture, Z its depth, T time, C channels, S colours; any other letter counts pictures "
            "that are learnt from together.",
        )
        self.words = Sentence()
        lines = QFormLayout(self)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.addRow(self.letters, self.words)
        self.letters.setMaximumWidth(70)
        self.letters.editingFinished.connect(self._correct)
        self._renewing = Soon(self, self._renew)

    def show_layer(self, layer: Image | None) -> None:
        """Say how a layer is understood, unless somebody is saying it of this very one."""
        if layer is self._layer and self.letters.isModified():
            return
        if layer is not self._layer:
            if self._layer is not None:
                self._layer.events.data.disconnect(self._renewing.ask)
            if layer is not None:
                layer.events.data.connect(self._renewing.ask)
        self._layer = layer
        self.letters.setEnabled(layer is not None)
        self.letters.setText(layers.axes(layer) if layer else "")
        self.words.setText(layers.describe(layer) if layer else "")

    def commit(self) -> None:
        """Take what was typed: where a button takes no focus, pressing it does not end typing."""
        if self.letters.isModified():
            self._correct()

    def _renew(self) -> None:
        self.show_layer(self._layer)
        self.changed.emit()

    def _correct(self) -> None:
        letters = self.letters.text().strip().upper()
        corrected = self._layer is not None and letters != layers.axes(self._layer)
        if self._layer is not None and corrected:
            try:
                layers.correct_axes(self._layer, letters)
            except ImageError as error:
                self.words.setText(str(error))
                return
        self.letters.setModified(False)
        self.show_layer(self._layer)
        if corrected:
            self.changed.emit()
