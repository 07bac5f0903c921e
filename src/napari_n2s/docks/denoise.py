"""The dock that trains a network on an image layer and adds the denoised image."""

from __future__ import annotations

import gc
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox
from napari.utils.notifications import show_error, show_warning
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_n2s.docks import layers
from napari_n2s.docks.job import Failure, denoise_job, device_job
from napari_n2s.docks.plot import LossPlot
from napari_n2s.ideas.settings import Settings, words
from napari_n2s.work.progress import Applying, Progress

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.work.denoise import Denoised

NO_IMAGE = (
    "There is no image layer to denoise; open an image, or take one from "
    "File > Open Sample > Noise2Self."
)


class DenoiseDock(QWidget):
    """Choose an image, train, watch, stop; the result becomes a layer on top of its source.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._worker: Any = None
        self._stopping = Event()
        self._applying = False
        self._source: Image | None = None
        self._outcome: Denoised | Failure | None = None
        self._build()
        self._choose_active()
        napari_viewer.events.theme.connect(self._follow_theme)
        self._follow_theme()
        # While the system loads torch, a window being drawn for the first time would wait for it.
        self._drawn = QTimer(self, singleShot=True, interval=500)
        self._drawn.timeout.connect(self._look_for_device)
        self._drawn.start()

    def _build(self) -> None:
        self.image = ComboBox(
            choices=lambda _: layers.image_layers(self._viewer),
            tooltip="The image layer to denoise; it is left as it is.",
        )
        self.what = QLabel()
        self.what.setToolTip(
            "How the image is understood: Y and X are the picture, C and S its channels; all other "
            "axes count pictures that are learnt from together."
        )
        self.seconds = QDoubleSpinBox()
        self.seconds.setRange(1, 86400)
        self.seconds.setDecimals(0)
        self.seconds.setSingleStep(10)
        self.seconds.setSuffix(" s")
        self.seconds.setValue(Settings().seconds)
        self.seconds.setToolTip(words("seconds"))
        self.train = QPushButton("Train")
        self.train.setToolTip("Learn from the noisy image alone, then add it denoised as a layer.")
        self.stop = QPushButton("Stop")
        self.stop.setToolTip(
            "End the training here and use the best that it has found; "
            "once that is being applied, give up."
        )
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setFormat("")
        self.plot = LossPlot()
        self.plot.setMinimumHeight(200)
        self.plot.setToolTip(
            "Squared error against the noisy image; lower is cleaner. It counts pixels that the "
            "network has not seen, so it cannot be improved by copying the noise."
        )
        self.result = QLabel()
        self.result.setWordWrap(True)
        self.result.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.device = QLabel("Looking for a GPU …")
        self.device.setWordWrap(True)
        self.device.setToolTip(words("device"))

        form = QFormLayout()
        form.addRow("Image", self.image.native)
        form.addRow("", self.what)
        form.addRow("Time", self.seconds)
        buttons = QHBoxLayout()
        buttons.addWidget(self.train)
        buttons.addWidget(self.stop)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addLayout(buttons)
        column.addWidget(self.bar)
        column.addWidget(self.plot, 1)
        column.addWidget(self.result)
        column.addWidget(self.device)
        self.image.changed.connect(self._describe_image)
        self.train.clicked.connect(lambda: self._start(self.image.value))
        self.stop.clicked.connect(self._stop)
        self._show_working(False)

    def reset_choices(self, event: object = None) -> None:
        """List the image layers anew; napari calls this when they change."""
        self.image.reset_choices()
        self._describe_image()

    def _describe_image(self, _: object = None) -> None:
        source = self.image.value
        self.what.setText(layers.describe(source) if source else "")

    def _choose_active(self) -> None:
        self.reset_choices()
        if active := layers.active_image(self._viewer):
            self.image.value = active

    def _start(self, source: Image | None, **changes: Any) -> None:
        if source is None:
            show_warning(NO_IMAGE)
            return
        self._source = source
        data = layers.pixels(source)
        settings = replace(Settings(seconds=self.seconds.value()), **changes)
        dtype = data.dtype if source.rgb else "float32"
        self.plot.clear_curves()
        self.result.clear()
        self.bar.setValue(0)
        self.bar.setFormat("starting …")
        self._stopping.clear()
        self._worker = worker = denoise_job(
            data, layers.axes(source), settings, dtype, self._stopping.is_set
        )
        worker.yielded.connect(self._show_progress)
        worker.returned.connect(self._keep_outcome)
        worker.finished.connect(gc.unfreeze)
        worker.finished.connect(self._finish)
        self._show_working(True)
        # A full garbage collection walks through all of napari and stops the window for a tenth
        # of a second: until the training is over, it leaves aside what is there already.
        gc.freeze()
        worker.start()

    def _stop(self) -> None:
        self.stop.setEnabled(False)
        self.bar.setFormat("stopping …")
        if self._applying:
            self._worker.quit()
        self._stopping.set()

    def event(self, event: QEvent) -> bool:
        """End the training when napari takes the dock out of its window."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._drawn.stop()
            if self._worker:
                self._worker.quit()
        return super().event(event)

    def _show_progress(self, state: Progress | Applying) -> None:
        self.bar.setValue(round(1000 * state.done))
        if isinstance(state, Applying):
            if not self._applying:
                self._applying = True
                self.stop.setEnabled(True)
            self.bar.setFormat("applying, %p %")
            return
        self.plot.add(state)
        if self.stop.isEnabled():
            self.bar.setFormat(f"training, {state.seconds_left:.0f} s left")

    def _keep_outcome(self, outcome: Denoised | Failure) -> None:
        self._outcome = outcome

    def _finish(self) -> None:
        """Act on how the worker ended; there is no outcome if a fault or a close ended it."""
        source, outcome = self._source, self._outcome
        self._worker = self._source = self._outcome = None
        self._show_working(False)
        if isinstance(outcome, Failure):
            self._explain(outcome, source)
        elif outcome is not None:
            image, report = outcome
            layers.add_result(self._viewer, source, image, report.to_dict())
            self.bar.setValue(self.bar.maximum())
            self.bar.setFormat("done")
            self.result.setText(report.sentence())

    def _explain(self, failure: Failure, source: Image | None) -> None:
        if not failure.missing:
            self.result.setText(failure.sentence)  # napari folds what it shows
            show_error(failure.sentence)
            return
        question = "Denoise around the pixels that are NaN or infinite, and leave them as they are?"
        answer = QMessageBox.question(self, "Noise2Self", question)
        if answer == QMessageBox.StandardButton.Yes:
            self._start(source, missing="leave")

    def _show_working(self, working: bool) -> None:
        self._applying = False
        for control in (self.train, self.seconds, self.image.native):
            control.setEnabled(not working)
        self.stop.setEnabled(working)
        if not working:
            self.bar.reset()
            self.bar.setFormat("")

    def _look_for_device(self) -> None:
        worker = device_job()
        worker.returned.connect(self._name_device)
        worker.start()

    def _name_device(self, words_for_it: str) -> None:
        self.device.setText(f"Computes on the {words_for_it}.")

    def _follow_theme(self, event: object = None) -> None:
        self.plot.set_text_colour(get_theme(self._viewer.theme).text.as_hex())
