"""The rows of the Pairs dock that select the replicates and the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout

from napari_n2s.core.settings import choices, words
from napari_n2s.widgets.controls.basics import Sentence, show_row, with_tooltip
from napari_n2s.widgets.controls.choice import choice, refresh_choices

Choices = Callable[[Any], list[Any]]
LAYER, PHOTONS_SPLIT = "layer", "photons_split"
WAYS = {
    LAYER: (
        "another layer",
        "Two recordings of one field: what is in both is kept. A change of brightness is "
        "corrected and reported; what moved between them is blurred.",
    ),
    "halves": (
        "its even and odd frames",
        "The averages of the even and of the odd frames are two replicates of one image; what "
        "moves or changes between frames is blurred.",
    ),
    "neighbours": (
        "its neighbouring frames",
        "Each frame is predicted from the neighbouring ones, and the result is a movie; it fails "
        "where objects move by more than their own width from one frame to the next.",
    ),
    "repeats": (
        "its repeats",
        "Each image along the axis is predicted from the others, and all are averaged; what moves "
        "or changes between them is blurred.",
    ),
    PHOTONS_SPLIT: (
        "its photons, split at random",
        "Counted photons are split at random into two images; it fails where a camera's offset or "
        "gain is still in the values.",
    ),
}
"""Label and explanation of each way to get replicates, by its name."""
LOSSES = {
    each.split(" ", 1)[0]: each.split(" ", 1)[1].rstrip(".")
    for each in words("loss").split(": ", 1)[1].split("; ")
}
"""What each loss estimates and when to use it, from the description of the setting."""


class PairsRows:
    """Rows that are inserted into a form.

    Parameters
    ----------
    form : QFormLayout
    at : int
        Number of the first row.
    others, axes : callable
        They list the choices of `other`, a layer, and of `along`, the letter of an axis.
    """

    def __init__(self, form: QFormLayout, at: int, others: Choices, axes: Choices) -> None:
        self._form = form
        self.way = choice(
            [(label, name) for name, (label, _) in WAYS.items()],
            "Where the replicates are: recordings of the same field with independent noise.",
        )
        self.other = choice(others, "The other recording, of the same size; it is not changed.")
        self.along = choice(axes, "The axis of the image along which the replicates lie.")
        self.words = Sentence()
        self.register = with_tooltip(
            QCheckBox("register: correct shifts"),
            "Shifts replicates back onto the first by whole pixels, so that noise is not "
            "interpolated.",
        )
        self.loss = with_tooltip(QComboBox(), words("loss"))
        self.loss.addItems(choices("loss"))
        self.loss_words = with_tooltip(Sentence(), words("loss"))
        rows = (
            ("Pairs with", self.way.native),
            ("Layer", self.other.native),
            ("Along", self.along.native),
            ("", self.words),
            ("", self.register),
            ("Loss", self.loss),
            ("", self.loss_words),
        )
        self._controls = [control for _, control in rows]
        for number, (label, control) in enumerate(rows, start=at):
            form.insertRow(number, *((label, control) if label else (control,)))
        self.way.changed.connect(self._show_way)
        self.loss.currentTextChanged.connect(self._show_loss)
        self._show_way()
        self._show_loss(self.loss.currentText())

    def reset_choices(self, _: object = None) -> None:
        """List layers and axes again; without another layer, take pairs from the image itself."""
        refresh_choices(self.other)
        refresh_choices(self.along)
        if self.way.value == LAYER and self.along.choices and not self.other.choices:
            self.way.value = "neighbours"

    def set_enabled(self, enabled: bool) -> None:
        """Enable or disable the rows."""
        for control in self._controls:
            control.setEnabled(enabled)

    def _show_way(self, _: object = None) -> None:
        way = self.way.value
        show_row(self._form, self.other.native, way == LAYER)
        show_row(self._form, self.along.native, way not in (LAYER, PHOTONS_SPLIT))
        show_row(self._form, self.register, way not in ("neighbours", PHOTONS_SPLIT))
        self.words.setText(WAYS[way][1])

    def _show_loss(self, name: str) -> None:
        self.loss_words.setText(LOSSES[name])
