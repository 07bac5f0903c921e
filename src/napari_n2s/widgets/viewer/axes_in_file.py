"""The axes that a layer's file declares, read without making the window wait."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from napari_n2s.io.file_axes import file_stamp, read_axes

if TYPE_CHECKING:
    from napari.layers import Image

    Shape = tuple[int, ...]

MAX_WAIT = 0.25
"""Seconds that the window waits for the axes in a file. Most files take a few milliseconds; to
list a TIFF file of 20,000 pages took 0.8 s from a local disk, and it takes minutes from a slow
network."""


class AxesReading:
    """Reads the axes that a file declares for an image, in a background thread.

    Parameters
    ----------
    path : str
        A TIFF file or an OME-Zarr folder.
    shape : tuple of int
        Shape of the image.

    Attributes
    ----------
    letters : str or None
        One letter for each axis; None if the file does not declare them, or is still being read.
    """

    def __init__(self, path: str, shape: Shape) -> None:
        self.letters: str | None = None
        self._ended = Event()
        Thread(target=self._read, args=(Path(path), shape), daemon=True).start()
        self._ended.wait(MAX_WAIT)

    @property
    def ended(self) -> bool:
        """Whether the file has been read."""
        return self._ended.is_set()

    def _read(self, path: Path, shape: Shape) -> None:
        try:
            self.letters = read_axes(path, shape)
        finally:
            self._ended.set()


_readings: WeakKeyDictionary[Image, tuple[Shape, AxesReading]] = WeakKeyDictionary()
"""What was read for each layer: its pixels stay those of the file as it was when it was opened."""


def axes_in_file(layer: Image, shape: Shape) -> str | None:
    """Return the axes that a layer's file declares for an image of a shape, as far as known.

    Returns
    -------
    str or None
        One letter for each axis; None without a file, if it does not declare them, or while it is
        being read, which `is_being_read` tells.
    """
    path = layer.source.path
    if not path:
        return None
    known = _readings.get(layer)
    if known is None or known[0] != shape:
        known = shape, _reading(path, shape, file_stamp(Path(path)))
        _readings[layer] = known
    return known[1].letters


def is_being_read(layer: Image) -> bool:
    """Whether the axes in a layer's file are asked for and not yet known."""
    known = _readings.get(layer)
    return known is not None and not known[1].ended


@lru_cache
def _reading(path: str, shape: Shape, version: object) -> AxesReading:
    """Read a version of a file once for all layers that were made from it, as for channels."""
    return AxesReading(path, shape)
