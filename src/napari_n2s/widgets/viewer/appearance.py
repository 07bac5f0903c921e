"""How a layer lies exactly on its source, and looks like it."""

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
"""What a result takes over from its source as it is; it is moved to its place besides."""

MIXING, COVERING = ("additive", "minimum", "multiplicative"), "translucent"
"""How layers blend with what is below them: through these, one would still see the noisy image."""


def mixes(source: Image) -> bool:
    """Whether what lies on a layer, and looks like it, would be seen mixed with it."""
    return source.blending in MIXING


def appearance(source: Image) -> dict[str, Any]:
    """Give what a layer that lies on another, and covers it, takes over of how that looks."""
    look = {name: getattr(source, name) for name in LOOK}
    if not source.rgb:
        look["colormap"] = source.colormap
    return look | {"blending": COVERING if mixes(source) else source.blending}


def placement(
    source: Image, corner: Sequence[float], stretch: Sequence[int] | int = 1
) -> dict[str, Any]:
    """Give what puts a part of a layer in its place.

    The part begins at a corner, and one pixel of it takes up so many of the layer's.
    """
    turn = Affine(scale=source.scale, rotate=source.rotate, shear=source.shear)
    moved = source.translate + turn.linear_matrix @ corner
    place = {name: getattr(source, name) for name in PLACE}
    return place | {"translate": moved, "scale": source.scale * stretch}


def take(layer: Image, wanted: dict[str, Any]) -> None:
    """Let a layer have what it has not yet: whatever changes is drawn anew."""
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
    """Whether an image is of all that a layer, of the shape given, holds."""
    size = np.multiply(image.shape[: source.ndim], stretch)
    return np.array_equal(size, shape[: source.ndim])
