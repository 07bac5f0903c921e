"""The axes of the image in letters, for the user to correct, and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QFormLayout, QLineEdit, QWidget

from napari_n2s.core.errors import ImageError
from napari_n2s.widgets.controls.basics import Sentence, debounced, with_tooltip
from napari_n2s.widgets.viewer import layer_data
from napari_n2s.widgets.viewer.axes_in_file import is_being_read

if TYPE_CHECKING:
    from napari.layers import Image

FILE_INTERVAL = 200
"""Milliseconds between two looks whether a slow file has been read."""


class AxesRow(QWidget):
    """A description of the image, and its axes in a line that can be edited.

    Signals
    -------
    changed
        The user has corrected the axes, the layer's data were replaced, or the axes that the
        layer's file declares have become known.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layer: Image | None = None
        self.letters = with_tooltip(
            QLineEdit(),
            "One letter for each axis of the image; type other letters if one is wrong. Y and X "
            "are the axes of a slice, Z depth, T time, C channels, S colours; any other letter "
            "counts images that the network is trained on together.",
        )
        self.words = Sentence()
        lines = QFormLayout(self)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.addRow(self.letters, self.words)
        self.letters.setMaximumWidth(70)
        self.letters.editingFinished.connect(self._correct)
        self._updating = debounced(self, self._update)
        self._file_timer = QTimer(self, interval=FILE_INTERVAL)
        self._file_timer.timeout.connect(self._look_at_file)

    def show_layer(self, layer: Image | None) -> None:
        """Show the axes of a layer, unless the user is editing them."""
        if layer is self._layer and self.letters.isModified():
            return
        if layer is not self._layer:
            if self._layer is not None:
                self._layer.events.data.disconnect(self._updating.throttle)
            if layer is not None:
                layer.events.data.connect(self._updating.throttle)
        self._layer = layer
        self.letters.setEnabled(layer is not None)
        self.letters.setText(layer_data.axes(layer) if layer else "")
        self.words.setText(layer_data.describe(layer) if layer else "")
        if layer is not None and is_being_read(layer):
            self._file_timer.start()
        else:
            self._file_timer.stop()

    def commit(self) -> None:
        """Take the letters typed so far: clicking a button without focus does not end editing."""
        if self.letters.isModified():
            self._correct()

    def _look_at_file(self) -> None:
        if self._layer is None or not is_being_read(self._layer):
            self._file_timer.stop()
            self._update()

    def _update(self) -> None:
        self.show_layer(self._layer)
        self.changed.emit()

    def _correct(self) -> None:
        letters = self.letters.text().strip().upper()
        corrected = self._layer is not None and letters != layer_data.axes(self._layer)
        if self._layer is not None and corrected:
            try:
                layer_data.correct_axes(self._layer, letters)
            except ImageError as error:
                self.words.setText(str(error))
                return
        self.letters.setModified(False)
        self.show_layer(self._layer)
        if corrected:
            self.changed.emit()
