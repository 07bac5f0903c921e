"""What the dock of the filters looks like."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFormLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QSlider,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_n2s.filters.catalogue import METHODS
from napari_n2s.widgets.controls.axes_row import AxesRow
from napari_n2s.widgets.controls.basics import Column, Sentence, side_by_side, with_tooltip
from napari_n2s.widgets.controls.choice import choice
from napari_n2s.widgets.controls.curve_plot import CurvePlot

if TYPE_CHECKING:
    from napari_n2s.calibration.result import Calibration

NAMES = {
    "median": "donut median",
    "mean": "donut mean",
    "gaussian": "donut Gaussian",
    "nlm": "non-local means",
    "tv": "total variation",
}
"""How filters are called here, where that is not their name in the shell."""
MIX, DOUBTFUL = "Mix the noisy pixels back", "noise uncertain"
ROWS = 9


class CalibrateForm(QWidget):
    """The controls of the dock, without what they do.

    Parameters
    ----------
    images, targets : callable
        List the choices of `image` and `apply_to`.
    """

    def __init__(
        self, images: Callable[[Any], list[Any]], targets: Callable[[Any], list[Any]]
    ) -> None:
        super().__init__()
        self.image = choice(images, "The image layer to filter; it is left as it is.")
        self.apply_to = choice(targets, "What is filtered in the end, at the strength that is set.")
        self.axes = AxesRow()
        self.method = choice(
            [(NAMES.get(each, each), each) for each in METHODS],
            "The donut filters look at a pixel's neighbours without the pixel; the others "
            "are shown the image with some pixels replaced by their neighbours, to calibrate them.",
        )
        self.strength = with_tooltip(
            QSlider(Qt.Orientation.Horizontal),
            "How strongly to filter; the picture in view follows.",
        )
        self.strength.setPageStep(1)
        self.strength_words = Sentence()
        self.slices = with_tooltip(
            QCheckBox("Look at neighbouring slices"),
            "The donut filters take neighbours from the slices above and below as well, by their "
            "distance as the layer's scale has it.",
        )
        self.mix = with_tooltip(
            QCheckBox(MIX),
            "Averages each pixel with what its neighbours say, each by the other's error. It is on "
            "by itself where the noise is known well enough.",
        )
        self.calibrate = with_tooltip(
            QPushButton("Calibrate"),
            "Find the strength that suits this image, from the noisy image alone.",
        )
        self.stop = with_tooltip(QPushButton("Stop"), "Give up what is being done.")
        self.apply = with_tooltip(
            QPushButton("Denoise"), "Filter what stands under 'Apply to', and add it as a layer."
        )
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.plot = with_tooltip(
            CurvePlot(),
            "Squared error against the noisy image. Where the pixel is left out, it is least at "
            "the best strength. Where it is seen, it shrinks as less is done, and tells nothing. "
            "Click on a point to see that strength.",
        )
        self.compare = with_tooltip(
            QCheckBox("Compare all filters"),
            "Calibrates every filter on the same pixels, and lists them, the best first, with the "
            "networks that were trained on this image.",
        )
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels(["filter", "squared error", "at"])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        modes = QHeaderView.ResizeMode
        columns = self.table.horizontalHeader()
        for number, mode in enumerate((modes.Stretch, modes.ResizeToContents, modes.Stretch)):
            columns.setSectionResizeMode(number, mode)
        self.table.verticalHeader().setSectionResizeMode(modes.ResizeToContents)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.result = Sentence()
        self._lay_out()
        self.show_working(False)

    def show_working(self, working: bool) -> None:
        """Let the user press what makes sense now."""
        for box in (self.image, self.apply_to, self.method):
            box.enabled = not working
        for control in (
            self.axes,
            self.strength,
            self.slices,
            self.calibrate,
            self.apply,
            self.compare,
            self.mix,
        ):
            control.setEnabled(not working)
        self.stop.setEnabled(working)
        if not working:
            self.bar.reset()

    def show_mixing(self, found: Calibration | None) -> None:
        """Offer to mix the noisy pixels back, where a filter was calibrated without them."""
        blind = found is not None and found.denoiser.blind
        self.mix.setVisible(blind)
        with QSignalBlocker(self.mix):
            self.mix.setChecked(bool(found and found.mixes))
        if found and blind:
            gain = f"{found.mixing.gain:+.1f} dB expected"
            self.mix.setText(f"{MIX}: {gain if found.mixes else DOUBTFUL}")

    def show_table(self, rows: list[tuple[str, str, float]]) -> None:
        """List names, strengths and errors, the least first."""
        self.table.setVisible(bool(rows))
        self.table.setRowCount(len(rows))
        for number, (name, strength, loss) in enumerate(sorted(rows, key=lambda each: each[2])):
            for column, text in enumerate((name, f"{loss:.5g}", strength)):
                self.table.setItem(number, column, QTableWidgetItem(text))
                self.table.item(number, column).setToolTip(text)
        height = self.table.horizontalHeader().height() + 4
        height += sum(self.table.rowHeight(i) for i in range(min(len(rows), ROWS)))
        self.table.setFixedHeight(height)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Image", self.image.native)
        form.addRow("Axes", self.axes)
        form.addRow("Apply to", self.apply_to.native)
        form.addRow("Filter", self.method.native)
        form.addRow("Strength", self.strength)
        form.addRow("", self.strength_words)
        self.column = column = Column()
        column.lines.addLayout(form)
        column.lines.addWidget(self.slices)
        column.lines.addWidget(self.mix)
        column.lines.addLayout(side_by_side(self.calibrate, self.stop, self.apply))
        column.lines.addWidget(self.bar)
        column.lines.addWidget(self.plot, 1)
        column.lines.addWidget(self.plot.legend)
        column.lines.addWidget(self.result)
        column.lines.addWidget(self.compare)
        column.lines.addWidget(self.table)
        column.lines.addStretch()
        column.fill(self)
        self.show_table([])
