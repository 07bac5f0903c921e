"""The controls of the Denoise dock, their layout, and their state while it works."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QFormLayout,
    QFrame,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSlider,
    QWidget,
)
from superqt import QCollapsible

from napari_n2s.core.settings import EFFORTS
from napari_n2s.widgets.controls.advanced import Advanced
from napari_n2s.widgets.controls.axes_row import AxesRow
from napari_n2s.widgets.controls.basics import Column, Sentence, side_by_side, with_tooltip
from napari_n2s.widgets.controls.choice import choice
from napari_n2s.widgets.controls.guides_row import GuidesRow
from napari_n2s.widgets.controls.loss_plot import LossPlot
from napari_n2s.widgets.controls.noise_picture import NoisePicture
from napari_n2s.widgets.denoise.device_row import DeviceRow
from napari_n2s.widgets.denoise.excluded_panel import SETTINGS, SHOW, TOOLTIP
from napari_n2s.widgets.preferences import Preferences

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_n2s.training.progress import Progress

Choices = Callable[[Any], list[Any]]
PAUSE, RESUME, CONTINUE = "Pause", "Resume", "Continue"
TRY = "Try as {} noise"
TRY_TOOLTIP = (
    "Trains once more as for such noise, with a blind-spot radius of {} and all other settings as "
    "they are, and adds a second result, for you to judge by eye. Your settings are not changed."
)


def kind_of_noise(radius: tuple[int, ...]) -> str:
    """Name the noise that a blind-spot radius is for."""
    return "correlated" if any(radius) else "independent"


class DenoiseForm(QWidget):
    """The controls of the dock, without their actions.

    Parameters
    ----------
    images, sources, targets, guides : callable
        They list the choices of `image`, `train_on`, `apply_to` and `guides`.
    preferences : Preferences
        Initial values of some controls.
    """

    _findings_shown = ""
    advanced_share = 0.35
    """Share of the dock's height that the settings under Advanced take at most; more scrolls."""

    def __init__(
        self,
        images: Choices,
        sources: Choices,
        targets: Choices,
        guides: Callable[[], list[Any]],
        preferences: Preferences,
    ) -> None:
        super().__init__()
        self.image = choice(images, "The image layer to denoise; it is not changed.")
        self.train_on = choice(
            sources,
            "What the network is trained on: training on a part that contains all kinds of "
            "structure is faster than on a large stack.",
        )
        self.apply_to = choice(
            targets,
            "What the trained network denoises; another image should come from the same "
            "microscope with the same settings.",
        )
        self.axes = AxesRow()
        self.guides = GuidesRow(guides)
        self.effort = with_tooltip(
            QSlider(Qt.Orientation.Horizontal),
            "How long to train: longer leaves less noise and more detail, with diminishing "
            "returns.",
        )
        self.effort.setRange(0, len(EFFORTS) - 1)
        self.effort.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.effort.setPageStep(1)
        self.effort_words = Sentence()
        self.advanced = Advanced()
        self.seconds: Any = self.advanced.controls["seconds"]
        self.seconds.setRange(1, 86400)
        self.seconds.setDecimals(0)
        self.seconds.setSingleStep(10)
        self.seconds.setSuffix(" s")
        self.train = with_tooltip(
            QPushButton("Train"),
            "Train a network on the noisy image alone, then add the denoised image as a layer.",
        )
        self.pause = with_tooltip(
            QPushButton(PAUSE),
            "Pause the training and resume it; after its end, train for as long again and denoise "
            "again.",
        )
        self.stop = with_tooltip(
            QPushButton("Stop"),
            "End the training now and apply the best network so far; before there is one, and "
            "while it is being applied, cancel.",
        )
        self.apply = with_tooltip(
            QPushButton("Apply"),
            "Denoise what is chosen under 'Apply to' with the trained network, without more "
            "training.",
        )
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.plot = with_tooltip(
            LossPlot(),
            "Squared error against the noisy image: lower is better, if noise is independent from "
            "pixel to pixel. It is measured on pixels that the network has not seen, so copying "
            "the noise does not improve it.",
        )
        self.findings = Sentence()
        self.findings.setToolTip(SETTINGS)
        self.noise_picture = NoisePicture()
        self.excluded_button = with_tooltip(QPushButton(SHOW), TOOLTIP)
        self.result = Sentence()
        self.result.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.other = QPushButton()
        self.compare = with_tooltip(
            QPushButton("Hold to see original"),
            "Hides the denoised image while the button is held.",
        )
        self.methods = with_tooltip(
            QPushButton("Copy methods"),
            "Copies a paragraph for the methods section of a paper to the clipboard.",
        )
        self.device = DeviceRow()
        self._lay_out()
        self.effort.valueChanged.connect(self._apply_effort)
        self.seconds.valueChanged.connect(self._show_effort)
        self.converge.toggled.connect(self._show_effort)
        self.effort.setValue(list(EFFORTS).index(preferences.effort))
        self._apply_effort(self.effort.value())  # no signal comes from where the slider is first
        self.advanced.controls["device"].currentTextChanged.connect(self.device.choose)
        self.advanced.controls["device"].setCurrentText(preferences.device)
        self.show_working(False)

    @property
    def converge(self) -> Any:
        """The check box of the setting `converge`."""
        return self.advanced.controls["converge"]

    @property
    def pretrained(self) -> Any:
        """The check box of the setting `pretrained`."""
        return self.advanced.controls["pretrained"]

    def show_working(self, working: bool, *, may_continue: bool = False) -> None:
        """Enable the controls that apply while a task runs, or while none does."""
        effort = (self.effort, self.effort_words)
        for control in (self.train, self.axes, self.guides, *effort, self.advanced):
            control.setEnabled(not working)
        for box in (self.image, self.train_on, self.apply_to):
            box.enabled = not working
        self.show_findings(())
        if working:
            self.noise_picture.show_correlation(None)
        self.stop.setEnabled(working)
        self.pause.setEnabled(working or may_continue)
        self.apply.setEnabled(not working and may_continue)
        self.pause.setText(CONTINUE if may_continue and not working else PAUSE)
        if not working:
            self.bar.reset()
            self.bar.setFormat("")

    def show_bar(self, done: float, text: str) -> None:
        """Show progress with a single repaint; value and format alone repaint the window twice."""
        percent = round(100 * done)
        if (percent, text) != (self.bar.value(), self.bar.format()):
            self.bar.setUpdatesEnabled(False)
            self.bar.setValue(percent)
            self.bar.setFormat(text)
            self.bar.setUpdatesEnabled(True)

    def show_training(self, state: Progress) -> None:
        """Show the time left or spent in training, and the steps per second."""
        left = state.seconds_left
        time = f"{state.seconds:.0f} s so far" if left is None else f"{left:.0f} s left"
        rate = state.step / max(state.seconds, 0.1)
        self.show_bar(state.done, f"training, {time}, {rate:.0f} steps/s")

    def show_noise(self, correlation: NDArray | None) -> None:
        """Show how noise is correlated between neighbouring pixels, unless it is shown already."""
        if correlation is not None and not self.noise_picture.isVisibleTo(self):
            self.noise_picture.show_correlation(correlation)

    def show_findings(self, sentences: Sequence[str]) -> None:
        """Show findings about the image during a training; the account of a result repeats them."""
        if (text := "\n".join(sentences)) != self._findings_shown:
            self._findings_shown = text
            self.findings.setText(text)
            if text:
                self.column.reveal(self.findings, self.excluded_button)
        self.findings.setVisible(bool(text))

    def show_result(
        self,
        sentence: str,
        there: bool,
        *,
        alternative: tuple[int, ...] | None = None,
        reveal: bool = False,
    ) -> None:
        """Show the outcome of a task, with the buttons for a result if `there`.

        With an alternative blind-spot radius there is one more, which trains with that. The outcome
        is scrolled into view only if `reveal`, as the user may be working further up.
        """
        self.other.setVisible(there and alternative is not None)
        if alternative is not None:
            self.other.setText(TRY.format(kind_of_noise(alternative)))
            self.other.setToolTip(TRY_TOOLTIP.format(max(alternative)))
        self.result.setText(sentence)
        self.result.setVisible(bool(sentence))
        self.compare.setVisible(there)
        self.methods.setVisible(there)
        if reveal:
            self.column.reveal(self.result, self.compare)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Limit the height of the settings under Advanced to their share."""
        super().resizeEvent(event)
        needed = self._advanced_area.widget().sizeHint().height()
        self._advanced_area.setFixedHeight(min(needed, round(self.advanced_share * self.height())))
        if self._collapsible.isExpanded():
            self._collapsible.expand(animate=False)

    def _lay_out(self) -> None:
        self.form = form = QFormLayout()
        form.addRow("Image", self.image.native)
        form.addRow("Axes", self.axes)
        form.addRow("Train on", self.train_on.native)
        form.addRow("Apply to", self.apply_to.native)
        form.addRow("Guides", self.guides)
        form.addRow("Effort", self.effort)
        form.addRow("", self.effort_words)
        self._advanced_area = advanced_area = QScrollArea()
        advanced_area.setWidgetResizable(True)
        advanced_area.setFrameShape(QFrame.Shape.NoFrame)
        advanced_area.setWidget(self.advanced)
        self._collapsible = collapsible = QCollapsible("Advanced")
        collapsible.setDuration(0)
        collapsible.addWidget(advanced_area)
        collapsible.layout().setContentsMargins(0, 0, 0, 0)
        self.column = column = Column()
        column.lines.addLayout(form)
        column.lines.addWidget(collapsible)
        column.lines.addLayout(side_by_side(self.train, self.pause, self.stop, self.apply))
        column.lines.addWidget(self.bar)
        column.lines.addWidget(self.plot, 1)
        column.lines.addWidget(self.plot.legend)
        column.lines.addWidget(self.findings)
        column.lines.addWidget(self.noise_picture)
        column.lines.addWidget(self.excluded_button)
        column.lines.addWidget(self.result)
        column.lines.addWidget(self.other)
        column.lines.addLayout(side_by_side(self.compare, self.methods))
        column.lines.addWidget(self.device)
        column.lines.addStretch()
        column.fill(self)
        self.show_result("", there=False)

    def _apply_effort(self, number: int) -> None:
        effort = list(EFFORTS.values())[number]
        self.seconds.setValue(effort["seconds"])
        self.converge.setChecked(effort["converge"])
        self._show_effort()

    def _show_effort(self, _: object = None) -> None:
        """Show the name of the effort that the settings amount to, and move the slider there."""
        chosen = {"seconds": self.seconds.value(), "converge": self.converge.isChecked()}
        seconds = "" if chosen["converge"] else f", {chosen['seconds']:.0f} s"
        for number, (name, effort) in enumerate(EFFORTS.items()):
            if effort == chosen:
                with QSignalBlocker(self.effort):
                    self.effort.setValue(number)
                self.effort_words.setText(name + seconds)
                return
        self.effort_words.setText(f"as set under Advanced{seconds}")
