"""The outcome of a training in a dock: the account of a result, or the reason for none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QApplication

from napari_n2s.widgets.viewer import layers

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.pipeline.reports.report import Report


class Show(Protocol):
    """Shows a sentence, and the buttons for a result if there is one."""

    def __call__(self, sentence: str, there: bool, *, reveal: bool = False) -> None:
        """Show the sentence, with the buttons if `there`, scrolled into view if `reveal`."""


class ResultPanel:
    """Shows the account of the last result, and a refusal or a remark in its place for a time.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    show : callable

    Attributes
    ----------
    report : Report or None
        Report on the last result.
    """

    def __init__(self, viewer: Viewer, show: Show) -> None:
        self._viewer, self._show = viewer, show
        self.report: Report | None = None
        self._result: Image | None = None
        self._source: Image | None = None
        self._account = ""
        self._refused = False
        self._remark = ""
        self._swapped: list[Image] = []

    def begin(self) -> None:
        """Show nothing, as a new task begins."""
        self._refused, self._remark = False, ""
        self._show("", there=False)

    def accept(self, source: Image, result: Image, report: Report, account: str) -> None:
        """Show the account of a result layer above its source."""
        self._source, self._result, self.report = source, result, report
        self._account = account
        self._show(account, there=True, reveal=True)

    def refuse(self, sentence: str) -> None:
        """Show why there is no result, here and as a notification, which napari shortens."""
        self._refused = True
        self._show(sentence, there=self._there, reveal=True)
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
            self._show(self._remark, there=False)
        else:
            self._show(self._account if self._there else "", there=self._there)

    def remark(self, sentence: str) -> None:
        """Show a sentence about something else than a result; an empty one removes it."""
        self._remark = sentence
        if not self._refused:
            self.show_last()

    def forget(self) -> None:
        """Release the layers."""
        self._result = self._source = None
        self._swapped = []

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

    @property
    def _there(self) -> bool:
        return layers.is_there(self._viewer, self._result)
