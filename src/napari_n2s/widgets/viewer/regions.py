"""Parts of an image layer: the part in view, and the part that a shapes layer outlines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_n2s.core.errors import ImageError
from napari_n2s.widgets.viewer import layer_data
from napari_n2s.widgets.viewer.units import to_data

if TYPE_CHECKING:
    from napari.layers import Image, Shapes
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_n2s.images.sources import Box

SIDE = 512
"""Largest side of a preview along Y and X, in pixels."""
SMALLEST = 16
"""Smallest side along Y and X of a part that a network can be trained on, in pixels."""


def camera(viewer: Viewer) -> Any:
    """Return the camera, which is an attribute of `viewer.scene` from napari 0.9 on."""
    return getattr(viewer, "scene", viewer).camera


def _in_view(viewer: Viewer, layer: Image, point: Sequence[float]) -> NDArray:
    """Convert a point of the viewer to data coordinates; before napari 0.7 it has no units."""
    return to_data(layer, point, getattr(viewer.dims, "units", None))


def slice_in_view(viewer: Viewer, layer: Image) -> Box:
    """Return the slice of a layer in view: whole along Y, X, C and S, one entry elsewhere."""
    here = _in_view(viewer, layer, viewer.dims.point)
    box = []
    for axis, (letter, size) in enumerate(
        zip(layer_data.axes(layer), layer_data.pixels(layer).shape, strict=True)
    ):
        at = None if letter in "YXCS" else min(max(0, round(here[axis])), size - 1)
        box.append(slice(0, size) if at is None else slice(at, at + 1))
    return tuple(box)


def part_in_view(viewer: Viewer, layer: Image) -> Box:
    """Crop the slice in view to the size of a preview, around the centre of the view."""
    point = list(viewer.dims.point)
    shown, centre = viewer.dims.displayed, camera(viewer).center
    for axis, at in zip(shown[::-1], centre[::-1], strict=False):  # 2 or 3 axes, 3 coordinates
        point[axis] = at
    middle = _in_view(viewer, layer, point)
    box = list(slice_in_view(viewer, layer))
    for axis, letter in enumerate(layer_data.axes(layer)):
        if letter in "YX":
            side = min(box[axis].stop, SIDE)
            start = min(max(0, round(middle[axis]) - side // 2), box[axis].stop - side)
            box[axis] = slice(start, start + side)
    return tuple(box)


def drawn(shapes: Shapes, layer: Image) -> Box:
    """Return the bounding rectangle of all shapes in a shapes layer, over all slices and frames.

    Raises
    ------
    ImageError
        If there are no shapes, or too few pixels of the image lie within them.
    """
    if not shapes.data:
        raise ImageError(
            f"Nothing is drawn in {shapes.name}; draw a rectangle, or train on the whole image."
        )
    letters, shape = layer_data.axes(layer), layer_data.pixels(layer).shape
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
                f"The rectangle around {shapes.name} has fewer than {SMALLEST} pixels of the image "
                "along one side; draw a larger rectangle."
            )
    return tuple(box)
