"""Footprints of donut filters: the neighbours of a pixel, without the pixel."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import ceil

import numpy as np
from numpy.typing import NDArray

TRUNCATE = 3.0
"""Standard deviations at which a Gaussian ends."""


@dataclass(frozen=True)
class Footprint:
    """Neighbours of a pixel, and their weights.

    Attributes
    ----------
    offsets : ndarray of int, shape (neighbours, ndim)
        Never all zero.
    weights : ndarray, shape (neighbours,)
        Their sum is 1.
    """

    offsets: NDArray[np.int64]
    weights: NDArray[np.float64]

    @property
    def reach(self) -> tuple[int, ...]:
        """Its radius along each axis, in pixels."""
        return tuple(int(each) for each in np.abs(self.offsets).max(0))

    def kernel(self) -> NDArray[np.float64]:
        """Return the weights as an array with the pixel at its centre."""
        kernel = np.zeros([2 * each + 1 for each in self.reach])
        kernel[tuple((self.offsets + self.reach).T)] = self.weights
        return kernel


def disk(
    radius: float, spacing: tuple[float, ...], excluded: tuple[int, ...] | None = None
) -> Footprint:
    """Weigh all neighbours within a radius equally: a disk or a ball without its centre.

    Parameters
    ----------
    radius : float
        In the unit of `spacing`; the nearest neighbours are always included.
    spacing : tuple of float
        Distance of pixels along each axis.
    excluded : tuple of int, optional
        Blind-spot radius in pixels along each axis; the pixel alone if left out.
    """
    offsets, distance = _around([ceil(radius / each) for each in spacing], spacing, excluded)
    near = distance <= max(radius, distance.min())
    return Footprint(offsets[near], np.full(near.sum(), 1 / near.sum()))


def gaussian(
    sigma: float, spacing: tuple[float, ...], excluded: tuple[int, ...] | None = None
) -> Footprint:
    """Weigh neighbours by a Gaussian of their distance; parameters as for `disk`."""
    reach = [max(1, int(TRUNCATE * sigma / each + 0.5)) for each in spacing]
    offsets, distance = _around(reach, spacing, excluded)
    weights = np.exp(-(distance**2 - distance.min() ** 2) / (2 * sigma**2))
    return Footprint(offsets, weights / weights.sum())


def _around(
    reach: list[int], spacing: tuple[float, ...], excluded: tuple[int, ...] | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    excluded = excluded or (0,) * len(reach)
    far = [max(r, h + 1) if r else 0 for r, h in zip(reach, excluded, strict=True)]
    offsets = np.array(list(product(*(range(-each, each + 1) for each in far))))
    offsets = offsets[(np.abs(offsets) > excluded).any(1)]
    return offsets, np.linalg.norm(offsets * spacing, axis=1)
