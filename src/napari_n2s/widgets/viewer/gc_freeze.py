"""Garbage collection that does not stop the window while something is computed."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_n2s.widgets.viewer import layers

if TYPE_CHECKING:
    from napari.viewer import Viewer


class GcFreeze:
    """Exempts the objects that exist when a computation begins from garbage collection.

    A full collection walks through all of napari and stops the window for a tenth of a second. But
    when a layer is removed, napari collects on purpose: its visuals must be gone before the next
    drawing. So the objects are released for the time of a removal.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._unfollow: Callable[[], None] | None = None

    def begin(self) -> None:
        """Exempt all objects that exist."""
        self._unfollow = layers.follow_removal(self._viewer, self._thaw, self._freeze)
        self._freeze()

    def end(self) -> None:
        """Collect all objects again; nothing happens if they are not exempt."""
        if self._unfollow:
            self._unfollow()
            self._unfollow = None
        self._thaw()

    def _freeze(self, _: object = None) -> None:
        gc.freeze()

    def _thaw(self, _: object = None) -> None:
        gc.unfreeze()
