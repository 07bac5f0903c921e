"""Placement and appearance that a layer takes over from its source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.transforms import Affine

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray

PLACE = ("scale", "rotate", "shear", "affine", "units", "axis_labels")
LOOK = ("opacity", "contrast_limits", "gamma", "interpolation2d", "interpolation3d")
"""Attributes that a result takes over from its source unchanged; `translate` is computed."""

MIXING, COVERING = ("additive", "minimum", "multiplicative"), "translucent"
"""Blending modes in which the noisy image is seen through a result, and one that covers it."""


def mixes(source: Image) -> bool:
    """Whether a layer above a source, blended in the same way, would be seen mixed with it."""
    return source.blending in MIXING


def appearance(source: Image) -> dict[str, Any]:
    """Return the appearance of a layer that covers its source and looks like it."""
    look = {name: getattr(source, name) for name in LOOK}
    if not source.rgb:
        look["colormap"] = source.colormap
    return look | {"blending": COVERING if mixes(source) else source.blending}


def placement(
    source: Image, corner: Sequence[float], stretch: Sequence[int] | int = 1
) -> dict[str, Any]:
    """Return the placement of a layer that shows a part of its source.

    Parameters
    ----------
    source : Image
    corner : sequence of float
        Position in the source's pixels of the centre of the part's first pixel.
    stretch : int or sequence of int
        Number of pixels of the source that one pixel of the part takes up along each axis.
    """
    turn = Affine(scale=source.scale, rotate=source.rotate, shear=source.shear)
    moved = source.translate + turn.linear_matrix @ corner
    place = {name: getattr(source, name) for name in PLACE}
    return place | {"translate": moved, "scale": source.scale * stretch}


def take(layer: Image, wanted: dict[str, Any]) -> None:
    """Set attributes of a layer, only those that differ: each change redraws the layer."""
    for name, value in wanted.items():
        if not _same(getattr(layer, name), value):
            setattr(layer, name, value)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Affine):
        return np.array_equal(one.affine_matrix, other.affine_matrix)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    return bool(one == other)


def covers(image: NDArray, source: Image, shape: tuple[int, ...], stretch: Sequence[int]) -> bool:
    """Whether an image covers all pixels of a layer with data of the given shape."""
    size = np.multiply(image.shape[: source.ndim], stretch)
    return np.array_equal(size, shape[: source.ndim])
