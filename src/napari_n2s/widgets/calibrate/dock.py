"""The dock that calibrates a filter without ground truth, and shows the curve that justifies it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_warning
from qtpy.QtCore import QEvent

from napari_n2s.calibration.result import Calibration, say
from napari_n2s.filters.catalogue import METHODS, Denoiser, choose_denoiser
from napari_n2s.filters.donut_filters import FOOTPRINTS
from napari_n2s.preparation.prepared import PreparedImage
from napari_n2s.widgets.calibrate.filter_previews import FilterPreviews
from napari_n2s.widgets.calibrate.form import NAMES, CalibrateForm
from napari_n2s.widgets.calibrate.jobs import Attempt, calibrate_job, filter_job
from napari_n2s.widgets.calibrate.state import CalibrationState
from napari_n2s.widgets.calibrate.strengths import strengths_of
from napari_n2s.widgets.controls.basics import debounced
from napari_n2s.widgets.controls.choice import refresh_choices
from napari_n2s.widgets.jobs import Failure
from napari_n2s.widgets.request import Request, read_request, targets
from napari_n2s.widgets.viewer import layer_data, layers, regions

if TYPE_CHECKING:
    from napari.viewer import Viewer

NO_IMAGE = (
    "There is no image layer to filter; open an image, or take one from "
    "File > Open Sample > Noise2Self."
)
EDITED = "Pixels of {0} were edited since; press Calibrate, or choose the strength again."


class CalibrateDock(CalibrateForm):
    """Choose an image and a filter, set its strength or calibrate it, and add the result.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    """

    _state: CalibrationState | None = None

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(
            lambda _: layers.image_layers(napari_viewer),
            lambda _: targets(napari_viewer, self.image.value),
        )
        self._viewer = napari_viewer
        self._worker: Any = None
        self._filter_previews = FilterPreviews(self._explain)
        self._checking = debounced(self, self._check_image)
        self.image.changed.connect(self._change_image)
        self.apply_to.changed.connect(self._show_account)
        self.method.changed.connect(self._change_method)
        self.strength.valueChanged.connect(self._change_strength)
        self.slices.toggled.connect(self._forget)
        self.axes.changed.connect(self._check_image)
        self.mix.toggled.connect(self._update_preview)
        self.plot.picked.connect(self._pick)
        self.calibrate.clicked.connect(lambda: self._calibrate([self.method.value]))
        self.compare.clicked.connect(self._compare)
        self.stop.clicked.connect(self._stop)
        self.apply.clicked.connect(self._apply)
        camera = regions.camera(napari_viewer)
        for event in (napari_viewer.dims.events.point, camera.events.center, camera.events.zoom):
            event.connect(self._update_preview)
        self.plot.follow_theme(napari_viewer)
        self.reset_choices()
        if active := layers.active_image(napari_viewer):
            self.image.value = active
        self._change_method()

    def reset_choices(self, event: object = None) -> None:
        """List the image layers again; napari calls this when they change."""
        refresh_choices(self.image)
        self._change_image()

    def event(self, event: QEvent) -> bool:
        """End all work when napari takes the dock out of its window."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._forget()
            self.axes.show_layer(None)
        return super().event(event)

    def _change_image(self, _: object = None) -> None:
        self.axes.show_layer(self.image.value)
        refresh_choices(self.apply_to)
        self._offer_slices()
        if self._state and self._state.request.source is not self.image.value:
            self._checking.throttle()

    def _check_image(self) -> None:
        """Forget the calibrations unless they are of the image as it is now."""
        if not (self._state and self._state.is_of(self.image.value)):
            self._forget()

    def _forget(self, _: object = None) -> None:
        """Forget the image with its calibrations, and end the work on it."""
        state, self._state = self._state, None  # removing a layer may call this again
        if state:
            state.end()
        self._stop()
        self.show_table([])
        self.result.setText("")
        self._change_method()

    def _open(self, *, check_pixels: bool = False) -> CalibrationState | None:
        """Return the state of the chosen image, a new one if it was changed; None without an image.

        Parameters
        ----------
        check_pixels : bool
            Whether to notice pixels that were edited in place, too, which takes some 10 ms.
        """
        self.axes.commit()
        source, state = self.image.value, self._state
        if state and not (state.is_of(source) and not (check_pixels and state.request.edited)):
            self._forget()
        if self._state is None and source is not None:
            self._state = CalibrationState.of_layer(self._viewer, source, self._volume())
        return self._state

    def _offer_slices(self) -> None:
        """Offer neighbouring slices if the image has slices and the filter can use them."""
        source = self.image.value
        has_slices = source is not None and "Z" in layer_data.axes(source)
        self.slices.setVisible(has_slices and self.method.value in FOOTPRINTS)

    def _volume(self) -> bool:
        return self.slices.isVisibleTo(self) and self.slices.isChecked()

    def _denoiser(self, method: str) -> Denoiser:
        if method in FOOTPRINTS and self._volume():
            distance = layer_data.slice_distance(self.image.value)
            return choose_denoiser(method, None, (distance, 1.0, 1.0))
        return choose_denoiser(method, None)

    def _found(self) -> Calibration | None:
        return self._state.found.get(self.method.value) if self._state else None

    def _change_method(self, _: object = None) -> None:
        """Set the slider to the filter's strengths, and to the best one if it is known."""
        self._offer_slices()
        if self._state and self._state.volume != self._volume():
            self._forget()
            return
        found = self._found()
        strengths = strengths_of(self._denoiser(self.method.value), found)
        self.strength.set_strengths(strengths)
        self.plot.show_curve(strengths.name, strengths.curve)
        self.show_mixing(found)
        self._show_strength()
        self._show_account()

    def _mixes(self) -> bool:
        return self._found() is not None and self.mix.isChecked()

    def _show_account(self, _: object = None) -> None:
        """Show the account of the calibration, in place of a failure."""
        found = self._found()
        self.result.setText(found.sentence() if found else "")

    def _show_strength(self) -> None:
        values = self.strength.values
        self.strength_words.setText(say(values))
        self.plot.show_current(values[self.strength.strengths.name])

    def _change_strength(self, _: object = None) -> None:
        self._show_strength()
        if state := self._open():
            state.live_preview.lift()
            self._update_preview(first=True)

    def _pick(self, values: dict[str, Any]) -> None:
        if self.strength.pick(values):
            if self._state:
                self._state.restore_preview(self._viewer)
            self._change_strength()

    def _update_preview(self, _: object = None, *, first: bool = False) -> None:
        """Preview the current strength; by default only if there is a preview already."""
        state = self._state
        if state and (first or state.live_preview.layer):
            denoiser = self._denoiser(self.method.value)
            self._filter_previews.ask(state, denoiser, self.strength.values, self._mixes())

    def _compare(self) -> None:
        state = self._open(check_pixels=True)
        if not self.compare.isChecked() or state is None:
            self.show_table([])
            return
        possible = FOOTPRINTS if state.volume else METHODS
        self._calibrate([method for method in possible if method not in state.found])

    def _calibrate(self, methods: list[str]) -> None:
        if (state := self._open(check_pixels=True)) is None:
            show_warning(NO_IMAGE)
            return
        state.restore_preview(self._viewer)
        self.result.setText("")
        self.strength.strengths.curve.clear()
        denoisers = [self._denoiser(method) for method in methods]
        job = calibrate_job(state.request, state.prepared, denoisers, state.volume)
        job.yielded.connect(partial(self._show_calibrating, state))
        job.returned.connect(partial(self._end_calibration, state))
        job.aborted.connect(self._change_method)
        self._start(job, "calibrating …")

    def _show_calibrating(
        self, state: CalibrationState, step: PreparedImage | Attempt | Calibration
    ) -> None:
        strengths = self.strength.strengths
        if state.over:
            return
        if isinstance(step, PreparedImage):
            state.prepared = step
        elif isinstance(step, Calibration):
            state.found[step.method] = step
            self.bar.setFormat(f"calibrating, {NAMES.get(step.method, step.method)} done")
            if step.method == self.method.value:
                self._change_method()
            if self.compare.isChecked():
                self._show_comparison(state)
        elif step.method == self.method.value and strengths.add(step.tried):
            self.plot.show_curve(strengths.name, strengths.curve)

    def _end_calibration(self, state: CalibrationState, failure: Failure | None) -> None:
        if state.over:
            return
        if failure:
            self._explain(failure)
        elif self._found():
            self._show_account()
            self._change_strength()
            self.column.reveal(self.result)
        if self.compare.isChecked():
            self._show_comparison(state)

    def _show_comparison(self, state: CalibrationState) -> None:
        self.show_table(state.table(layers.accounts(self._viewer)))
        self.column.reveal(self.compare, self.table)

    def _apply(self) -> None:
        before = self._state
        if (state := self._open(check_pixels=True)) is None:
            show_warning(NO_IMAGE)
            return
        if before and state is not before:
            self._explain(Failure(EDITED.format(state.request.source.name)))
            return
        self._show_account()
        request = read_request(self._viewer, state.request.source, None, self.apply_to.value)
        values, mixed = self.strength.values, self._mixes()
        account = state.account(self.method.value, values, mixed)
        denoiser = self._denoiser(self.method.value)
        job = filter_job(request, state.prepared, denoiser, values, mixed, state.volume)
        job.yielded.connect(lambda step: self.bar.setValue(round(100 * step.done)))
        job.returned.connect(partial(self._add_result, state, request, account))
        self._start(job, "filtering …")

    def _add_result(
        self, state: CalibrationState, request: Request, account: dict[str, Any], image: Any
    ) -> None:
        if state.over:
            return
        if isinstance(image, Failure):
            self._explain(image)
            return
        preview = state.live_preview.end(becomes_result=request.target_layer is request.source)
        state.restore_preview(self._viewer)
        where = (request.corner, account, preview, request.stretch)
        layers.add_result(self._viewer, request.target_layer, image, *where)
        self.reset_choices()  # before napari 0.7 no event says that a preview became a result

    def _start(self, job: Any, text: str) -> None:
        self._worker = job
        job.finished.connect(self._finish)
        self.show_working(True)
        self.bar.setValue(0)
        self.bar.setFormat(text)
        job.start()

    def _stop(self) -> None:
        self.stop.setEnabled(False)
        if self._worker:
            self.bar.setFormat("stopping …")
            self._worker.quit()

    def _finish(self) -> None:
        self._worker = None
        self.show_working(False)

    def _explain(self, failure: Failure) -> None:
        self.result.setText(failure.sentence)
        self.column.reveal(self.result)
        show_error(failure.sentence)
