"""The dock that learns noisy readings of one thing from each other (Noise2Noise)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_n2s.core.errors import ImageError
from napari_n2s.replicates.replicates import Replicates
from napari_n2s.widgets.controls.basics import show_row
from napari_n2s.widgets.denoise.dock import DenoiseDock
from napari_n2s.widgets.denoise.resuming import OTHER_PAIRS
from napari_n2s.widgets.pairs.request import PairsRequest, pairs_job, partners, read_pairs, splits
from napari_n2s.widgets.pairs.rows import PairsRows

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.core.progress import Applying, Preview
    from napari_n2s.core.settings import Settings
    from napari_n2s.images.sources import Box
    from napari_n2s.pipeline.report import Report
    from napari_n2s.training.progress import Progress
    from napari_n2s.training.training_data import TrainingData

UNUSED = (
    "pretrained", "blind_spot_radius", "context", "channels", "partition", "grid_width", "density",
    "fill", "invariant",
)  # fmt: skip
"""Settings that mean nothing where one reading is learnt from another."""


class PairsDock(DenoiseDock):
    """Say where the readings are, train, watch, stop; the result becomes a layer on the first.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    """

    advanced_share = 0.2
    pairs: PairsRows | None = None
    _told: tuple[str, ...] = ()

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.pretrained.setChecked(False)
        self.advanced.leave_out(*UNUSED)
        self.advanced.controls["network"].removeItem(0)  # the donut, which is blind
        for choice in (self.learn_from, self.apply_to):
            show_row(self.form, choice.native, False)
        self.apply.hide()
        self.train.setToolTip("Learn the readings from each other, then add the image denoised.")
        self.pairs = PairsRows(
            self.form,
            2,
            lambda _: partners(napari_viewer, self.image.value),
            lambda _: splits(self.image.value),
        )
        self.image.changed.connect(self.pairs.reset_choices)
        self.axes.changed.connect(self.pairs.reset_choices)
        for choice in (self.pairs.way, self.pairs.other, self.pairs.along):
            choice.changed.connect(self._verdict.reconsider)
        self.pairs.register.toggled.connect(self._verdict.reconsider)
        self.pairs.reset_choices()

    def reset_choices(self, event: object = None) -> None:
        """List the layers anew; napari calls this when they change."""
        super().reset_choices(event)
        if self.pairs:
            self.pairs.reset_choices()

    def settings(self) -> Settings:
        """Read the settings.

        Raises
        ------
        SettingsError
            If one of them cannot be meant.
        """
        assert self.pairs
        return replace(super().settings(), loss=self.pairs.loss.currentText())

    def show_working(self, working: bool, *, may_go_on: bool = False) -> None:
        """Let the user press what makes sense now."""
        super().show_working(working, may_go_on=may_go_on)
        if self.pairs:
            self.pairs.set_enabled(not working)

    def _read_order(self, source: Image, region: Box | None) -> PairsRequest:
        assert self.pairs
        return read_pairs(self._viewer, source, self.pairs, self.guides.pixels())

    def _objection(self) -> str | None:
        """Say why what was learnt may not be gone on with, as things are chosen now."""
        if words := super()._objection():
            return words
        assert isinstance(self._order, PairsRequest)
        source = self._order.source
        try:
            as_it_was = self._read_order(source, None).is_as(self._order)
        except ImageError:
            as_it_was = False  # what was chosen is not there any more
        return None if as_it_was else OTHER_PAIRS.format(source.name)

    def _job(self, settings: Settings, since: Progress | None, learn: bool) -> Any:
        assert isinstance(self._order, PairsRequest)
        return pairs_job(self._order, settings, self._reins, since)

    def _show_progress(self, state: Replicates | Progress | Preview | Applying) -> None:
        if not isinstance(state, Replicates):
            super()._show_progress(state)
        elif self._order:
            self._order = replace(self._order, across=state.lost)
            self._told = state.findings
            self.show_result("\n".join(state.findings), there=False, reveal=True)

    def _findings(self, material: TrainingData) -> tuple[str, ...]:
        """List what was not found already when the readings were compared."""
        return tuple(each for each in material.findings if each not in self._told)

    def _account(self, report: Report) -> str:
        return "\n".join([report.sentence(), *report.findings])
