"""A labels layer that shows which pixels of an image were not learnt from, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from napari.utils.colormaps import DirectLabelColormap
from napari.utils.notifications import show_error
from qtpy.QtWidgets import QPushButton

from napari_n2s.core.errors import N2SError
from napari_n2s.exclusion.find import find_excluded
from napari_n2s.images.sources import read_box
from napari_n2s.preparation.sampling import ENOUGH
from napari_n2s.widgets.viewer import layers
from napari_n2s.widgets.viewer.regions import part_in_view, slice_in_view
from napari_n2s.widgets.worker import in_background

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_n2s.core.settings import Settings
    from napari_n2s.images.sources import Box
    from napari_n2s.widgets.request import Request

SHOW, LOOKING = "Show what was set apart", "Looking …"
WHERE = "What becomes of pixels that are set apart: see outliers and constant areas under Advanced."
WORDS = (
    "Adds a labels layer that says which pixels are not learnt from: orange, 1, outliers such as "
    "hot pixels; blue, 2, areas of exactly one value; yellow, 3, single pixels that are outliers "
    "or spots; pink, 4, NaN or infinite. Of a large image it shows the picture in view. What "
    "becomes of such pixels is set by outliers and constant areas under Advanced."
)
NAME = "n2s set apart"
PIXELS: dict[str, str] = {
    "signal": "transparent",
    "outlier": "#ff6a13",
    "constant area": "#56b4e9",
    "outlier or spot": "#f0e442",
    "NaN or infinite": "#dc6bb5",
}
"""What the numbers from 0 on say of a pixel, in colours that the colour-blind can tell apart."""
NO_MEMORY = "Memory is too short to look at the image as a whole; close other images first."


class ExcludedPanel:
    """Says what was found in the image of a training, and offers to show what was set apart there.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    button : QPushButton
        It is shown when there is something to show, while that image is chosen.
    say : callable
        Shows sentences while it trains.
    chosen : callable
        Gives the image layer that is chosen, if any.
    """

    def __init__(
        self,
        viewer: Viewer,
        button: QPushButton,
        say: Callable[[Sequence[str]], None],
        chosen: Callable[[], Image | None],
    ) -> None:
        self._viewer, self._button, self._say, self._chosen = viewer, button, say, chosen
        self._asked: tuple[Request, Settings] | None = None
        button.clicked.connect(self._look)
        button.hide()

    def tell(
        self, order: Request, settings: Settings, findings: tuple[str, ...], set_apart: bool
    ) -> None:
        """Say what was found in the image of an order, and whether pixels were set apart."""
        chosen = order.source is self._chosen()
        self._say(findings + (WHERE,) * set_apart if chosen else ())
        if not set_apart:
            self.end()
        elif not self._asked or self._asked[0] is not order:
            self._asked = order, settings
            self._button.setVisible(chosen)

    def reconsider(self, _: object = None) -> None:
        """Offer it only while that image is chosen, and as it was."""
        if self._asked and not layers.is_there(self._viewer, self._source):
            self.end()
        self._button.setVisible(self._stands and self._source is self._chosen())

    def end(self) -> None:
        """Offer nothing, and let go of the image."""
        self._rest()
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

    def _box(self, order: Request) -> Box:
        """Take the whole image, or as much of it as is looked at in a moment."""
        whole = tuple(slice(0, size) for size in order.image.shape)
        if prod(order.image.shape) <= ENOUGH:
            return whole
        box = slice_in_view(self._viewer, order.source)
        if prod(side.stop - side.start for side in box) <= ENOUGH:
            return box
        return part_in_view(self._viewer, order.source)

    def _show(self, order: Request, box: Box, found: NDArray | str) -> None:
        if isinstance(found, str):
            show_error(found)
        elif self._asked and self._asked[0] is order and self._stands:
            kinds = found.max(-1) if order.source.rgb else found
            corner = [side.start for side in box[: order.source.ndim]]
            layers.show_labels(self._viewer, order.source, kinds, NAME, corner, _appearance())

    def _rest(self) -> None:
        if self._asked:  # else the dock may be gone
            self._button.setEnabled(True)
            self._button.setText(SHOW)


def _appearance() -> dict[str, Any]:
    """Give the labels their colours, and what napari says of each under the pointer."""
    colours: dict[int | None, str] = {None: "transparent", **dict(enumerate(PIXELS.values()))}
    return {
        "colormap": DirectLabelColormap(color_dict=colours),
        "features": {"index": range(len(PIXELS)), "pixel": list(PIXELS)},
        "opacity": 1,
    }


@in_background
def _find(image: Any, axes: str, box: Box, settings: Settings) -> NDArray | str:
    """Find what is set apart in a part of an image, or say why that cannot be."""
    try:
        return find_excluded(read_box(image, box), axes, settings)
    except N2SError as error:
        return str(error)
    except MemoryError:
        return NO_MEMORY
