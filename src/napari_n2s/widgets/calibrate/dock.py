"""The dock that finds a filter's strength without ground truth, and shows why to believe it."""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_warning
from qtpy.QtCore import QEvent, QSignalBlocker

from napari_n2s.calibration.curve import along
from napari_n2s.calibration.result import Calibration, say
from napari_n2s.filters.catalogue import METHODS, Denoiser, choose_denoiser
from napari_n2s.filters.donut_filters import FOOTPRINTS
from napari_n2s.preparation.prepared import Prepared
from napari_n2s.widgets.calibrate.form import NAMES, CalibrateForm
from napari_n2s.widgets.calibrate.glimpses import FilterPreviews
from napari_n2s.widgets.calibrate.jobs import Attempt, calibrate_job, filter_job
from napari_n2s.widgets.calibrate.study import CalibrationState
from napari_n2s.widgets.controls.basics import Soon
from napari_n2s.widgets.controls.choice import list_anew
from napari_n2s.widgets.jobs import Failure
from napari_n2s.widgets.live_preview import LivePreview
from napari_n2s.widgets.request import WHOLE, Request, read_request, targets
from napari_n2s.widgets.viewer import layers, regions

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_n2s.calibration.result import Tried
    from napari_n2s.core.progress import Applying

NO_IMAGE = (
    "There is no image layer to filter; open an image, or take one from "
    "File > Open Sample > Noise2Self."
)


