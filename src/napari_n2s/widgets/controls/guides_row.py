"""The row that selects guides: other layers of the same field as inputs of the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu, QPushButton

from napari_n2s.core.errors import ImageError
from napari_n2s.images.guides import Guides
from napari_n2s.widgets.viewer import layer_data, layers

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

NONE, NO_LAYER = "none", "no other image layer fits this one"
WORDS = (
    "Other layers of the same field that are inputs of the network and are not predicted, such as "
    "a clean channel or a transmitted-light image. Their noise must be independent of the image's: "
    "nothing computed from the image may be a guide."
)
MAX_CHARACTERS = 24
"""Characters of the names of guides that the button shows."""


class GuidesRow(QPushButton):
    """A button with a menu in which any number of layers can be ticked.

    Parameters
    ----------
    candidates : callable
        Lists the layers that may be guides.

    Signals
    -------
    changed
        Other layers are ticked.
    """

    changed = Signal()

    def __init__(self, candidates: Callable[[], list[Image]]) -> None:
        super().__init__()
        self.setStyleSheet("text-align: left")
        self._candidates = candidates
        self._chosen: list[Image] = []
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.setMenu(self._menu)
        self._update_text()

    def reset_choices(self, _: object = None) -> None:
        """Untick layers that were removed or no longer fit."""
        if self._chosen:
            there = self._candidates()
            self._chosen = [each for each in self._chosen if each in there]
        self._update_text()

    def clear(self, _: object = None) -> None:
        """Untick all layers, since guides belong to one image."""
        self._chosen = []
        self._update_text()

    def pixels(self) -> tuple[Any, ...]:
        """Return the pixels of the ticked layers."""
        return tuple(layer_data.pixels(each) for each in self._chosen)

    def tick(self, layer: Image, ticked: bool) -> None:
        """Tick or untick a layer."""
        self._chosen = [each for each in self._chosen if each is not layer] + [layer] * ticked
        self._update_text()
        self.changed.emit()

    def _fill_menu(self) -> None:
        self._menu.clear()
        for layer in (there := self._candidates()):
            action = self._menu.addAction(layer.name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(layer in self._chosen)
            action.toggled.connect(lambda ticked, layer=layer: self.tick(layer, ticked))
        if not there:
            self._menu.addAction(NO_LAYER).setEnabled(False)

    def _update_text(self) -> None:
        names = ", ".join(each.name for each in self._chosen)
        text = names if len(names) <= MAX_CHARACTERS else f"{names[:MAX_CHARACTERS]}…"
        self.setText(text.replace("&", "&&") or NONE)
        self.setToolTip(f"{WORDS} Ticked: {names}." if names else WORDS)


def candidates(viewer: Viewer, source: Image | None) -> list[Image]:
    """List the layers that may be guides of an image: of a size that fits, and no results."""
    if source is None:
        return []
    return [
        each
        for each in layers.image_layers(viewer)
        if each is not source and layers.ACCOUNT not in each.metadata and _fits(each, source)
    ]


def _fits(layer: Image, source: Image) -> bool:
    try:
        Guides([layer_data.pixels(layer)], layer_data.pixels(source).shape, layer_data.axes(source))
    except ImageError:
        return False
    return True
