"""The dock that trains a network on replicates of one image (Noise2Noise)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_n2s.core.errors import ImageError
from napari_n2s.replicates.replicates import Replicates
from napari_n2s.widgets.controls.basics import show_row
from napari_n2s.widgets.denoise.dock import DenoiseDock
from napari_n2s.widgets.denoise.session import OTHER_PAIRS
from napari_n2s.widgets.pairs.request import PairsRequest, pairs_job, partners, read_pairs, splits
from napari_n2s.widgets.pairs.rows import PairsRows

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.core.progress import Applying, Preparing, Preview
    from napari_n2s.images.sources import Box
    from napari_n2s.pipeline.reports.report import Report
    from napari_n2s.training.progress import Progress
    from napari_n2s.training.training_data import TrainingData

UNUSED = (
    "pretrained", "blind_spot_radius", "context", "channels", "partition", "grid_width", "density",
    "fill", "invariant",
)  # fmt: skip
"""Settings without meaning where one replicate is predicted from another."""


class PairsDock(DenoiseDock):
    """Choose the replicates, train, watch, stop; the result becomes a layer above the first.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    """

    job = staticmethod(pairs_job)
    advanced_share = 0.2
    pairs: PairsRows | None = None
    _replicate_findings: tuple[str, ...] = ()

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.pretrained.setChecked(False)
        self.advanced.hide_settings(*UNUSED)
        self.advanced.controls["network"].removeItem(0)  # the blind-spot network
        for choice in (self.train_on, self.apply_to):
            show_row(self.form, choice.native, False)
        self.apply.hide()
        self.train.setToolTip(
            "Train a network to predict one replicate from another, then add the denoised image."
        )
        self.pairs = PairsRows(
            self.form,
            2,
            lambda _: partners(napari_viewer, self.image.value),
            lambda _: splits(self.image.value),
        )
        self.advanced.controls["loss"] = self.pairs.loss
        self.image.changed.connect(self.pairs.reset_choices)
        self.axes.changed.connect(self.pairs.reset_choices)
        for choice in (self.pairs.way, self.pairs.other, self.pairs.along):
            choice.changed.connect(self._result_panel.reconsider)
        self.pairs.register.toggled.connect(self._result_panel.reconsider)
        self.pairs.reset_choices()

    def reset_choices(self, event: object = None) -> None:
        """List the layers again; napari calls this when they change."""
        super().reset_choices(event)
        if self.pairs:
            self.pairs.reset_choices()

    def show_working(self, working: bool, *, may_continue: bool = False) -> None:
        """Enable the controls that apply while a task runs, or while none does."""
        super().show_working(working, may_continue=may_continue)
        if self.pairs:
            self.pairs.set_enabled(not working)

    def _read_request(self, source: Image, region: Box | None) -> PairsRequest:
        assert self.pairs
        return read_pairs(self._viewer, source, self.pairs, self.guides.pixels())

    def _resume_error(self) -> str | None:
        """Explain why the training cannot be continued with the present choices, if it cannot."""
        if error := super()._resume_error():
            return error
        before = self.session.request
        assert isinstance(before, PairsRequest)
        try:
            same = self._read_request(before.source, None).has_replicates_of(before)
        except ImageError:
            same = False  # the chosen layer was removed
        return None if same else OTHER_PAIRS.format(before.source.name)

    def _show_state(self, state: Replicates | Preparing | Progress | Preview | Applying) -> None:
        if not isinstance(state, Replicates):
            super()._show_state(state)
        elif self.session.request:
            self.session.request = replace(self.session.request, averaged_axis=state.averaged_axis)
            self._replicate_findings = state.findings
            self.show_result("\n".join(state.findings), there=False, reveal=True)

    def _findings(self, data: TrainingData) -> tuple[str, ...]:
        """List the findings that the comparison of the replicates has not reported already."""
        return tuple(each for each in data.findings if each not in self._replicate_findings)

    def _account(self, report: Report) -> str:
        return "\n".join([report.sentence(), *report.findings])
