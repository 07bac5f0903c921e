"""A labels layer that shows which pixels of an image were not learnt from, and why."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QPushButton

from napari_n2s.docks import layers
from napari_n2s.docks.regions import part_in_view, slice_in_view
from napari_n2s.docks.worker import in_background
from napari_n2s.ideas.errors import N2SError
from napari_n2s.ideas.image import read_box
from napari_n2s.work.load import give_way
from napari_n2s.work.pieces import ENOUGH
from napari_n2s.work.set_apart import find_excluded

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_n2s.docks.orders import Order
    from napari_n2s.ideas.image import Box
    from napari_n2s.ideas.settings import Settings

SHOW, LOOKING = "Show what was set apart", "Looking …"
WHERE = "What becomes of pixels that are set apart: see outliers and constant areas under Advanced."
WORDS = (
    "Adds a labels layer that says which pixels are not learnt from: orange, 1, outliers such as "
    "hot pixels; blue, 2, areas of exactly one value; yellow, 3, single pixels that are outliers "
    "or spots; pink, 4, NaN or infinite. Of a large image it shows the picture in view. What "
    "becomes of such pixels is set by outliers and constant areas under Advanced."
)
NO_MEMORY = "Memory is too short to look at the image as a whole; close other images first."


class SetApart:
    """Offers to show what was set apart in the image of a training, while that is chosen.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    button : QPushButton
        It is shown when there is something to show.
    """

    def __init__(self, viewer: Viewer, button: QPushButton) -> None:
        self._viewer, self._button = viewer, button
        self._asked: tuple[Order, Settings] | None = None
        button.clicked.connect(self._look)
        button.hide()

    def offer(self, order: Order, settings: Settings) -> None:
        """Offer to show what these settings set apart in the image of an order."""
        if not self._asked or self._asked[0] is not order:
            self._asked = order, settings
            self._button.show()

    def reconsider(self, chosen: Any) -> None:
        """Offer it only while that image is chosen, and as it was."""
        self._button.setVisible(bool(self._asked and self._stands and self._source is chosen))

    def end(self) -> None:
        """Offer nothing, and let go of the image."""
        self._asked = None
        self._button.hide()

    @property
    def _source(self) -> Any:
        return self._asked[0].source if self._asked else None

    @property
    def _stands(self) -> bool:
        there = self._asked and layers.is_there(self._viewer, self._source)
        return bool(there and self._asked and self._asked[0].stands)

    def _look(self) -> None:
        if not self._asked or not self._stands:
            self.end()
            return
        order, settings = self._asked
        box = self._box(order)
        self._button.setEnabled(False)
        self._button.setText(LOOKING)
        worker = _find(order.image, order.axes, box, settings)
        worker.returned.connect(lambda found: self._show(order, box, found))
        worker.finished.connect(self._rest)
        worker.start()

    def _box(self, order: Order) -> Box:
        """Take the whole image, or as much of it as is looked at in a moment."""
        whole = tuple(slice(0, size) for size in order.image.shape)
        if prod(order.image.shape) <= ENOUGH:
            return whole
        box = slice_in_view(self._viewer, order.source)
        if prod(side.stop - side.start for side in box) <= ENOUGH:
            return box
        return part_in_view(self._viewer, order.source)

    def _show(self, order: Order, box: Box, found: NDArray | str) -> None:
        if isinstance(found, str):
            show_error(found)
        elif self._asked and self._asked[0] is order and self._stands:
            kinds = found.max(-1) if order.source.rgb else found
            corner = [side.start for side in box[: order.source.ndim]]
            layers.show_set_apart(self._viewer, order.source, kinds, corner)

    def _rest(self) -> None:
        self._button.setEnabled(True)
        self._button.setText(SHOW)


@in_background
def _find(image: Any, axes: str, box: Box, settings: Settings) -> NDArray | str:
    """Find what is set apart in a part of an image, or say why that cannot be."""
    give_way()
    try:
        return find_excluded(read_box(image, box), axes, settings)
    except N2SError as error:
        return str(error)
    except MemoryError:
        return NO_MEMORY
