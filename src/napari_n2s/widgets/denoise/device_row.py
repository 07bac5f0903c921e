"""What will be computed on, and what to install if that could be better."""

from __future__ import annotations

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from napari_n2s.core.settings import words
from napari_n2s.widgets.controls.basics import Sentence, with_tooltip
from napari_n2s.widgets.jobs import device_job


class DeviceRow(QWidget):
    """A line to read, and a button where there is a remedy.

    Signals
    -------
    named
        The device has been found.
    """

    named = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen, self._remedy = "auto", ""
        self._label = with_tooltip(Sentence("Looking for a GPU …"), words("device"))
        self._button = with_tooltip(
            QPushButton("Copy what to install"),
            "Puts the command on the clipboard that installs a PyTorch for this computer's GPU.",
        )
        self._button.clicked.connect(lambda: QApplication.clipboard().setText(self._remedy))
        self._button.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._label)
        column.addWidget(self._button)
        # While the system loads torch, a window being drawn for the first time would wait for it.
        self._drawn = QTimer(self, singleShot=True, interval=500)
        self._drawn.timeout.connect(self._look)
        self._drawn.start()

    def text(self) -> str:
        """Give what is said."""
        return str(self._label.text())

    def choose(self, name: str) -> None:
        """Say it of the device that a setting names."""
        self._chosen = name
        if not self._drawn.isActive():
            self._look()

    def end(self) -> None:
        """Look no more."""
        self._drawn.stop()

    def _look(self) -> None:
        worker = device_job(self._chosen)
        worker.returned.connect(self._name)
        worker.start()

    def _name(self, found: tuple[str, str | None]) -> None:
        words_for_it, remedy = found
        self._label.setText(words_for_it)
        self._remedy = remedy or ""
        self._button.setVisible(bool(remedy))
        self.named.emit()