class CalibrateDock(CalibrateForm):
    """Choose an image and a filter, move its strength or have it found, and add the result.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    """

    _study: CalibrationState | None = None

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(
            lambda _: layers.image_layers(napari_viewer),
            lambda _: targets(napari_viewer, self.image.value),
        )
        self._viewer = napari_viewer
        self._worker: Any = None
        self._glimpses = FilterPreviews(self._explain)
        self._tried: list[tuple[float, Tried]] = []
        self._points: list[dict[str, Any]] = []
        self._checking = Soon(self, self._check)
        self.image.changed.connect(self._change_image)
        self.apply_to.changed.connect(self._say_found)
        self.method.changed.connect(self._change_method)
        self.strength.valueChanged.connect(self._change_strength)
        self.slices.toggled.connect(self._forget)
        self.axes.changed.connect(self._check)
        self.mix.toggled.connect(self._glance)
        self.plot.picked.connect(self._pick)
        self.calibrate.clicked.connect(lambda: self._calibrate([self.method.value]))
        self.compare.clicked.connect(self._compare)
        self.stop.clicked.connect(self._stop)
        self.apply.clicked.connect(self._apply)
        camera = regions.camera(napari_viewer)
        for event in (napari_viewer.dims.events.point, camera.events.center, camera.events.zoom):
            event.connect(self._glance)
        self.plot.follow_theme(napari_viewer)
        self.reset_choices()
        if active := layers.active_image(napari_viewer):
            self.image.value = active
        self._change_method()

    def reset_choices(self, event: object = None) -> None:
        """List the image layers anew; napari calls this when they change."""
        list_anew(self.image)
        self._change_image()

    def event(self, event: QEvent) -> bool:
        """End all work when napari takes the dock out of its window."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._forget()
            self.axes.show_layer(None)
        return super().event(event)

    def _change_image(self, _: object = None) -> None:
        self.axes.show_layer(self.image.value)
        list_anew(self.apply_to)
        self._offer_slices()
        if self._study and self._study.order.source is not self.image.value:
            self._checking.ask()

    def _check(self) -> None:
        """Let go of what was found, unless it is of the image as it is now."""
        order = self._study and self._study.order
        if not (order and order.source is self.image.value and order.stands):
            self._forget()

    def _forget(self, _: object = None) -> None:
        """Let go of an image and of all that was found, and is being found, on it."""
        study, self._study = self._study, None  # to remove a layer may lead here again
        if study:
            study.over = True
            study.watching.end(becomes_result=False)
        self._stop()
        self.show_table([])
        self.result.setText("")
        self._change_method()

    def _open(self) -> CalibrationState | None:
        """Give what is known of the image that is chosen; nothing yet, if it is another by now."""
        self.axes.commit()
        source = self.image.value
        if self._study and not (self._study.order.source is source and self._study.order.stands):
            self._forget()
        if self._study is None and source is not None:
            order = read_request(self._viewer, source, None, WHOLE)
            self._study = CalibrationState(order, self._volume(), LivePreview(self._viewer, order))
        return self._study

    def _offer_slices(self) -> None:
        """Offer them where there are some and the filter can look at them."""
        source, donut = self.image.value, self.method.value in FOOTPRINTS
        self.slices.setVisible(source is not None and donut and "Z" in layers.axes(source))

    def _volume(self) -> bool:
        return self.slices.isVisibleTo(self) and self.slices.isChecked()

    def _denoiser(self, method: str) -> Denoiser:
        if method in FOOTPRINTS and self._volume():
            return choose_denoiser(
                method, None, (layers.slice_distance(self.image.value), 1.0, 1.0)
            )
        return choose_denoiser(method, None)

    def _found(self) -> Calibration | None:
        return self._study.found.get(self.method.value) if self._study else None

    def _change_method(self, _: object = None) -> None:
        """Let the slider run over the filter's strengths, and stand at the best if known."""
        self._offer_slices()
        if self._study and self._study.volume != self._volume():
            self._forget()
            return
        (first, values), *others = self._denoiser(self.method.value).grid.items()
        found, line = self._found(), []
        if found:
            line = along(found)
            self._points = [each.values for _, each in line]
            at = self._points.index(found.best.values)
        else:
            middle = {name: each[len(each) // 2] for name, each in others}
            self._points = [{first: value, **middle} for value in values]
            at = len(values) // 2
        self.plot.show_curve(first, line)
        self.show_mixing(found)
        with QSignalBlocker(self.strength):
            self.strength.setRange(0, len(self._points) - 1)
            self.strength.setValue(at)
        self._say_strength()
        self._say_found()

    def _values(self) -> dict[str, Any]:
        return self._points[self.strength.value()]

    def _mixes(self) -> bool:
        return self._found() is not None and self.mix.isChecked()

    def _say_found(self, _: object = None) -> None:
        """Say what was found, in place of why something could not be done."""
        found = self._found()
        self.result.setText(found.sentence() if found else "")

    def _say_strength(self) -> None:
        values = self._values()
        self.strength_words.setText(say(values))
        self.plot.show_here(next(iter(values.values())))

    def _change_strength(self, _: object = None) -> None:
        self._say_strength()
        if study := self._open():
            study.watching.lift()
            self._glance(first=True)

    def _pick(self, values: dict[str, Any]) -> None:
        if values in self._points:
            with QSignalBlocker(self.strength):
                self.strength.setValue(self._points.index(values))
            self._watch_again()
            self._change_strength()

    def _watch_again(self) -> None:
        """Show previews again, if their layer had been deleted."""
        if self._study and not self._study.watching.wanted:
            self._study.watching = LivePreview(self._viewer, self._study.order)

    def _glance(self, _: object = None, *, first: bool = False) -> None:
        """Show what is in view as it is set now; by itself only if it has been shown before."""
        study = self._study
        if study and (first or study.watching.layer):
            denoiser = self._denoiser(self.method.value)
            self._glimpses.ask(study, denoiser, self._values(), self._mixes())

    def _compare(self) -> None:
        study = self._open()
        if not self.compare.isChecked() or study is None:
            self.show_table([])
            return
        possible = FOOTPRINTS if study.volume else METHODS
        self._calibrate([method for method in possible if method not in study.found])

    def _calibrate(self, methods: list[str]) -> None:
        if (study := self._open()) is None:
            show_warning(NO_IMAGE)
            return
        self._watch_again()
        self.result.setText("")
        self._tried = []
        denoisers = [self._denoiser(method) for method in methods]
        job = calibrate_job(study.order, study.ready, denoisers, study.volume)
        job.yielded.connect(partial(self._show_state, study))
        job.returned.connect(partial(self._end_calibration, study))
        job.aborted.connect(self._change_method)
        self._start(job, "calibrating …")

    def _show_state(self, study: CalibrationState, state: Prepared | Attempt | Calibration) -> None:
        if study.over:
            return
        if isinstance(state, Prepared):
            study.ready = state
        elif isinstance(state, Calibration):
            study.found[state.method] = state
            self.bar.setFormat(f"calibrating, {NAMES.get(state.method, state.method)} done")
            if state.method == self.method.value:
                self._change_method()
            if self.compare.isChecked():
                self._show_found(study)
        elif state.method == self.method.value:
            (first, value), *others = state.tried.values.items()
            if all(self._points[0][name] == each for name, each in others):
                self._tried.append((value, state.tried))
                self.plot.show_curve(first, sorted(self._tried, key=itemgetter(0)))

    def _end_calibration(self, study: CalibrationState, failure: Failure | None) -> None:
        if study.over:
            return
        if failure:
            self._explain(failure)
        elif self._found():
            self._say_found()
            self._change_strength()
            self.column.reveal(self.result)
        if self.compare.isChecked():
            self._show_found(study)

    def _show_found(self, study: CalibrationState) -> None:
        rows = [
            (NAMES.get(method, method), say(found.best.values), found.best.score.loss)
            for method, found in study.found.items()
        ]
        networks = study.networks(layers.accounts(self._viewer))
        self.show_table(rows + [(name, "network", loss) for name, loss in networks])
        self.column.reveal(self.compare, self.table)

    def _apply(self) -> None:
        if (study := self._open()) is None:
            show_warning(NO_IMAGE)
            return
        self._say_found()
        order = read_request(self._viewer, study.order.source, None, self.apply_to.value)
        values, mixed = self._values(), self._mixes()
        found, denoiser = self._found(), self._denoiser(self.method.value)
        account = {
            "filter": self.method.value,
            "values": values,
            "mixed": mixed,
            "calibration": found.to_dict() if found else None,
        }
        job = filter_job(order, study.ready, denoiser, values, mixed, study.volume)
        job.yielded.connect(self._show_applying)
        job.returned.connect(partial(self._add_result, study, order, account))
        self._start(job, "filtering …")

    def _show_applying(self, state: Applying) -> None:
        self.bar.setValue(round(100 * state.done))

    def _add_result(
        self, study: CalibrationState, order: Request, account: dict[str, Any], image: Any
    ) -> None:
        if study.over:
            return
        if isinstance(image, Failure):
            self._explain(image)
            return
        preview = study.watching.end(becomes_result=order.onto is order.source)
        study.watching = LivePreview(self._viewer, study.order)
        where = (order.corner, account, preview, order.stretch)
        layers.add_result(self._viewer, order.onto, image, *where)
        self.reset_choices()  # before napari 0.7 nobody hears that a preview has become a result

    def _start(self, job: Any, words: str) -> None:
        self._worker = job
        job.finished.connect(self._finish)
        self.show_working(True)
        self.bar.setValue(0)
        self.bar.setFormat(words)
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
