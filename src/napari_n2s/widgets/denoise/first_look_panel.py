"""A first look at what is in view, before anything has been learnt from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_n2s.widgets.jobs import look_job
from napari_n2s.widgets.live_preview import LivePreview
from napari_n2s.widgets.request import WHOLE, Request, read_request
from napari_n2s.widgets.viewer import layers

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.core.progress import Preview

NAME = "n2s first look"
WORDS = (
    "A first look, by a network that has seen simulated pictures only: Train, and it learns from "
    "this image."
)


class FirstLookPanel:
    """Shows what is in view as the pretrained network denoises it, until there is something better.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    explain : callable
        What to do with words that say what it is; none when it is taken away.
    """

    def __init__(self, viewer: Viewer, explain: Callable[[str], None]) -> None:
        self._viewer, self._explain = viewer, explain
        self._request: Request | None = None
        self._live_preview: LivePreview | None = None
        self._busy = self._again = self._said = False
        viewer.dims.events.current_step.connect(self._look)

    def at(self, source: Image | None) -> None:
        """Look at a layer unless there is something better, and at no other any more."""
        if self._request and self._request.source is not source:
            self.end()
        self.reconsider()
        new = source is not None and not self._request
        if new and not layers.results_above(self._viewer, source):
            self._request = read_request(self._viewer, source, None, WHOLE)
            self._live_preview = LivePreview(self._viewer, self._request, NAME)
            self._look()

    def reconsider(self) -> None:
        """Take it away if it shows what is no more, or there is something better."""
        if self._request:
            source = self._request.source
            stands = layers.is_there(self._viewer, source) and self._request.stands
            if not stands or layers.results_above(self._viewer, source):
                self.end()

    def end(self) -> None:
        """Take it away, and what was said of it."""
        said = self._said
        if live_preview := self.hand_over():
            live_preview.end(becomes_result=False)
        if said:
            self._explain("")

    def hand_over(self) -> LivePreview | None:
        """Look no more, and leave what is shown to another."""
        live_preview, self._live_preview, self._request = self._live_preview, None, None
        self._said = False
        return live_preview

    def _look(self, _: object = None) -> None:
        self._again = self._busy
        if self._busy or not self._request or not self._live_preview:
            return
        if box := self._live_preview.view():
            self._busy = True
            worker = look_job(self._request, box)
            live_preview = self._live_preview
            worker.returned.connect(lambda seen: self._show(seen, live_preview))
            worker.finished.connect(self._go_on)
            worker.start()

    def _show(self, seen: Preview | None, live_preview: LivePreview) -> None:
        if seen and live_preview is self._live_preview:
            live_preview.show(seen)
            self._said = live_preview.wanted
            self._explain(WORDS if self._said else "")

    def _go_on(self) -> None:
        self._busy = False
        if self._again:
            self._look()
