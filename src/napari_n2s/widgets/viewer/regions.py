"""Parts of an image layer: what is in view, and what a user has drawn around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_n2s.core.errors import ImageError
from napari_n2s.widgets.viewer import layers
from napari_n2s.widgets.viewer.units import to_data

if TYPE_CHECKING:
    from napari.layers import Image, Shapes
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_n2s.images.sources import Box

SIDE = 512
"""Most pixels along Y and X that a preview shows."""
SMALLEST = 16
"""Pixels along Y and X that can be learnt from, at least."""


def camera(viewer: Viewer) -> Any:
    """Give the camera, which napari 0.9 has moved."""
    return getattr(viewer, "scene", viewer).camera


def _in_view(viewer: Viewer, layer: Image, point: Sequence[float]) -> NDArray:
    """Find where in a layer's data a point of the viewer is; before napari 0.7 it has no units."""
    return to_data(layer, point, getattr(viewer.dims, "units", None))


def slice_in_view(viewer: Viewer, layer: Image) -> Box:
    """Find the picture of a layer that is on the screen."""
    here = _in_view(viewer, layer, viewer.dims.point)
    box = []
    for axis, (letter, size) in enumerate(
        zip(layers.axes(layer), layers.pixels(layer).shape, strict=True)
    ):
        at = None if letter in "YXCS" else min(max(0, round(here[axis])), size - 1)
        box.append(slice(0, size) if at is None else slice(at, at + 1))
    return tuple(box)


def part_in_view(viewer: Viewer, layer: Image) -> Box:
    """Cut the slice in view to what a preview shows, around the middle of the view."""
    point = list(viewer.dims.point)
    shown, centre = viewer.dims.displayed, camera(viewer).center
    for axis, at in zip(shown[::-1], centre[::-1], strict=False):  # two, or three, of three
        point[axis] = at
    middle = _in_view(viewer, layer, point)
    box = list(slice_in_view(viewer, layer))
    for axis, letter in enumerate(layers.axes(layer)):
        if letter in "YX":
            side = min(box[axis].stop, SIDE)
            start = min(max(0, round(middle[axis]) - side // 2), box[axis].stop - side)
            box[axis] = slice(start, start + side)
    return tuple(box)


def drawn(shapes: Shapes, layer: Image) -> Box:
    """Find the rectangle around everything that is drawn in a shapes layer, in all pictures.

    Raises
    ------
    ImageError
        If there is nothing, or too little of the image in it.
    """
    if not shapes.data:
        raise ImageError(
            f"Nothing is drawn in {shapes.name}; draw a rectangle, or learn from the whole image."
        )
    letters, shape = layers.axes(layer), layers.pixels(layer).shape
    corners = np.array(
        [
            to_data(layer, shapes.data_to_world(corner), shapes.units)
            for outline in shapes.data
            for corner in outline
        ]
    )
    box = [slice(0, size) for size in shape]
    for axis in (letters.index(letter) for letter in "YX"):
        low, high = np.round(corners[:, axis].min()), np.round(corners[:, axis].max())
        box[axis] = slice(max(0, int(low)), min(shape[axis], int(high) + 1))
        if box[axis].stop - box[axis].start < SMALLEST:
            raise ImageError(
                f"What is drawn in {shapes.name} holds less than {SMALLEST} pixels of the image "
                "along one side; draw a larger rectangle."
            )
    return tuple(box)
