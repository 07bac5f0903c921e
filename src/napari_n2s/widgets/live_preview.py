"""The layer that shows previews while a network trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_n2s.widgets.viewer import layers, regions

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.core.progress import Preview
    from napari_n2s.images.sources import Box
    from napari_n2s.widgets.request import Request


class LivePreview:
    """Shows the previews of one training in a layer, until the user deletes it.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    request : Request
    name : str
        Label of that layer.

    Attributes
    ----------
    layer : Image or None
        The layer; None before the first preview.
    wanted : bool
        Whether previews are still to be shown.
    """

    def __init__(self, viewer: Viewer, request: Request, name: str = layers.PREVIEW_NAME) -> None:
        self._viewer, self._request, self._name = viewer, request, name
        self.wanted = True
        self.layer: Image | None = None

    def show(self, preview: Preview) -> None:
        """Show a preview; none are shown any more once its layer or the source is deleted."""
        if self.wanted:
            source = self._request.source
            self.layer = layers.show_preview(self._viewer, source, preview, self.layer, self._name)
            self.wanted = self.layer is not None

    def take_over(self, other: LivePreview | None) -> None:
        """Use the layer of another live preview from now on, if it shows the same image."""
        if not other:
            return
        layer, same_source = other.layer, other._request.source is self._request.source
        if layer and same_source and layers.is_there(self._viewer, layer):
            self.layer = layer
            layers.take_over(self._viewer, self._request.source, layer, self._name)
        else:
            other.end(becomes_result=False)

    def view(self) -> Box | None:
        """Return the part to preview; None if the source was changed or no preview is wanted."""
        source = self._request.source
        there = self.wanted and layers.is_there(self._viewer, source)
        if there and self._request.is_current:
            return regions.part_in_view(self._viewer, source)
        return None

    def lift(self) -> None:
        """Move the layer to the top, if there is one."""
        if layers.is_there(self._viewer, self.layer):
            layers.lift(self._viewer, self._request.source, self.layer)

    def end(self, becomes_result: bool) -> Image | None:
        """Show no more previews; return the layer if it becomes the result, else remove it."""
        self.wanted = False
        if self.layer and not becomes_result:
            layers.remove(self._viewer, self.layer)
            self.layer = None
        return self.layer
