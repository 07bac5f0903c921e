"""The dock that trains a network on an image layer and adds the denoised image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_warning
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QMessageBox

from napari_n2s.core.errors import N2SError
from napari_n2s.core.progress import Applying, Preview
from napari_n2s.training.progress import Progress, leave_missing
from napari_n2s.widgets.controls.basics import Soon
from napari_n2s.widgets.controls.choice import list_anew
from napari_n2s.widgets.controls.guides_row import candidates
from napari_n2s.widgets.denoise.activity import Activity
from napari_n2s.widgets.denoise.excluded_panel import ExcludedPanel
from napari_n2s.widgets.denoise.first_look_panel import FirstLookPanel
from napari_n2s.widgets.denoise.form import GO_ON, PAUSE, RESUME, DenoiseForm
from napari_n2s.widgets.denoise.on_demand import OnDemand, begin_on_demand
from napari_n2s.widgets.denoise.result_panel import ResultPanel
from napari_n2s.widgets.denoise.resuming import objection
from napari_n2s.widgets.jobs import Failure, JobControl, denoise_job
from napari_n2s.widgets.live_preview import LivePreview
from napari_n2s.widgets.preferences import preferences
from napari_n2s.widgets.request import Request, read_region, read_request, sources, targets
from napari_n2s.widgets.viewer import layers
from napari_n2s.widgets.viewer.frozen import LayerLock

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.core.settings import Settings
    from napari_n2s.images.sources import Box
    from napari_n2s.pipeline.denoise_one import Denoised
    from napari_n2s.pipeline.report import Report
    from napari_n2s.training.training_data import TrainingData

NO_IMAGE = (
    "There is no image layer to denoise; open an image, or take one from "
    "File > Open Sample > Noise2Self."
)
ON_DEMAND = "Each picture is denoised when it is first looked at, and noisy until then."
APPLYING = "Noise2Self: applying"
SHRUNK = "Memory is short: training goes on with smaller steps, which takes longer."


class DenoiseDock(DenoiseForm):
    """Choose an image, train, watch, stop; the result becomes a layer on top of its source.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    """

    _watching: LivePreview | None = None

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(
            lambda _: layers.image_layers(napari_viewer),
            lambda _: sources(napari_viewer),
            lambda _: targets(napari_viewer, self.image.value),
            lambda: candidates(napari_viewer, self.image.value),
            preferences(),
        )
        self._viewer = napari_viewer
        self._worker: Any = None
        self._reins = JobControl()
        self._order: Request | None = None
        self.progress: Progress | None = None
        self._earlier: tuple[Request | None, Progress | None] = None, None
        self._asked: tuple[Request, Settings, Progress | None, bool] | None = None
        self._activity = Activity(APPLYING)
        self._verdict = ResultPanel(napari_viewer, self.show_result)
        self._outcome: Denoised | Failure | None = None
        self._frozen = LayerLock(napari_viewer)
        self._set_apart = ExcludedPanel(
            napari_viewer, self.set_apart, self.show_found, lambda: self.image.value
        )
        self._first_look = FirstLookPanel(napari_viewer, self._verdict.remark)
        self._looking = Soon(self, self._look_first)
        self._comparing = Soon(self, self._first_look.reconsider)
        self.image.changed.connect(self._describe_image)
        self.image.changed.connect(self._looking.ask)
        self.image.changed.connect(self.guides.clear)
        self.axes.changed.connect(self.guides.reset_choices)
        self.axes.changed.connect(self._looking.ask)
        self.axes.changed.connect(self._verdict.reconsider)
        self.axes.changed.connect(self._drop_preview)
        self.axes.changed.connect(self._set_apart.reconsider)
        self.pretrained.toggled.connect(self._looking.ask)
        self.train.clicked.connect(self._train)
        self.pause.clicked.connect(self._pause)
        self.stop.clicked.connect(self._stop)
        self.apply.clicked.connect(lambda: self._take_up(learn=False))
        self.compare.pressed.connect(self._verdict.show_before)
        self.compare.released.connect(self._verdict.show_after)
        self.methods.clicked.connect(self._verdict.copy_methods)
        self.device.named.connect(self._looking.ask)
        for choice in (self.image, self.learn_from, self.apply_to):
            choice.changed.connect(self._verdict.reconsider)
        self.guides.changed.connect(self._verdict.reconsider)
        self._choose_active()
        self.plot.follow_theme(napari_viewer)

    def reset_choices(self, event: object = None) -> None:
        """List the image layers anew; napari calls this when they change."""
        list_anew(self.image)
        list_anew(self.learn_from)
        self._describe_image()
        self._verdict.reconsider()
        self._comparing.ask()

    def event(self, event: QEvent) -> bool:
        """End the training when napari takes the dock out of its window."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.device.end()
            self.axes.show_layer(None)
            self._first_look.end()
            self._verdict.forget()
            self._set_apart.end()
            self._order = self.progress = self._asked = None
            self._earlier = None, None
            if self._worker:
                self._worker.quit()
        return super().event(event)

    def _describe_image(self, _: object = None) -> None:
        self.axes.show_layer(self.image.value)
        list_anew(self.apply_to)
        self.guides.reset_choices()
        self._set_apart.reconsider()

    def _look_first(self) -> None:
        """Show what is to be had at once, where somebody sees it."""
        self._first_look.reconsider()
        if self.isVisible() and not self._worker:
            self._first_look.at(self.image.value if self.pretrained.isChecked() else None)

    def _drop_preview(self) -> None:
        """Take the preview away if the image is another by now."""
        if self._watching and self._order and not self._order.stands:
            self._watching.end(becomes_result=False)

    def _choose_active(self) -> None:
        self.reset_choices()
        if active := layers.active_image(self._viewer):
            self.image.value = active

    def _train(self) -> None:
        if (source := self.image.value) is None:
            show_warning(NO_IMAGE)
            return
        self.axes.commit()
        earlier = self._order, self.progress
        try:
            settings = self.settings()
            region = read_region(self._viewer, source, self.learn_from.value)
            self._order = self._read_order(source, region)
        except N2SError as error:
            self._verdict.refuse(str(error))
            return
        self._earlier = earlier
        self._work(settings)

    def _read_order(self, source: Image, region: Box | None) -> Request:
        guides, apply_to = self.guides.pixels(), self.apply_to.value
        return read_request(self._viewer, source, region, apply_to, lazily=True, guides=guides)

    def _work(
        self, settings: Settings, since: Progress | None = None, *, learn: bool = True
    ) -> None:
        assert self._order is not None
        self._reins = JobControl(preview_pause=preferences().preview_pause)
        self._activity = Activity(APPLYING)
        self._asked = self._order, settings, since, learn
        self.progress, self._watching = since, LivePreview(self._viewer, self._order)
        self._watching.take_over(self._first_look.hand_over())
        self._verdict.begin()
        self.show_bar(0, "starting …")
        self._worker = worker = self._job(settings, since, learn)
        worker.yielded.connect(self._show_progress)
        worker.returned.connect(self._keep_outcome)
        worker.errored.connect(self._forget)
        worker.finished.connect(self._frozen.end)
        worker.finished.connect(self._finish)
        self.show_working(True)
        self._frozen.begin()
        worker.start()

    def _job(self, settings: Settings, since: Progress | None, learn: bool) -> Any:
        assert self._order is not None
        return denoise_job(self._order, settings, self._reins, since, learn=learn)

    def _pause(self) -> None:
        if self.pause.text() == GO_ON:
            self._take_up(learn=True)
        elif self.pause.text() == PAUSE:
            self._reins.pause()
            self.pause.setText(RESUME)
            self.bar.setFormat("paused")
        else:
            self._reins.resume()
            self.pause.setText(PAUSE)

    def _take_up(self, *, learn: bool) -> None:
        """Go on training, or apply what was learnt; what to may have been chosen anew."""
        assert self._order is not None
        assert self.progress is not None
        self.axes.commit()
        if words := self._objection():
            self._verdict.refuse(words)
            return
        try:
            order = self._read_order(self._order.source, self._order.region)
            self._order = replace(order, guides=self._order.guides)
        except N2SError as error:
            self._verdict.refuse(str(error))
            return
        self._work(self.progress.best.settings, self.progress, learn=learn)

    def _objection(self) -> str | None:
        """Say why what was learnt may not be gone on with, as things are chosen now."""
        assert self._order is not None
        return objection(self._viewer, self._order, self.image.value, self.guides.pixels())

    def _stop(self) -> None:
        self.stop.setEnabled(False)
        self.pause.setEnabled(False)
        self.bar.setFormat("stopping …")
        if self._activity.begun:
            self._worker.quit()
        self._reins.stop()

    def _show_progress(self, state: Progress | Preview | Applying) -> None:
        if self._watching is None or self._order is None:
            return
        self._reins.view = self._watching.view()
        if state is self.progress:
            return
        if isinstance(state, Preview):
            self._watching.show(state)
        elif isinstance(state, Applying):
            self._show_applying(state)
        else:
            if self.progress is None:
                self.plot.clear_curves()
            assert self._asked
            material = state.trainer.material
            self._set_apart.tell(*self._asked[:2], self._findings(material), material.set_apart)
            self.progress = state
            self._earlier = None, None
            self.plot.add(state)
            if self.pause.isEnabled() and self.pause.text() == PAUSE:
                self.show_training(state)
            if state.trainer.shrunk and not self.result.text():
                self.show_result(SHRUNK, there=False)

    def _findings(self, material: TrainingData) -> tuple[str, ...]:
        """List what is not said elsewhere."""
        return material.findings

    def _show_applying(self, state: Applying) -> None:
        if not self._activity.begun:
            self.stop.setEnabled(True)
            self.pause.setEnabled(False)
        self.show_bar(state.done, "applying, %p %")
        if self._activity.show(state.done) and self._worker:
            self._worker.quit()

    def _forget(self, _: object = None) -> None:
        """Nobody can go on from a fault."""
        self.progress = None

    def _keep_outcome(self, outcome: Denoised | Failure) -> None:
        self._outcome = outcome

    def _finish(self) -> None:
        """Act on how the worker ended; there is no outcome if a fault or a close ended it."""
        outcome, self._worker, self._outcome = self._outcome, None, None
        order, done = self._order, outcome is not None and not isinstance(outcome, Failure)
        self._activity.end()
        watching, self._watching = self._watching, None
        becomes_result = bool(done and order and order.onto is order.source)
        preview = watching.end(becomes_result) if watching else None
        if isinstance(outcome, Failure) and self.progress is None:
            self._order, self.progress = self._earlier
        self._earlier = None, None
        self.show_working(False, may_go_on=self.progress is not None)
        self.plot.draw()
        if isinstance(outcome, Failure):
            self._explain(outcome)
        elif outcome is None:
            self._verdict.go_back()
        elif order is not None:
            self._add_result(order, *outcome, preview)

    def _add_result(
        self, order: Request, image: Any, report: Report, preview: Image | None
    ) -> None:
        if order.on_demand:
            assert self.progress is not None
            from napari_n2s.pipeline.safeguard import safest

            image = begin_on_demand(safest(self.progress).model, order, image)
        where = (order.corner, report.to_dict(), preview, order.stretch)
        result = layers.add_result(self._viewer, order.onto, image, *where)
        if isinstance(image, OnDemand):
            image.show_in(result)
        self.reset_choices()  # before napari 0.7 nobody hears that a preview has become a result
        self.show_bar(1, "done")
        when = f"{ON_DEMAND} " if order.on_demand else ""
        self._verdict.accept(order.onto, result, report, when + self._account(report))

    def _account(self, report: Report) -> str:
        """Say what came of it."""
        return report.sentence()

    def _explain(self, failure: Failure) -> None:
        if not failure.missing:
            self._verdict.refuse(failure.sentence)
            return
        question = "Denoise around the pixels that are NaN or infinite, and leave them as they are?"
        answer = QMessageBox.question(self, "Noise2Self", question)
        if answer != QMessageBox.StandardButton.Yes:
            self._verdict.go_back()
        elif self._asked:
            self._earlier = self._order, self.progress
            self._order, settings, since, learn = self._asked
            since = since and leave_missing(since)
            self._work(replace(settings, nan_policy="omit"), since, learn=learn)
