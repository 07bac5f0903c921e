"""The outcome of a training in a dock: the account of a result, or the reason for none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QApplication

from napari_n2s.widgets.denoise.form import DenoiseForm, kind_of_noise
from napari_n2s.widgets.denoise.session import OTHER_IMAGE
from napari_n2s.widgets.viewer import layers

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.pipeline.reports.report import Report
    from napari_n2s.widgets.request import Request

BY_EYE = (
    "Trained as for {} noise. Show and hide its layer to judge by eye whether it is better; its "
    "scores cannot be compared with those of another radius."
)


class ResultPanel:
    """Shows the account of the last result, and a refusal or a remark in its place for a time.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    form : DenoiseForm
    train : callable
        Trains on the image chosen, with a blind-spot radius for this once.

    Attributes
    ----------
    report : Report or None
        Report on the last result.
    """

    def __init__(
        self, viewer: Viewer, form: DenoiseForm, train: Callable[[tuple[int, ...]], None]
    ) -> None:
        self._viewer, self._form, self._train = viewer, form, train
        self.report: Report | None = None
        self._trained_on: Image | None = None
        self._result: Image | None = None
        self._source: Image | None = None
        self._account = ""
        self._refused = False
        self._remark = ""
        self._swapped: list[Image] = []
        form.compare.pressed.connect(self.show_before)
        form.compare.released.connect(self.show_after)
        form.methods.clicked.connect(self.copy_methods)
        form.other.clicked.connect(self.train_otherwise)

    def begin(self) -> None:
        """Show nothing, as a new task begins."""
        self._refused, self._remark = False, ""
        self._form.show_result("", there=False)

    def accept(self, request: Request, result: Image, report: Report, account: str) -> None:
        """Show the account of a result layer above its source."""
        self._trained_on, self._source = request.source, request.target_layer
        self._result, self.report = result, report
        self._account = account
        if request.label != layers.RESULT_NAME:
            noise = kind_of_noise(report.settings.blind_spot_radius or ())
            self._account = f"{BY_EYE.format(noise)} {account}"
        self._show(self._account, reveal=True)

    def refuse(self, sentence: str) -> None:
        """Show why there is no result, here and as a notification, which napari shortens."""
        self._refused = True
        self._show(sentence, reveal=True)
        show_error(sentence)

    def reconsider(self, _: object = None) -> None:
        """Drop a refusal once the choices change, and the account of a layer that was removed."""
        gone = self._result is not None and not self._there
        if gone:
            self.forget()
        if gone or self._refused:
            self.show_last()

    def show_last(self) -> None:
        """Show the remark, or else the account of the last result, again."""
        self._refused = False
        if self._remark:
            self._form.show_result(self._remark, there=False)
        else:
            self._show(self._account if self._there else "")

    def remark(self, sentence: str) -> None:
        """Show a sentence about something else than a result; an empty one removes it."""
        self._remark = sentence
        if not self._refused:
            self.show_last()

    def forget(self) -> None:
        """Release the layers."""
        self._result = self._source = self._trained_on = None
        self._swapped = []

    def train_otherwise(self) -> None:
        """Train once more with the radius that is right if the one chosen for the image is not."""
        assert self.report is not None
        assert self.report.alternative_radius is not None
        assert self._trained_on is not None
        if self._form.image.value is self._trained_on:
            self._train(self.report.alternative_radius)
        else:
            self.refuse(OTHER_IMAGE.format(self._trained_on.name))

    def show_before(self) -> None:
        """Show the source of the last result, and hide the result and all above the source."""
        if self._there and self._source is not None:
            stack = layers.stack_above(self._viewer, self._source)
            above = stack if self._result in stack else [*stack, self._result]
            self._swapped = [each for each in above if each.visible]
            if not self._source.visible:
                self._swapped.append(self._source)
            self._swap()

    def show_after(self) -> None:
        """Undo `show_before`."""
        self._swap()
        self._swapped = []

    def _swap(self) -> None:
        for each in self._swapped:
            each.visible = not each.visible

    def copy_methods(self) -> None:
        """Copy a paragraph for a methods section to the clipboard."""
        if self.report:
            QApplication.clipboard().setText(self.report.methods())

    def _show(self, sentence: str, *, reveal: bool = False) -> None:
        """Show a sentence, with the buttons for the last result if it is still there."""
        alternative = self.report.alternative_radius if self.report else None
        self._form.show_result(sentence, self._there, alternative=alternative, reveal=reveal)

    @property
    def _there(self) -> bool:
        return layers.is_there(self._viewer, self._result)
