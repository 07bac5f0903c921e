"""Conversion between units of layers, which may differ.

The world coordinates of napari count in the smallest unit of each kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray


def ratio(unit: Any, other: Any) -> float:
    """Return the factor from one unit to another; 1 if they measure different quantities."""
    one = 1 * unit
    return float(one.m_as(str(other))) if one.is_compatible_with(str(other)) else 1.0


def to_data(layer: Image, point: Sequence[float], units: Sequence[Any] | None) -> NDArray:
    """Convert a point in world coordinates to a layer's data coordinates.

    Parameters
    ----------
    layer : Image
    point : sequence of float
        Its last coordinates are those of the layer's axes.
    units : sequence of pint.Unit or None
        Units of the coordinates; None for those of the layer.
    """
    if units is not None:
        pairs = zip(units[::-1], layer.units[::-1], strict=False)
        factors = [ratio(its, own) for its, own in pairs][::-1]
        point = np.multiply(point[-len(factors) :], factors).tolist()
    found: NDArray = layer.world_to_data(point)
    return found
