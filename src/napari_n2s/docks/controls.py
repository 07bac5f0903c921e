"""Small things that every form is made of."""

from __future__ import annotations

from typing import TypeVar

from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QWidget

Control = TypeVar("Control", bound=QWidget)


def told(control: Control, tooltip: str) -> Control:
    """Give a control its explanation."""
    control.setToolTip(tooltip)
    return control


def row(*controls: QWidget) -> QHBoxLayout:
    """Lay controls out side by side."""
    line = QHBoxLayout()
    for control in controls:
        line.addWidget(control)
    return line


def show_row(form: QFormLayout, control: QWidget, shown: bool) -> None:
    """Show a row of a form with its label, or not."""
    control.setVisible(shown)
    if label := form.labelForField(control):
        label.setVisible(shown)
