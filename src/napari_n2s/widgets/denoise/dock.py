"""The dock that trains a network on an image layer and adds the denoised image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_warning
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QMessageBox

from napari_n2s.core.errors import N2SError
from napari_n2s.core.progress import Applying, Preparing, Preview
from napari_n2s.training.progress import Progress, leave_missing
from napari_n2s.widgets.controls.basics import debounced
from napari_n2s.widgets.controls.choice import refresh_choices
from napari_n2s.widgets.controls.guides_row import candidates
from napari_n2s.widgets.denoise.activity import Activity
from napari_n2s.widgets.denoise.excluded_panel import ExcludedPanel
from napari_n2s.widgets.denoise.first_look_panel import FirstLookPanel
from napari_n2s.widgets.denoise.form import CONTINUE, PAUSE, RESUME, DenoiseForm, kind_of_noise
from napari_n2s.widgets.denoise.on_demand import OnDemand, begin_on_demand
from napari_n2s.widgets.denoise.result_panel import ResultPanel
from napari_n2s.widgets.denoise.session import TrainingSession
from napari_n2s.widgets.jobs import Failure, JobControl, Task, denoise_job
from napari_n2s.widgets.live_preview import LivePreview
from napari_n2s.widgets.preferences import preferences
from napari_n2s.widgets.request import Request, read_region, read_request, sources, targets
from napari_n2s.widgets.viewer import layers

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.images.sources import Box
    from napari_n2s.pipeline.denoise_one import Denoised
    from napari_n2s.pipeline.reports.report import Report
    from napari_n2s.training.training_data import TrainingData

NO_IMAGE = (
    "There is no image layer to denoise; open an image, or take one from "
    "File > Open Sample > Noise2Self."
)
ON_DEMAND = "Each slice or frame is denoised when you first look at it, and noisy until then."
APPLYING = "Noise2Self: applying"
SHRUNK = "Memory is low: training continues with smaller batches, which takes longer."
OMIT = "Denoise around the pixels that are NaN or infinite, and leave them unchanged?"


class DenoiseDock(DenoiseForm):
    """Choose an image, train, watch, stop; the result becomes a layer on top of its source.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    """

    job = staticmethod(denoise_job)
    """Makes the worker of a task."""
    _live_preview: LivePreview | None = None

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(
            lambda _: layers.image_layers(napari_viewer),
            lambda _: sources(napari_viewer),
            lambda _: targets(napari_viewer, self.image.value),
            lambda: candidates(napari_viewer, self.image.value),
            preferences(),
        )
        self._viewer = napari_viewer
        self._activity = Activity(APPLYING)
        self.session = TrainingSession(self, napari_viewer, self._show_state, self._finish)
        self._result_panel = ResultPanel(napari_viewer, self, self._train)
        self._excluded_panel = ExcludedPanel(
            napari_viewer, self.excluded_button, self.show_findings, lambda: self.image.value
        )
        device = self.advanced.controls["device"].currentText
        self._first_look = FirstLookPanel(napari_viewer, self._result_panel.remark, device)
        self._update_first_look = debounced(self, self._show_first_look)
        self._check_first_look = debounced(self, self._first_look.reconsider)
        self._connect()
        self.reset_choices()
        if active := layers.active_image(napari_viewer):
            self.image.value = active
        self.plot.follow_theme(napari_viewer)

    def reset_choices(self, event: object = None) -> None:
        """List the image layers again; napari calls this when they change."""
        refresh_choices(self.image)
        refresh_choices(self.train_on)
        self._describe_image()
        self._result_panel.reconsider()
        self._check_first_look.throttle()

    def event(self, event: QEvent) -> bool:
        """End the training when napari takes the dock out of its window."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.device.end()
            self.axes.show_layer(None)
            self._first_look.end()
            self._result_panel.forget()
            self._excluded_panel.end()
            self.session.forget()
            self.session.quit()
        return super().event(event)

    def _connect(self) -> None:
        for changed in (self.image.changed, self.axes.changed, self.device.named):
            changed.connect(self._update_first_look.throttle)
        self.pretrained.toggled.connect(self._update_first_look.throttle)
        self.image.changed.connect(self._describe_image)
        self.image.changed.connect(lambda: self.noise_picture.show_correlation(None))
        self.image.changed.connect(self.guides.clear)
        self.axes.changed.connect(self.guides.reset_choices)
        self.axes.changed.connect(self._drop_preview)
        self.axes.changed.connect(self._excluded_panel.reconsider)
        for control in (self.image, self.train_on, self.apply_to, self.axes, self.guides):
            control.changed.connect(self._result_panel.reconsider)
        self.train.clicked.connect(lambda: self._train())
        self.pause.clicked.connect(self._pause)
        self.stop.clicked.connect(self._stop)
        self.apply.clicked.connect(lambda: self._continue(learn=False))

    def _describe_image(self, _: object = None) -> None:
        self.axes.show_layer(self.image.value)
        refresh_choices(self.apply_to)
        self.guides.reset_choices()
        self._excluded_panel.reconsider()

    def _show_first_look(self) -> None:
        """Show a first look at the chosen image if the dock is visible and nothing is running."""
        self._first_look.reconsider()
        if self.isVisible() and not self.session.running:
            self._first_look.show_layer(self.image.value if self.pretrained.isChecked() else None)

    def _drop_preview(self) -> None:
        """Remove the preview if the source holds other data or has other axes by now."""
        request = self.session.request
        if self._live_preview and request and not request.is_current:
            self._live_preview.end(becomes_result=False)

    def _train(self, radius: tuple[int, ...] | None = None) -> None:
        """Train by the settings shown, or by these with another blind-spot radius."""
        if (source := self.image.value) is None:
            show_warning(NO_IMAGE)
            return
        self.axes.commit()
        try:
            settings = self.advanced.settings()
            region = read_region(self._viewer, source, self.train_on.value)
            request = self._read_request(source, region)
        except N2SError as error:
            self._result_panel.refuse(str(error))
            return
        if radius is not None:
            settings = replace(settings, blind_spot_radius=radius)
            request = replace(request, label=f"{request.label} {kind_of_noise(radius)}")
        self._start(Task(request, settings))

    def _read_request(self, source: Image, region: Box | None) -> Request:
        guides, apply_to = self.guides.pixels(), self.apply_to.value
        return read_request(self._viewer, source, region, apply_to, lazily=True, guides=guides)

    def _start(self, task: Task) -> None:
        self._activity = Activity(APPLYING)
        self._live_preview = LivePreview(self._viewer, task.request)
        self._live_preview.take_over(self._first_look.hand_over())
        self._result_panel.begin()
        self.show_bar(0, "starting …")
        self.show_working(True)
        control = JobControl(preview_pause=preferences().preview_pause)
        self.session.start(task, control, self.job(task, control))

    def _pause(self) -> None:
        if self.pause.text() == CONTINUE:
            self._continue(learn=True)
        elif self.pause.text() == PAUSE:
            self.session.control.pause()
            self.pause.setText(RESUME)
            self.bar.setFormat("paused" if self.session.progress else "pausing …")
        else:
            self.session.control.resume()
            self.pause.setText(PAUSE)

    def _continue(self, *, learn: bool) -> None:
        """Continue the training, or apply its network; what to denoise may have changed."""
        before, progress = self.session.request, self.session.progress
        assert before is not None
        assert progress is not None
        self.axes.commit()
        if error := self._resume_error():
            self._result_panel.refuse(error)
            return
        try:
            request = self._read_request(before.source, before.region)
        except N2SError as error:
            self._result_panel.refuse(str(error))
            return
        request = replace(request, guides=before.guides, label=before.label)
        self._start(Task(request, progress.best.settings, progress, learn))

    def _resume_error(self) -> str | None:
        """Explain why the training cannot be continued with the present choices, if it cannot."""
        return self.session.resume_error(self.image.value, self.guides.pixels())

    def _stop(self) -> None:
        self.stop.setEnabled(False)
        self.pause.setEnabled(False)
        self.bar.setFormat("stopping …")
        self.session.stop(applying=self._activity.begun)

    def _show_state(self, state: Preparing | Progress | Preview | Applying) -> None:
        if self._live_preview is None or self.session.request is None:
            return
        self.session.control.view = self._live_preview.view()
        if isinstance(state, Preview):
            self._live_preview.show(state)
        elif isinstance(state, Applying):
            self._show_applying(state)
        elif isinstance(state, Preparing):
            self.show_bar(state.done, "reading the image, %p %")
        elif state is not self.session.progress:
            self._show_progress(state)
        elif self.pause.text() == RESUME:
            self.bar.setFormat("paused")

    def _show_progress(self, progress: Progress) -> None:
        task, data = self.session.task, progress.trainer.data
        assert task is not None
        if self.session.progress is None:
            self.plot.clear_curves()
        findings = self._findings(data)
        self._excluded_panel.report(task.request, task.settings, findings, data.has_excluded)
        self.show_noise(data.recorruption.at_offsets() if data.recorruption else None)
        self.session.keep(progress)
        self.plot.add(progress)
        if self.pause.isEnabled() and self.pause.text() == PAUSE:
            self.show_training(progress)
        if progress.trainer.memory_reduced and not self.result.text():
            self.show_result(SHRUNK, there=False)

    def _findings(self, data: TrainingData) -> tuple[str, ...]:
        """List the findings about the image that are not shown elsewhere."""
        return data.findings

    def _show_applying(self, state: Applying) -> None:
        if not self._activity.begun:
            self.stop.setEnabled(True)
            self.pause.setEnabled(False)
        self.show_bar(state.done, "applying, %p %")
        if self._activity.show(state.done):
            self.session.quit()

    def _finish(self, outcome: Denoised | Failure | None) -> None:
        """Show the outcome of a task; None if it was given up or a fault ended it."""
        self._activity.end()
        request = self.session.request
        done = outcome is not None and not isinstance(outcome, Failure)
        live_preview, self._live_preview = self._live_preview, None
        becomes_result = bool(done and request and request.target_layer is request.source)
        preview = live_preview.end(becomes_result) if live_preview else None
        self.show_working(False, may_continue=self.session.progress is not None)
        self.plot.draw()
        if isinstance(outcome, Failure):
            self._explain(outcome)
        elif outcome is None:
            self._result_panel.show_last()
        elif request is not None:
            self._add_result(request, *outcome, preview)

    def _add_result(self, request: Request, image: Any, report: Report, preview: Any) -> None:
        if request.on_demand:
            assert self.session.progress is not None
            image = begin_on_demand(self.session.progress, request, image)
        where = (request.corner, report.to_dict(), preview, request.stretch, request.label)
        result = layers.add_result(self._viewer, request.target_layer, image, *where)
        if isinstance(image, OnDemand):
            image.show_in(result)
        self.reset_choices()  # before napari 0.7 no event says that a preview became a result
        self.show_bar(1, "done")
        words = (f"{ON_DEMAND} " if request.on_demand else "") + self._account(report)
        self._result_panel.accept(request, result, report, words)

    def _account(self, report: Report) -> str:
        return report.sentence()

    def _explain(self, failure: Failure) -> None:
        """Say why there is no result, or ask whether to omit NaN and infinite pixels."""
        task = self.session.task
        if not failure.missing:
            self._result_panel.refuse(failure.sentence)
            return
        answer = QMessageBox.question(self, "Noise2Self", OMIT)
        if answer != QMessageBox.StandardButton.Yes:
            self._result_panel.show_last()
        elif task:
            since = task.since and leave_missing(task.since)
            settings = replace(task.settings, nan_policy="omit")
            self._start(Task(task.request, settings, since, task.learn))
