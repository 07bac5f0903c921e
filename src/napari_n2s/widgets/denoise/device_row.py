"""The row that names the device, and offers a command to install a torch for a GPU."""

from __future__ import annotations

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from napari_n2s.core.settings import words
from napari_n2s.widgets.controls.basics import Sentence, with_tooltip
from napari_n2s.widgets.jobs import device_job


class DeviceRow(QWidget):
    """A description of the device, and a button where another torch could use a GPU.

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
            "Copies a command to the clipboard that installs a PyTorch for this computer's GPU.",
        )
        self._button.clicked.connect(lambda: QApplication.clipboard().setText(self._remedy))
        self._button.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._label)
        column.addWidget(self._button)
        # Loading torch at once would delay the first drawing of the window.
        self._delay = QTimer(self, singleShot=True, interval=500)
        self._delay.timeout.connect(self._describe)
        self._delay.start()

    def text(self) -> str:
        """Return the description."""
        return str(self._label.text())

    def choose(self, name: str) -> None:
        """Describe the device that a value of the setting selects."""
        self._chosen = name
        if not self._delay.isActive():
            self._describe()

    def end(self) -> None:
        """Cancel a pending description."""
        self._delay.stop()

    def _describe(self) -> None:
        worker = device_job(self._chosen)
        worker.returned.connect(self._show)
        worker.start()

    def _show(self, found: tuple[str, str | None]) -> None:
        description, remedy = found
        self._label.setText(description)
        self._remedy = remedy or ""
        self._button.setVisible(bool(remedy))
        self.named.emit()
