"""Small widgets and helpers that all forms are built from."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from qtpy.QtCore import QEvent, QObject, QSize, Qt
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
from superqt.utils import QSignalDebouncer

Control = TypeVar("Control", bound=QWidget)

PREFERRED_WIDTH = 60
"""Preferred width of a dock in average characters, which also fits the title of the dock."""
MAX_UNBROKEN = 24
"""Characters without a space, as in file names, after which a line may be broken."""
BREAK = "\u200b"
"""Zero-width space: a line may be broken there."""


class Column(QScrollArea):
    """A column of controls that scrolls where it is higher than the window, and is never squeezed.

    The mouse wheel scrolls it, or a scroll area inside it, and never changes a setting.

    Attributes
    ----------
    lines : QVBoxLayout
        Layout of its content, from top to bottom.
    """

    def __init__(self) -> None:
        super().__init__()
        content = QWidget()
        self.lines = QVBoxLayout(content)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._to_reveal: tuple[QWidget, ...] = ()
        self._revealing = debounced(self, self._reveal)

    def reveal(self, *controls: QWidget) -> None:
        """Scroll to controls that are out of sight, once they are laid out."""
        self._to_reveal = controls
        self._revealing.throttle()

    def _reveal(self) -> None:
        self.widget().layout().activate()
        for control in reversed(self._to_reveal):  # the first one last, so that it wins
            if control.isVisibleTo(self):
                self.ensureWidgetVisible(control, 0, 0)

    def fill(self, parent: QWidget) -> None:
        """Make it the only content of a widget."""
        around = QVBoxLayout(parent)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        """Filter the events of all controls, including those added since it was last shown."""
        for control in self.widget().findChildren(QWidget):
            if isinstance(control, QComboBox | QAbstractSlider | QAbstractSpinBox):
                control.installEventFilter(self)
        super().showEvent(event)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Prefer the height of the content and the width of readable sentences."""
        width = max(self._width(), PREFERRED_WIDTH * self.fontMetrics().averageCharWidth())
        return QSize(width, self.widget().sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Be at least as wide as the content."""
        return QSize(self._width(), super().minimumSizeHint().height())

    def eventFilter(self, control: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        """Scroll with the wheel over a control; update the size hint when the content changes."""
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
        frame = self.width() - self.contentsRect().width()  # some styles draw a frame all the same
        bar = self.verticalScrollBar().sizeHint().width() + frame
        return self.widget().minimumSizeHint().width() + bar


class Sentence(QLabel):
    """A label of wrapped text that gets the height it needs in any layout.

    Parameters
    ----------
    text : str
        Plain text, since names of layers may look like HTML.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:  # noqa: N802 (Qt's name)
        """Set the text; words that may be longer than a line can be broken."""
        if self.textFormat() == Qt.TextFormat.PlainText:
            text = re.sub(rf"\S{{{MAX_UNBROKEN}}}(?=\S)", rf"\g<0>{BREAK}", text)
        super().setText(text)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Prefer the height at the present width, where Qt prefers a nearly square shape."""
        return QSize(super().sizeHint().width(), self._height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Accept no less than that height."""
        return QSize(super().minimumSizeHint().width(), self._height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Update the size hint when the width changes, which not every layout does."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def _height(self) -> int:
        return max(self.heightForWidth(self.width()), super().minimumSizeHint().height())


def debounced(parent: QWidget, action: Callable[[], None]) -> QSignalDebouncer:
    """Make a debouncer whose `throttle` runs an action once control returns to Qt's event loop.

    The action runs once, however often it was asked for. While napari emits an event about its
    list of layers it is still changing that list: layers must not be removed before it is done.

    Parameters
    ----------
    parent : QWidget
        The debouncer is deleted with it.
    action : callable
    """
    debouncer = QSignalDebouncer(parent=parent)
    debouncer.setTimeout(0)
    debouncer.triggered.connect(action)
    return debouncer


def with_tooltip(control: Control, tooltip: str) -> Control:
    """Set the tooltip of a control, and return the control."""
    control.setToolTip(tooltip)
    return control


def side_by_side(*controls: QWidget) -> QHBoxLayout:
    """Lay out controls in a row."""
    line = QHBoxLayout()
    for control in controls:
        line.addWidget(control)
    return line


def show_row(form: QFormLayout, control: QWidget, shown: bool) -> None:
    """Show or hide a row of a form with its label."""
    control.setVisible(shown)
    if label := form.labelForField(control):
        label.setVisible(shown)
