"""Previews of a filter, computed one at a time; of several requests the last one counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_n2s.widgets.calibrate.jobs import preview_job
from napari_n2s.widgets.jobs import Failure

if TYPE_CHECKING:
    from napari_n2s.core.progress import Preview
    from napari_n2s.filters.catalogue import Denoiser
    from napari_n2s.images.sources import Box
    from napari_n2s.preparation.prepared import PreparedImage
    from napari_n2s.widgets.calibrate.state import CalibrationState
    from napari_n2s.widgets.live_preview import LivePreview


class _Asked(NamedTuple):
    """What a preview shows, and the live preview that it was asked for."""

    state: CalibrationState
    denoiser: Denoiser
    values: dict[str, Any]
    mix: bool
    live_preview: LivePreview

    @property
    def outdated(self) -> bool:
        """Whether another image, or another layer for the preview, has come since."""
        return self.state.over or self.state.live_preview is not self.live_preview


class FilterPreviews:
    """Filters the part in view in the background.

    Parameters
    ----------
    explain : callable
        Called with each failure.
    """

    def __init__(self, explain: Callable[[Failure], None]) -> None:
        self._explain = explain
        self._running: _Asked | None = None
        self._next: _Asked | None = None
        self._attempt: tuple[str, Box] | None = None

    def ask(
        self, state: CalibrationState, denoiser: Denoiser, values: dict[str, Any], mix: bool
    ) -> None:
        """Preview a filter on the part in view, once the preview being computed is done."""
        self._next = _Asked(state, denoiser, values, mix, state.live_preview)
        if not self._running:
            self._start_next()

    def _start_next(self) -> None:
        asked, self._next = self._next, None
        if not asked or asked.outdated or not (box := asked.live_preview.view()):
            return
        self._attempt = asked.denoiser.name, box
        state = asked.state
        if self._attempt == state.refused:
            return
        self._running = asked
        what = asked.denoiser, asked.values, asked.mix
        job = preview_job(state.request, state.prepared, *what, box, state.volume)
        job.returned.connect(self._show)
        job.finished.connect(self._finish)
        job.start()

    def _show(self, result: tuple[PreparedImage, Preview] | Failure) -> None:
        asked = self._running
        if asked is None or asked.outdated:
            return
        if isinstance(result, Failure):
            asked.state.refused = self._attempt
            self._explain(result)
        else:
            asked.state.prepared, preview = result
            asked.live_preview.show(preview)

    def _finish(self) -> None:
        self._running = None
        self._start_next()
