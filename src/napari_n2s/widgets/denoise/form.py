"""What the dock looks like: one column of controls, and how they stand while it works."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_n2s.core.settings import EFFORTS, Settings, words
from napari_n2s.widgets.controls.advanced import Advanced
from napari_n2s.widgets.controls.axes_row import AxesRow
from napari_n2s.widgets.controls.basics import Column, Sentence, side_by_side, with_tooltip
from napari_n2s.widgets.controls.choice import choice
from napari_n2s.widgets.controls.guides_row import GuidesRow
from napari_n2s.widgets.controls.loss_plot import LossPlot
from napari_n2s.widgets.denoise.device_row import DeviceRow
from napari_n2s.widgets.denoise.excluded_panel import SHOW, WHERE, WORDS
from napari_n2s.widgets.preferences import Preferences

if TYPE_CHECKING:
    from napari_n2s.training.progress import Progress

Choices = Callable[[Any], list[Any]]
PAUSE, RESUME, GO_ON = "Pause", "Resume", "Go on"


class DenoiseForm(QWidget):
    """The controls of the dock, without what they do.

    Parameters
    ----------
    images, sources, targets, guides : callable
        List the choices of `image`, `learn_from`, `apply_to` and `guides`.
    preferences : Preferences
        How the controls stand at first.
    """

    _found = ""
    advanced_share = 0.35
    """Of the dock's height; what does not fit is scrolled, so that the buttons stay in sight."""

    def __init__(
        self,
        images: Choices,
        sources: Choices,
        targets: Choices,
        guides: Callable[[], list[Any]],
        preferences: Preferences,
    ) -> None:
        super().__init__()
        self.image = choice(images, "The image layer to denoise; it is left as it is.")
        self.learn_from = choice(
            sources,
            "What the network is trained on: a part with everything that matters in it is "
            "learnt faster than a large stack.",
        )
        self.apply_to = choice(
            targets,
            "What is denoised at the end; another image should come from the same "
            "microscope and settings.",
        )
        self.axes = AxesRow()
        self.guides = GuidesRow(guides)
        self.effort = with_tooltip(
            QSlider(Qt.Orientation.Horizontal),
            "How long to learn: longer leaves less noise and more detail, with ever smaller gains.",
        )
        self.effort.setRange(0, len(EFFORTS) - 1)
        self.effort.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.effort.setPageStep(1)
        self.effort_words = Sentence()
        self.seconds = with_tooltip(QDoubleSpinBox(), words("seconds"))
        self.seconds.setRange(1, 86400)
        self.seconds.setDecimals(0)
        self.seconds.setSingleStep(10)
        self.seconds.setSuffix(" s")
        self.advanced = Advanced()
        self.train = with_tooltip(
            QPushButton("Train"),
            "Learn from the noisy image alone, then add it denoised as a layer.",
        )
        self.pause = with_tooltip(
            QPushButton(PAUSE),
            "Rest, and take it up again where it was; after the end, learn for as long again and "
            "denoise anew.",
        )
        self.stop = with_tooltip(
            QPushButton("Stop"),
            "End the training here and use the best that it has found; "
            "once that is being applied, give up.",
        )
        self.apply = with_tooltip(
            QPushButton("Apply"),
            "Denoise what stands under 'Apply to' with what was learnt, without learning more.",
        )
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.plot = with_tooltip(
            LossPlot(),
            "Squared error against the noisy image: lower is cleaner, where noise is independent "
            "from pixel to pixel. It counts pixels that the network has not seen, so it cannot be "
            "improved by copying the noise.",
        )
        self.found = Sentence()
        self.found.setToolTip(WHERE)
        self.set_apart = with_tooltip(QPushButton(SHOW), WORDS)
        self.result = Sentence()
        self.result.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.compare = with_tooltip(
            QPushButton("Hold to see before"), "Hides what is denoised as long as it is held."
        )
        self.methods = with_tooltip(
            QPushButton("Copy methods"),
            "Puts a paragraph for the methods section of a paper on the clipboard.",
        )
        self.device = DeviceRow()
        self._lay_out()
        self.effort.valueChanged.connect(self._follow_effort)
        self.seconds.valueChanged.connect(self._say_effort)
        self.converge.toggled.connect(self._say_effort)
        self.effort.setValue(list(EFFORTS).index(preferences.effort))
        self.advanced.controls["device"].currentTextChanged.connect(self.device.choose)
        self.advanced.controls["device"].setCurrentText(preferences.device)
        self.show_working(False)

    @property
    def converge(self) -> Any:
        """The box that says to go on until nothing improves."""
        return self.advanced.controls["converge"]

    @property
    def pretrained(self) -> Any:
        """The box that says to begin with what simulated pictures have taught."""
        return self.advanced.controls["pretrained"]

    def settings(self) -> Settings:
        """Read the settings.

        Raises
        ------
        SettingsError
            If one of them cannot be meant.
        """
        return Settings(seconds=self.seconds.value(), **self.advanced.values())

    def show_working(self, working: bool, *, may_go_on: bool = False) -> None:
        """Let the user press what makes sense now."""
        effort = (self.effort, self.effort_words, self.seconds)
        for control in (self.train, self.axes, self.guides, *effort, self.advanced):
            control.setEnabled(not working)
        for box in (self.image, self.learn_from, self.apply_to):
            box.enabled = not working
        self.show_found(())
        self.stop.setEnabled(working)
        self.pause.setEnabled(working or may_go_on)
        self.apply.setEnabled(not working and may_go_on)
        self.pause.setText(GO_ON if may_go_on and not working else PAUSE)
        if not working:
            self.bar.reset()
            self.bar.setFormat("")

    def show_bar(self, done: float, text: str) -> None:
        """Say how far it is, at once: by itself a bar draws itself, and the window, twice."""
        percent = round(100 * done)
        if (percent, text) != (self.bar.value(), self.bar.format()):
            self.bar.setUpdatesEnabled(False)
            self.bar.setValue(percent)
            self.bar.setFormat(text)
            self.bar.setUpdatesEnabled(True)

    def show_training(self, state: Progress) -> None:
        """Say how long it learns and will learn, and how fast."""
        left = state.seconds_left
        time = f"{state.seconds:.0f} s so far" if left is None else f"{left:.0f} s left"
        rate = state.step / max(state.seconds, 0.1)
        self.show_bar(state.done, f"training, {time}, {rate:.0f} steps/s")

    def show_found(self, sentences: Sequence[str]) -> None:
        """Say while it trains what was found in the image; the account of a result repeats it."""
        if (text := "\n".join(sentences)) != self._found:
            self._found = text
            self.found.setText(text)
            if text:
                self.column.reveal(self.found, self.set_apart)
        self.found.setVisible(bool(text))

    def show_result(self, sentence: str, there: bool, *, reveal: bool = False) -> None:
        """Say what came of it; with a result there are things to do with it.

        It is scrolled into sight if asked for, and not while somebody is busy further up.
        """
        self.result.setText(sentence)
        self.result.setVisible(bool(sentence))
        self.compare.setVisible(there)
        self.methods.setVisible(there)
        if reveal:
            self.column.reveal(self.result, self.compare)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Give the advanced settings their share."""
        super().resizeEvent(event)
        all_of_them = self._scrolled.widget().sizeHint().height()
        self._scrolled.setFixedHeight(min(all_of_them, round(self.advanced_share * self.height())))
        if self._folded.isExpanded():
            self._folded.expand(animate=False)

    def _lay_out(self) -> None:
        self.form = form = QFormLayout()
        form.addRow("Image", self.image.native)
        form.addRow("Axes", self.axes)
        form.addRow("Learn from", self.learn_from.native)
        form.addRow("Apply to", self.apply_to.native)
        form.addRow("Guides", self.guides)
        form.addRow("Effort", self.effort)
        form.addRow("", self.effort_words)
        exact = QWidget()
        rows = QVBoxLayout(exact)
        rows.setContentsMargins(0, 0, 0, 0)
        time = QFormLayout()
        time.addRow("seconds", self.seconds)
        rows.addLayout(time)
        rows.addWidget(self.advanced)
        self._scrolled = scrolled = QScrollArea()
        scrolled.setWidgetResizable(True)
        scrolled.setFrameShape(QFrame.Shape.NoFrame)
        scrolled.setWidget(exact)
        self._folded = folded = QCollapsible("Advanced")
        folded.setDuration(0)
        folded.addWidget(scrolled)
        folded.layout().setContentsMargins(0, 0, 0, 0)
        self.column = column = Column()
        column.lines.addLayout(form)
        column.lines.addWidget(folded)
        column.lines.addLayout(side_by_side(self.train, self.pause, self.stop, self.apply))
        column.lines.addWidget(self.bar)
        column.lines.addWidget(self.plot, 1)
        column.lines.addWidget(self.plot.legend)
        column.lines.addWidget(self.found)
        column.lines.addWidget(self.set_apart)
        column.lines.addWidget(self.result)
        column.lines.addLayout(side_by_side(self.compare, self.methods))
        column.lines.addWidget(self.device)
        column.lines.addStretch()
        column.fill(self)
        self.show_result("", there=False)

    def _follow_effort(self, number: int) -> None:
        effort = list(EFFORTS.values())[number]
        self.seconds.setValue(effort["seconds"])
        self.converge.setChecked(effort["converge"])
        self._say_effort()

    def _say_effort(self, _: object = None) -> None:
        """Name the effort that is set, and let the slider stand where it is."""
        chosen = {"seconds": self.seconds.value(), "converge": self.converge.isChecked()}
        seconds = "" if chosen["converge"] else f", {chosen['seconds']:.0f} s"
        for number, (name, effort) in enumerate(EFFORTS.items()):
            if effort == chosen:
                with QSignalBlocker(self.effort):
                    self.effort.setValue(number)
                self.effort_words.setText(name + seconds)
                return
        self.effort_words.setText(f"as set under Advanced{seconds}")
