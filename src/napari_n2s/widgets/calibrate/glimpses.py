"""Previews of a filter, one at a time: what was asked for last is what is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari_n2s.widgets.calibrate.jobs import glimpse_job
from napari_n2s.widgets.jobs import Failure

if TYPE_CHECKING:
    from napari_n2s.core.progress import Preview
    from napari_n2s.filters.catalogue import Denoiser
    from napari_n2s.images.sources import Box
    from napari_n2s.preparation.prepared import Prepared
    from napari_n2s.widgets.calibrate.study import CalibrationState
    from napari_n2s.widgets.live_preview import LivePreview

    Question = tuple[CalibrationState, Denoiser, dict[str, Any], bool]


class FilterPreviews:
    """Filters what is in view in the background.

    Parameters
    ----------
    explain : callable
        What to do with a failure.
    """

    def __init__(self, explain: Callable[[Failure], None]) -> None:
        self._explain = explain
        self._now: tuple[CalibrationState, LivePreview] | None = None
        self._next: tuple[Question, LivePreview] | None = None
        self._asked: tuple[str, Box] | None = None

    def ask(
        self, study: CalibrationState, denoiser: Denoiser, values: dict[str, Any], mix: bool
    ) -> None:
        """Show what a filter makes of what is in view, as soon as the last one is done."""
        if self._now:
            self._next = (study, denoiser, values, mix), study.watching
        elif not study.over and (box := study.watching.view()):
            self._asked = denoiser.name, box
            if self._asked == study.refused:
                return
            self._now = study, study.watching
            job = glimpse_job(study.order, study.ready, denoiser, values, mix, box, study.volume)
            job.returned.connect(self._show)
            job.finished.connect(self._go_on)
            job.start()

    def _show(self, seen: tuple[Prepared, Preview] | Failure) -> None:
        assert self._now is not None
        study, watching = self._now
        if study.over or study.watching is not watching:
            return
        if isinstance(seen, Failure):
            study.refused = self._asked
            self._explain(seen)
        else:
            study.ready, preview = seen
            watching.show(preview)

    def _go_on(self) -> None:
        self._now, question, self._next = None, self._next, None
        if question:
            asked, watching = question
            if asked[0].watching is watching:
                self.ask(*asked)
