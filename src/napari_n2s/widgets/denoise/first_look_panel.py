"""A first look: the part in view as the pretrained network denoises it, before any training."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_n2s.widgets.jobs import first_look_job
from napari_n2s.widgets.live_preview import LivePreview
from napari_n2s.widgets.request import WHOLE, Request, read_request
from napari_n2s.widgets.viewer import layers

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.core.progress import Preview

NAME = "n2s first look"
WORDS = (
    "A first look, by a network trained on simulated images only: press Train to train it on "
    "this image."
)


class FirstLookPanel:
    """Shows a first look at an image until it is trained on or has a result.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    explain : callable
        Called with a sentence that explains the first look; an empty one when it is removed.
    device : callable
        Returns the setting of where to compute.
    """

    def __init__(
        self, viewer: Viewer, explain: Callable[[str], None], device: Callable[[], str]
    ) -> None:
        self._viewer, self._explain, self._device = viewer, explain, device
        self._request: Request | None = None
        self._live_preview: LivePreview | None = None
        self._busy = self._outdated = self._explained = False
        viewer.dims.events.current_step.connect(self._update)

    def show_layer(self, source: Image | None) -> None:
        """Show a first look at a layer without results, and remove that at any other layer."""
        if self._request and self._request.source is not source:
            self.end()
        self.reconsider()
        if source is None or self._request:
            return
        if not layers.results_above(self._viewer, source):
            self._request = read_request(self._viewer, source, None, WHOLE)
            self._live_preview = LivePreview(self._viewer, self._request, NAME)
            self._update()

    def reconsider(self) -> None:
        """Remove the first look if its image was changed or removed, or has a result."""
        if self._request:
            source = self._request.source
            current = layers.is_there(self._viewer, source) and self._request.is_current
            if not current or layers.results_above(self._viewer, source):
                self.end()

    def end(self) -> None:
        """Remove the first look and its explanation."""
        explained = self._explained
        if live_preview := self.hand_over():
            live_preview.end(becomes_result=False)
        if explained:
            self._explain("")

    def hand_over(self) -> LivePreview | None:
        """End the first look, and give its live preview to the caller."""
        live_preview, self._live_preview, self._request = self._live_preview, None, None
        self._explained = False
        return live_preview

    def _update(self, _: object = None) -> None:
        self._outdated = self._busy
        if self._busy or not self._request or not self._live_preview:
            return
        if box := self._live_preview.view():
            self._busy = True
            worker = first_look_job(self._request, box, self._device())
            live_preview = self._live_preview
            worker.returned.connect(lambda preview: self._show(preview, live_preview))
            worker.finished.connect(self._finish)
            worker.start()

    def _show(self, preview: Preview | None, live_preview: LivePreview) -> None:
        if preview and live_preview is self._live_preview:
            live_preview.show(preview)
            self._explained = live_preview.wanted
            self._explain(WORDS if self._explained else "")

    def _finish(self) -> None:
        self._busy = False
        if self._outdated:
            self._update()
