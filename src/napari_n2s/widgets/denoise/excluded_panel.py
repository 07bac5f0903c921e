"""The findings about an image, and a labels layer of the pixels excluded from the training."""

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
from napari_n2s.preparation.sampling import MAX_TRAINING_VALUES
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

SHOW, SEARCHING = "Show excluded pixels", "Searching …"
SETTINGS = "Excluded pixels: see the settings outliers and constant areas under Advanced."
TOOLTIP = (
    "Adds a labels layer of the pixels that are excluded from the training: orange (1) outliers "
    "such as hot pixels; blue (2) areas of exactly one value; yellow (3) single pixels that are "
    "either outliers or spots; pink (4) NaN or infinite. Of a large image it shows the slice in "
    "view. How they are treated is set by outliers and constant areas under Advanced."
)
NAME = "n2s excluded"
LABELS: dict[str, str] = {
    "signal": "transparent",
    "outlier": "#ff6a13",
    "constant area": "#56b4e9",
    "outlier or spot": "#f0e442",
    "NaN or infinite": "#dc6bb5",
}
"""Meaning and colour of each label from 0 on; the colours are safe for the colour-blind."""
NO_MEMORY = "There is not enough memory to search the whole image; close other images first."


class ExcludedPanel:
    """Shows the findings about the image of a training, and offers a map of its excluded pixels.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    button : QPushButton
        Adds the map; visible while that image is chosen, if pixels of it were excluded.
    show_findings : callable
        Shows sentences while the network trains.
    chosen : callable
        Gives the image layer that is chosen, or None.
    """

    def __init__(
        self,
        viewer: Viewer,
        button: QPushButton,
        show_findings: Callable[[Sequence[str]], None],
        chosen: Callable[[], Image | None],
    ) -> None:
        self._viewer, self._button, self._chosen = viewer, button, chosen
        self._show_findings = show_findings
        self._asked: tuple[Request, Settings] | None = None
        button.clicked.connect(self._search)
        button.hide()

    def report(
        self, request: Request, settings: Settings, findings: tuple[str, ...], excluded: bool
    ) -> None:
        """Show the findings about a request's image, and the button if pixels were excluded."""
        chosen = request.source is self._chosen()
        self._show_findings(findings + (SETTINGS,) * excluded if chosen else ())
        if not excluded:
            self.end()
        elif not self._asked or self._asked[0] is not request:
            self._asked = request, settings
            self._button.setVisible(chosen)

    def reconsider(self, _: object = None) -> None:
        """Show the button only while that image is chosen and unchanged."""
        if self._asked and not layers.is_there(self._viewer, self._source):
            self.end()
        self._button.setVisible(self._is_current and self._source is self._chosen())

    def end(self) -> None:
        """Hide the button, and release the image."""
        self._reset_button()
        self._asked = None
        self._button.hide()

    @property
    def _source(self) -> Any:
        return self._asked[0].source if self._asked else None

    @property
    def _is_current(self) -> bool:
        there = self._asked and layers.is_there(self._viewer, self._source)
        return bool(there and self._asked and self._asked[0].is_current)

    def _search(self) -> None:
        if not self._asked or not self._is_current:
            self.end()
            return
        request, settings = self._asked
        box = self._box(request)
        self._button.setEnabled(False)
        self._button.setText(SEARCHING)
        worker = _find(request.image, request.axes, box, settings)
        worker.returned.connect(lambda found: self._show(request, box, found))
        worker.finished.connect(self._reset_button)
        worker.start()

    def _box(self, request: Request) -> Box:
        """Return the whole image, or the part in view of one that takes long to search."""
        whole = tuple(slice(0, size) for size in request.image.shape)
        if prod(request.image.shape) <= MAX_TRAINING_VALUES:
            return whole
        box = slice_in_view(self._viewer, request.source)
        if prod(side.stop - side.start for side in box) <= MAX_TRAINING_VALUES:
            return box
        return part_in_view(self._viewer, request.source)

    def _show(self, request: Request, box: Box, found: NDArray | str) -> None:
        if isinstance(found, str):
            show_error(found)
        elif self._asked and self._asked[0] is request and self._is_current:
            labels = found.max(-1) if request.source.rgb else found
            corner = [side.start for side in box[: request.source.ndim]]
            layers.show_labels(self._viewer, request.source, labels, NAME, corner, _appearance())

    def _reset_button(self) -> None:
        if self._asked:  # else the dock may be deleted
            self._button.setEnabled(True)
            self._button.setText(SHOW)


def _appearance() -> dict[str, Any]:
    """Return the colours of the labels, and their meaning for the status bar."""
    colours: dict[int | None, str] = {None: "transparent", **dict(enumerate(LABELS.values()))}
    return {
        "colormap": DirectLabelColormap(color_dict=colours),
        "features": {"index": range(len(LABELS)), "pixel": list(LABELS)},
        "opacity": 1,
    }


@in_background
def _find(image: Any, axes: str, box: Box, settings: Settings) -> NDArray | str:
    """Find the excluded pixels in a part of an image, or explain why that fails."""
    try:
        return find_excluded(read_box(image, box), axes, settings)
    except N2SError as error:
        return str(error)
    except MemoryError:
        return NO_MEMORY
