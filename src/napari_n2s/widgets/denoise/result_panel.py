"""What came of a training, as a dock tells it: a result with its account, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QApplication

from napari_n2s.widgets.viewer import layers

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.pipeline.report import Report


class Show(Protocol):
    """Shows a sentence, and what can be done with a result if there is one."""

    def __call__(self, sentence: str, there: bool, *, reveal: bool = False) -> None:
        """Show it, and have it scrolled into sight if it should be."""


class ResultPanel:
    """Remembers the last result, and shows its account again once a refusal has had its day.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    show : callable

    Attributes
    ----------
    report : Report or None
        Of the last result.
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
        """Say nothing: something new is under way."""
        self._refused, self._remark = False, ""
        self._show("", there=False)

    def accept(self, source: Image, result: Image, report: Report, account: str) -> None:
        """Give an account of a result that lies on a source."""
        self._source, self._result, self.report = source, result, report
        self._account = account
        self._show(account, there=True, reveal=True)

    def refuse(self, sentence: str) -> None:
        """Say why there is no result, here as well, as napari folds what it shows."""
        self._refused = True
        self._show(sentence, there=self._there, reveal=True)
        show_error(sentence)

    def reconsider(self, _: object = None) -> None:
        """Take back a refusal of what is chosen no more, and the account of what is not there."""
        gone = self._result is not None and not self._there
        if gone:
            self.forget()
        if gone or self._refused:
            self.go_back()

    def go_back(self) -> None:
        """Say again what was said before: a remark, or the account of the last result."""
        self._refused = False
        if self._remark:
            self._show(self._remark, there=False)
        else:
            self._show(self._account if self._there else "", there=self._there)

    def remark(self, sentence: str) -> None:
        """Say something of what is no result, or nothing when it is no more; no refusal ends so."""
        self._remark = sentence
        if not self._refused:
            self.go_back()

    def forget(self) -> None:
        """Let go of the layers."""
        self._result = self._source = None
        self._swapped = []

    def show_before(self) -> None:
        """Hide the last result and all else that lies on its source, and show that."""
        if self._there and self._source is not None:
            lying = layers.stack_above(self._viewer, self._source)
            above = lying if self._result in lying else [*lying, self._result]
            self._swapped = [each for each in above if each.visible]
            if not self._source.visible:
                self._swapped.append(self._source)
            self._swap()

    def show_after(self) -> None:
        """Show what was hidden again, and hide what was shown."""
        self._swap()
        self._swapped = []

    def _swap(self) -> None:
        for each in self._swapped:
            each.visible = not each.visible

    def copy_methods(self) -> None:
        """Put a paragraph for a paper on the clipboard."""
        if self.report:
            QApplication.clipboard().setText(self.report.methods())

    @property
    def _there(self) -> bool:
        return layers.is_there(self._viewer, self._result)
