"""Previews of a filter, one at a time: what was asked for last is what is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari_n2s.widgets.calibrate.jobs import preview_job
from napari_n2s.widgets.jobs import Failure

if TYPE_CHECKING:
    from napari_n2s.core.progress import Preview
    from napari_n2s.filters.catalogue import Denoiser
    from napari_n2s.images.image import Box
    from napari_n2s.preparation.prepared import Prepared
    from napari_n2s.widgets.calibrate.state import CalibrationState
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
        self, state: CalibrationState, denoiser: Denoiser, values: dict[str, Any], mix: bool
    ) -> None:
        """Show what a filter makes of what is in view, as soon as the last one is done."""
        if self._now:
            self._next = (state, denoiser, values, mix), state.live_preview
        elif not state.over and (box := state.live_preview.view()):
            self._asked = denoiser.name, box
            if self._asked == state.refused:
                return
            self._now = state, state.live_preview
            job = preview_job(state.request, state.ready, denoiser, values, mix, box, state.volume)
            job.returned.connect(self._show)
            job.finished.connect(self._go_on)
            job.start()

    def _show(self, seen: tuple[Prepared, Preview] | Failure) -> None:
        assert self._now is not None
        state, live_preview = self._now
        if state.over or state.live_preview is not live_preview:
            return
        if isinstance(seen, Failure):
            state.refused = self._asked
            self._explain(seen)
        else:
            state.ready, preview = seen
            live_preview.show(preview)

    def _go_on(self) -> None:
        self._now, question, self._next = None, self._next, None
        if question:
            asked, live_preview = question
            if asked[0].live_preview is live_preview:
                self.ask(*asked)
