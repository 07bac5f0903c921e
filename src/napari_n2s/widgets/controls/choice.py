"""Combo boxes that stay narrow and legible however long the names of their choices are."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QHelpEvent
from qtpy.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter, QToolTip

MIN_CHARACTERS = 12
"""Characters that a box has room for at least."""


def choice(choices: Any, tooltip: str) -> ComboBox:
    """Make a combo box whose width does not depend on its choices.

    Parameters
    ----------
    choices : list or callable
        As for magicgui's `ComboBox`.
    tooltip : str
    """
    box = ComboBox(choices=choices, tooltip=tooltip)
    box.native.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.native.setMinimumContentsLength(MIN_CHARACTERS)
    box.native.installEventFilter(_Elide(box.native))
    return box


def refresh_choices(box: ComboBox) -> None:
    """List the choices of a box again and keep the one chosen, even if its name has changed."""
    before = box.value
    with box.changed.blocked():
        box.reset_choices()
        if box.value != before and before in box.choices:
            box.value = before
    if box.value != before:
        box.changed.emit(box.value)


class _Elide(QObject):
    """Draws the current choice with an ellipsis in the middle, as names often differ at their ends.

    The tooltip and the open list show names in full.
    """

    def __init__(self, box: QComboBox) -> None:
        super().__init__(box)
        self._box = box
        for change in (box.model().rowsInserted, box.model().rowsRemoved):
            change.connect(self._widen_list)

    def eventFilter(self, box: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        """Paint the box and show its tooltip."""
        if event.type() in (QEvent.Type.Polish, QEvent.Type.FontChange):
            self._widen_list()
        if event.type() == QEvent.Type.Paint:
            option, shown = self._option()
            option.currentText = shown
            painter = QStylePainter(self._box)
            painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
            painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
            painter.end()
            return True
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            name = self._box.currentText()
            words = self._box.toolTip()
            if self._option()[1] != name:
                words = f"{name}\n{words}"
            QToolTip.showText(event.globalPos(), words, self._box)
            return True
        return False

    def _option(self) -> tuple[QStyleOptionComboBox, str]:
        """Return the style option of the box and its current text, elided to the room there is."""
        box, option = self._box, QStyleOptionComboBox()
        box.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = box.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, box)
        middle = Qt.TextElideMode.ElideMiddle
        return option, box.fontMetrics().elidedText(option.currentText, middle, room.width())

    def _widen_list(self, *_: object) -> None:
        box, view = self._box, self._box.view()
        longest = max((box.itemText(i) for i in range(box.count())), key=len, default="")
        around = view.verticalScrollBar().sizeHint().width() + 2 * view.fontMetrics().height()
        view.setMinimumWidth(view.fontMetrics().horizontalAdvance(longest) + around)
