"""Small things that every form is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from magicgui.widgets import ComboBox
from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QScrollBar,
    QVBoxLayout,
    QWidget,
)

Control = TypeVar("Control", bound=QWidget)

LETTERS = 60
"""In a line, about: room for sentences, and for the title that napari gives a dock."""


class Column(QScrollArea):
    """A column of controls that is scrolled where it is higher than the window, and never squeezed.

    The wheel scrolls it, or what is to be scrolled in it, and changes no setting on the way.

    Attributes
    ----------
    lines : QVBoxLayout
        What is in it, from top to bottom.
    """

    def __init__(self) -> None:
        super().__init__()
        content = QWidget()
        self.lines = QVBoxLayout(content)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def fill(self, parent: QWidget) -> None:
        """Fill a widget with it."""
        around = QVBoxLayout(parent)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        """Look at what the controls are told, those that have come late too."""
        for control in self.widget().findChildren(QWidget):
            if isinstance(control, QComboBox | QAbstractSlider | QAbstractSpinBox):
                control.installEventFilter(self)
        super().showEvent(event)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Ask for all that is in it, and for lines that sentences fit into."""
        width = max(self._width(), LETTERS * self.fontMetrics().averageCharWidth())
        return QSize(width, self.widget().sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Be as wide as what is in it."""
        return QSize(self._width(), super().minimumSizeHint().height())

    def eventFilter(self, control: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        """Turn the wheel over a control into scrolling, if there is any; follow the content."""
        if control is self.widget() and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        if event.type() == QEvent.Type.Wheel and not isinstance(control, QScrollBar):
            around = control.parent()
            while around is not None:
                if isinstance(around, QScrollArea) and around.verticalScrollBar().maximum() > 0:
                    return QApplication.sendEvent(around.viewport(), event)
                around = around.parent() if around is not self else None
        return super().eventFilter(control, event)

    def _width(self) -> int:
        return self.widget().minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()


class Soon(QTimer):
    """Does something as soon as what goes on now is over; once, however often it is asked to.

    While napari tells of a change of its layers it is amid that change: to take layers away then
    would have it look for some that are gone.

    Parameters
    ----------
    parent : QWidget
        It acts as long as that lives.
    act : callable
    """

    def __init__(self, parent: QWidget, act: Callable[[], None]) -> None:
        super().__init__(parent, singleShot=True, interval=0)
        self.timeout.connect(act)

    def ask(self, _: object = None) -> None:
        """Ask for it."""
        self.start()


def list_anew(choice: ComboBox) -> None:
    """List the choices of a box anew, and keep what is chosen, whatever it is called by now."""
    before = choice.value
    with choice.changed.blocked():
        choice.reset_choices()
        if choice.value != before and before in choice.choices:
            choice.value = before
    if choice.value != before:
        choice.changed.emit(choice.value)


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
