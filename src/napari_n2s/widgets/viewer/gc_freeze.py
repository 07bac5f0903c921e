"""Garbage collection that leaves the window alone while something is worked on."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_n2s.widgets.viewer import layers

if TYPE_CHECKING:
    from napari.viewer import Viewer


class GcFreeze:
    """Has the collector leave aside what was there when a work began.

    A full collection walks through all of napari and stops the window for a tenth of a second. But
    when a layer goes, napari collects on purpose: what draws it must be gone before the next one.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._unfollow: Callable[[], None] | None = None

    def begin(self) -> None:
        """Leave aside what is there."""
        self._unfollow = layers.follow_removal(self._viewer, self._thaw, self._freeze)
        self._freeze()

    def end(self) -> None:
        """Leave nothing aside any more."""
        if self._unfollow:
            self._unfollow()
        self._thaw()

    def _freeze(self, _: object = None) -> None:
        gc.freeze()

    def _thaw(self, _: object = None) -> None:
        gc.unfreeze()
