"""Units of layers, which may differ: napari's world counts in the smallest of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray


def ratio(unit: Any, other: Any) -> float:
    """Tell how many of another unit one is; just one, if they measure different things."""
    one = 1 * unit
    return float(one.m_as(str(other))) if one.is_compatible_with(str(other)) else 1.0


def to_data(layer: Image, point: Sequence[float], units: Sequence[Any] | None) -> NDArray:
    """Find where in a layer's data a point of the world lies.

    Parameters
    ----------
    layer : Image
    point : sequence of float
        Its last numbers are for the layer's axes.
    units : sequence of pint.Unit or None
        What the point counts in; None for the layer's own.
    """
    if units is not None:
        pairs = zip(units[::-1], layer.units[::-1], strict=False)
        factors = [ratio(its, own) for its, own in pairs][::-1]
        point = np.multiply(point[-len(factors) :], factors).tolist()
    found: NDArray = layer.world_to_data(point)
    return found
