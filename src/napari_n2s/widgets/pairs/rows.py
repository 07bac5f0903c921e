"""The rows that say where the readings of one thing are, which learn from each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout

from napari_n2s.core.settings import choices, words
from napari_n2s.widgets.controls.basics import Sentence, show_row, with_tooltip
from napari_n2s.widgets.controls.choice import choice, refresh_choices

Choices = Callable[[Any], list[Any]]
LAYER, THINNED = "layer", "photons_split"
WAYS = {
    LAYER: (
        "another layer",
        "Two recordings of one field, learnt from each other: what is in both is kept; a change of "
        "brightness is put right and told; what moved between them is blurred.",
    ),
    "halves": (
        "its even and odd frames",
        "The even and the odd frames are averaged into two readings of one still thing; it fails "
        "where something moves or changes meanwhile: that is blurred.",
    ),
    "neighbours": (
        "its neighbouring frames",
        "Each frame is learnt from those beside it, and a movie stays a movie; it fails where "
        "things move by more than their own width from one frame to the next.",
    ),
    "repeats": (
        "its repeats",
        "Each picture along the axis is learnt from all others, and they become one; it fails "
        "where something moves or changes meanwhile: that is blurred.",
    ),
    THINNED: (
        "its photons, shared out",
        "Counted photons are shared out at random into two halves; it fails where a camera's "
        "offset or gain is still in the values.",
    ),
}
"""By name: how a way to come by readings is called, and when it is right."""
LOSSES = {
    each.split(" ", 1)[0]: each.split(" ", 1)[1].rstrip(".")
    for each in words("loss").split(": ", 1)[1].split("; ")
}
"""What each loss finds, and when to use it, as the settings say it."""


class PairsRows:
    """Rows of a form.

    Parameters
    ----------
    form : QFormLayout
    at : int
        Where in it they begin.
    others, axes : callable
        List the choices of `other`, a layer, and `along`, a letter.
    """

    def __init__(self, form: QFormLayout, at: int, others: Choices, axes: Choices) -> None:
        self._form = form
        self.way = choice(
            [(label, name) for name, (label, _) in WAYS.items()],
            "Where the other readings of the same thing are.",
        )
        self.other = choice(others, "The other recording, of the same size; it is left as it is.")
        self.along = choice(axes, "The axis of the image along which the readings lie.")
        self.words = Sentence()
        self.register = with_tooltip(
            QCheckBox("register: move shifted readings back"),
            "Moves readings that are shifted against the first, by whole pixels, so that no noise "
            "is mixed.",
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
        self.way.changed.connect(self._follow_way)
        self.loss.currentTextChanged.connect(self._follow_loss)
        self._follow_way()
        self._follow_loss(self.loss.currentText())

    def reset_choices(self, _: object = None) -> None:
        """List layers and axes anew; where there is no other layer, take the pairs from one."""
        refresh_choices(self.other)
        refresh_choices(self.along)
        if self.way.value == LAYER and self.along.choices and not self.other.choices:
            self.way.value = "neighbours"

    def set_enabled(self, enabled: bool) -> None:
        """Let them be changed, or not."""
        for control in self._controls:
            control.setEnabled(enabled)

    def _follow_way(self, _: object = None) -> None:
        way = self.way.value
        show_row(self._form, self.other.native, way == LAYER)
        show_row(self._form, self.along.native, way not in (LAYER, THINNED))
        show_row(self._form, self.register, way not in ("neighbours", THINNED))
        self.words.setText(WAYS[way][1])

    def _follow_loss(self, name: str) -> None:
        self.loss_words.setText(LOSSES[name])
