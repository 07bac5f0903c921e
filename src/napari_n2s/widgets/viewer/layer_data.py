"""The data of an image layer: its pixels, and the meaning of their axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from napari_n2s.images.axes import parse_axes, unknown_axes
from napari_n2s.widgets.viewer.axes_in_file import axes_in_file
from napari_n2s.widgets.viewer.units import ratio

if TYPE_CHECKING:
    from napari.layers import Image

LETTERS = {
    **{letter: letter.upper() for letter in "tzcyx"},
    "time": "T", "frame": "T", "depth": "Z", "slice": "Z", "channel": "C", "channels": "C",
}  # fmt: skip
"""Axis labels with a known meaning; any other axis counts images of the same kind."""
COUNTED = {"T": "frame", "Z": "slice", "Q": "image", "C": "channel", "S": "colour"}
"""What one entry along an axis is called."""

_corrected: WeakKeyDictionary[Image, str] = WeakKeyDictionary()
"""Axes that the user has typed for layers."""


def pixels(layer: Image) -> Any:
    """Return a layer's data; of a multiscale layer, that of full resolution."""
    return layer.data[0] if layer.multiscale else layer.data


def correct_axes(layer: Image, letters: str) -> None:
    """Take the axes of a layer from the user.

    Raises
    ------
    ImageError
        If the letters cannot be the axes of that image.
    """
    parse_axes(pixels(layer).shape, letters)
    _corrected[layer] = letters


def axes(layer: Image) -> str:
    """Return one letter for each axis of a layer's pixels.

    They are taken from the user's correction, else from axis labels among which Y and X are, else
    from the layer's file, else guessed from the number of axes.
    """
    typed = _corrected.get(layer, "")
    if len(typed) == pixels(layer).ndim:
        return typed
    labels = [str(label).lower() for label in layer.axis_labels]
    if labels.count("y") == labels.count("x") == 1:
        known = [LETTERS.get(label) for label in labels]
        others = iter(unknown_axes(known.count(None)))
        return "".join(letter or next(others) for letter in known) + "S" * layer.rgb
    guessed = unknown_axes(layer.ndim - 2) + "YX" + "S" * layer.rgb
    return axes_in_file(layer, pixels(layer).shape) or guessed


def slice_distance(layer: Image) -> float:
    """Return the distance between slices along Z, in pixels along Y."""
    z, y = (axes(layer).index(letter) for letter in "ZY")
    one = ratio(layer.units[z], layer.units[y])
    return float(abs(layer.scale[z] * one / layer.scale[y]))


def describe(layer: Image) -> str:
    """Describe the meaning of the axes, the size and the data type in words."""
    data, letters = pixels(layer), axes(layer)
    counted = [
        f"{size} {COUNTED[letter]}{'s' * (size != 1)}"
        for letter, size in zip(letters, data.shape, strict=True)
        if letter in COUNTED
    ]
    height, width = (data.shape[letters.index(letter)] for letter in "YX")
    return ", ".join([*counted, f"{height} × {width} pixels", str(data.dtype)])
