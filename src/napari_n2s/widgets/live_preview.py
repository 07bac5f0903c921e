"""The layer that shows the picture in the making."""

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
    """Shows the previews of one training, as long as the user leaves them their layer.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    order : Request
    name : str
        Of their layer.

    Attributes
    ----------
    layer : Image or None
        The layer, once there was something to show.
    wanted : bool
        Whether nobody has deleted it.
    """

    def __init__(self, viewer: Viewer, order: Request, name: str = layers.PREVIEW_NAME) -> None:
        self._viewer, self._order, self._name = viewer, order, name
        self.wanted = True
        self.layer: Image | None = None

    def show(self, preview: Preview) -> None:
        """Show a preview; if its layer or the source was deleted, nobody wants any more of them."""
        if self.wanted:
            source = self._order.source
            self.layer = layers.show_preview(self._viewer, source, preview, self.layer, self._name)
            self.wanted = self.layer is not None

    def take_over(self, other: LivePreview | None) -> None:
        """Show what comes in the layer of another, if that shows the same image."""
        if not other:
            return
        layer, same = other.layer, other._order.source is self._order.source
        if layer and same and layers.is_there(self._viewer, layer):
            self.layer = layer
            layers.take_over(self._viewer, self._order.source, layer, self._name)
        else:
            other.end(becomes_result=False)

    def view(self) -> Box | None:
        """Say what part to show, if the source still holds the image and it is wanted."""
        source = self._order.source
        there = self.wanted and layers.is_there(self._viewer, source)
        if there and self._order.stands:
            return regions.part_in_view(self._viewer, source)
        return None

    def lift(self) -> None:
        """Put the layer on top, if there is one."""
        if layers.is_there(self._viewer, self.layer):
            layers.lift(self._viewer, self._order.source, self.layer)

    def end(self, becomes_result: bool) -> Image | None:
        """Hand the layer over to be the result, or take it away; show nothing any more."""
        self.wanted = False
        if self.layer and not becomes_result:
            layers.remove(self._viewer, self.layer)
            self.layer = None
        return self.layer
