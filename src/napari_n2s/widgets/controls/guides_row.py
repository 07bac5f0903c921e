"""The row that says which other layers the network sees besides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu, QPushButton

from napari_n2s.core.errors import ImageError
from napari_n2s.images.guides import Guides
from napari_n2s.widgets.viewer import layers

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

NONE, NO_LAYER = "none", "no other image layer fits this one"
WORDS = (
    "Other layers of the same field that the network sees and does not predict: a clean channel, a "
    "transmitted-light image. Their noise must not be the image's, as it is in anything made from "
    "it."
)
WIDEST = 24
"""Letters of names that are shown."""


class GuidesRow(QPushButton):
    """A button with a menu of layers, of which any number may be ticked.

    Parameters
    ----------
    candidates : callable
        List the layers that fit.

    Signals
    -------
    changed
        Others are ticked.
    """

    changed = Signal()

    def __init__(self, candidates: Callable[[], list[Image]]) -> None:
        super().__init__()
        self.setStyleSheet("text-align: left")
        self._candidates = candidates
        self._chosen: list[Image] = []
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill)
        self.setMenu(self._menu)
        self._say()

    def reset_choices(self, _: object = None) -> None:
        """Let go of layers that are not there any more, or do not fit."""
        if self._chosen:
            there = self._candidates()
            self._chosen = [each for each in self._chosen if each in there]
        self._say()

    def clear(self, _: object = None) -> None:
        """Take none: another image has other guides."""
        self._chosen = []
        self._say()

    def pixels(self) -> tuple[Any, ...]:
        """Give what the ticked layers hold."""
        return tuple(layers.pixels(each) for each in self._chosen)

    def tick(self, layer: Image, ticked: bool) -> None:
        """Take a layer, or leave it out."""
        self._chosen = [each for each in self._chosen if each is not layer] + [layer] * ticked
        self._say()
        self.changed.emit()

    def _fill(self) -> None:
        self._menu.clear()
        for layer in (there := self._candidates()):
            action = self._menu.addAction(layer.name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(layer in self._chosen)
            action.toggled.connect(lambda ticked, layer=layer: self.tick(layer, ticked))
        if not there:
            self._menu.addAction(NO_LAYER).setEnabled(False)

    def _say(self) -> None:
        names = ", ".join(each.name for each in self._chosen)
        text = names if len(names) <= WIDEST else f"{names[:WIDEST]}…"
        self.setText(text.replace("&", "&&") or NONE)
        self.setToolTip(f"{WORDS} Ticked: {names}." if names else WORDS)


def candidates(viewer: Viewer, source: Image | None) -> list[Image]:
    """List the layers that may be guides of one: of a size that fits, and not denoised."""
    if source is None:
        return []
    return [
        each
        for each in layers.image_layers(viewer)
        if each is not source and layers.ACCOUNT not in each.metadata and _fits(each, source)
    ]


def _fits(layer: Image, source: Image) -> bool:
    try:
        Guides([layers.pixels(layer)], layers.pixels(source).shape, layers.axes(source))
    except ImageError:
        return False
    return True
