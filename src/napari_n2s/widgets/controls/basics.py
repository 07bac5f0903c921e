"""Small things that every form is made of."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtGui import QResizeEvent, QShowEvent
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QScrollBar,
    QVBoxLayout,
    QWidget,
)

Control = TypeVar("Control", bound=QWidget)

LETTERS = 60
"""In a line, about: room for sentences, and for the title that napari gives a dock."""
LONGEST = 24
"""Letters without a space, at most, before a line may be broken, as in the names of files."""
BREAK = "\u200b"
"""Takes no room, and lets a line be broken where it stands."""


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
        self._wanted: tuple[QWidget, ...] = ()
        self._revealing = Soon(self, self._reveal)

    def reveal(self, *controls: QWidget) -> None:
        """Scroll to controls once they are laid out, if they are out of sight."""
        self._wanted = controls
        self._revealing.ask()

    def _reveal(self) -> None:
        self.widget().layout().activate()
        for control in reversed(self._wanted):  # so that the first is seen for certain
            if control.isVisibleTo(self):
                self.ensureWidgetVisible(control, 0, 0)

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
        frame = self.width() - self.contentsRect().width()  # a style may draw one nevertheless
        bar = self.verticalScrollBar().sizeHint().width() + frame
        return self.widget().minimumSizeHint().width() + bar


class Sentence(QLabel):
    """Text that is wrapped, and given all the height that it needs, in any layout.

    Parameters
    ----------
    text : str
        Plain text: what looks like HTML may be the name of a layer.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:  # noqa: N802 (Qt's name)
        """Show a text; a word that is longer than a line is broken."""
        if self.textFormat() == Qt.TextFormat.PlainText:
            text = re.sub(rf"\S{{{LONGEST}}}(?=\S)", rf"\g<0>{BREAK}", text)
        super().setText(text)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Ask for no more height than at its width, where Qt would have it nearly square."""
        return QSize(super().sizeHint().width(), self._height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Ask for no less than that either."""
        return QSize(super().minimumSizeHint().width(), self._height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Ask for another height at another width: not every layout does that by itself."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def _height(self) -> int:
        return max(self.heightForWidth(self.width()), super().minimumSizeHint().height())


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


def with_tooltip(control: Control, tooltip: str) -> Control:
    """Give a control its explanation."""
    control.setToolTip(tooltip)
    return control


def side_by_side(*controls: QWidget) -> QHBoxLayout:
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
