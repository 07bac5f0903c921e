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
        self._order: Request | None = None
        self._watching: LivePreview | None = None
        self._busy = self._again = self._said = False
        viewer.dims.events.current_step.connect(self._look)

    def at(self, source: Image | None) -> None:
        """Look at a layer unless there is something better, and at no other any more."""
        if self._order and self._order.source is not source:
            self.end()
        self.reconsider()
        new = source is not None and not self._order
        if new and not layers.results_above(self._viewer, source):
            self._order = read_request(self._viewer, source, None, WHOLE)
            self._watching = LivePreview(self._viewer, self._order, NAME)
            self._look()

    def reconsider(self) -> None:
        """Take it away if it shows what is no more, or there is something better."""
        if self._order:
            source = self._order.source
            stands = layers.is_there(self._viewer, source) and self._order.stands
            if not stands or layers.results_above(self._viewer, source):
                self.end()

    def end(self) -> None:
        """Take it away, and what was said of it."""
        said = self._said
        if watching := self.hand_over():
            watching.end(becomes_result=False)
        if said:
            self._explain("")

    def hand_over(self) -> LivePreview | None:
        """Look no more, and leave what is shown to another."""
        watching, self._watching, self._order = self._watching, None, None
        self._said = False
        return watching

    def _look(self, _: object = None) -> None:
        self._again = self._busy
        if self._busy or not self._order or not self._watching:
            return
        if box := self._watching.view():
            self._busy = True
            worker = look_job(self._order, box)
            watching = self._watching
            worker.returned.connect(lambda seen: self._show(seen, watching))
            worker.finished.connect(self._go_on)
            worker.start()

    def _show(self, seen: Preview | None, watching: LivePreview) -> None:
        if seen and watching is self._watching:
            watching.show(seen)
            self._said = watching.wanted
            self._explain(WORDS if self._said else "")

    def _go_on(self) -> None:
        self._busy = False
        if self._again:
            self._look()
