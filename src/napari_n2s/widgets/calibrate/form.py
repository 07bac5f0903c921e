"""The controls of the dock that calibrates a filter, and their layout."""

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
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_n2s.filters.catalogue import METHODS
from napari_n2s.widgets.calibrate.strengths import StrengthSlider
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
"""Names of filters in the dock, where they differ from those in the shell."""
MIX, DOUBTFUL = "Mix the noisy pixels back", "noise uncertain"
MAX_ROWS = 9
"""Rows of the table that are shown without scrolling."""


class CalibrateForm(QWidget):
    """The controls of the dock, without their actions.

    Parameters
    ----------
    images, targets : callable
        They list the choices of `image` and `apply_to`.
    """

    def __init__(
        self, images: Callable[[Any], list[Any]], targets: Callable[[Any], list[Any]]
    ) -> None:
        super().__init__()
        self.image = choice(images, "The image layer to filter; it is not changed.")
        self.apply_to = choice(targets, "What to filter at the strength that is set.")
        self.axes = AxesRow()
        self.method = choice(
            [(NAMES.get(each, each), each) for each in METHODS],
            "A donut filter leaves each pixel out of its own neighbourhood; to calibrate the other "
            "filters, some pixels of the image are replaced by their neighbours.",
        )
        self.strength = with_tooltip(
            StrengthSlider(), "How strongly to filter; the preview of the part in view follows."
        )
        self.strength_words = Sentence()
        self.slices = with_tooltip(
            QCheckBox("Use neighbouring slices"),
            "The donut filters take neighbours from the slices above and below as well, at the "
            "distance that the layer's scale gives.",
        )
        self.mix = with_tooltip(
            QCheckBox(MIX),
            "Averages each measured pixel with its prediction, weighted by the inverse of their "
            "variances. It is ticked automatically where two estimates of the noise agree.",
        )
        self.calibrate = with_tooltip(
            QPushButton("Calibrate"),
            "Find the best strength for this image, from the noisy image alone.",
        )
        self.stop = with_tooltip(
            QPushButton("Stop"), "Cancel the calibration or the filtering in progress."
        )
        self.apply = with_tooltip(
            QPushButton("Denoise"), "Filter what is chosen under 'Apply to', and add it as a layer."
        )
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.plot = with_tooltip(
            CurvePlot(),
            "Squared error against the noisy image. With the pixel left out, it is smallest at the "
            "best strength. With the pixel seen, it only grows with the strength, and is "
            "uninformative. Click on a point to preview that strength.",
        )
        self.compare = with_tooltip(
            QCheckBox("Compare all filters"),
            "Calibrates every filter on the same pixels, and lists the filters and the networks "
            "trained on this image, the best first.",
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
        """Enable the controls that apply while a job runs, or while none does."""
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
        """Show the box for mixing the noisy pixels back, for filters that leave the pixel out."""
        blind = found is not None and found.denoiser.blind
        self.mix.setVisible(blind)
        with QSignalBlocker(self.mix):
            self.mix.setChecked(bool(found and found.mixes))
        if found and blind:
            gain = f"{found.mixing.gain:+.1f} dB expected"
            self.mix.setText(f"{MIX}: {gain if found.mixes else DOUBTFUL}")

    def show_table(self, rows: list[tuple[str, str, float]]) -> None:
        """List names, strengths and squared errors, the smallest error first."""
        self.table.setVisible(bool(rows))
        self.table.setRowCount(len(rows))
        for number, (name, strength, loss) in enumerate(sorted(rows, key=lambda each: each[2])):
            for column, text in enumerate((name, f"{loss:.5g}", strength)):
                self.table.setItem(number, column, QTableWidgetItem(text))
                self.table.item(number, column).setToolTip(text)
        height = self.table.horizontalHeader().height() + 4
        height += sum(self.table.rowHeight(i) for i in range(min(len(rows), MAX_ROWS)))
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
