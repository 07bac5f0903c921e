"""The neighbours of a pixel without the pixel: what a filter that is blind to it looks at."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import ceil

import numpy as np
from numpy.typing import NDArray

TRUNCATE = 3.0
"""Standard deviations at which a Gaussian ends."""


@dataclass(frozen=True)
class Ring:
    """Neighbours of a pixel, and what each counts.

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
        """How far it goes along each axis, in pixels."""
        return tuple(int(each) for each in np.abs(self.offsets).max(0))

    def kernel(self) -> NDArray[np.float64]:
        """Lay the weights out as an array with the pixel in its middle."""
        kernel = np.zeros([2 * each + 1 for each in self.reach])
        kernel[tuple((self.offsets + self.reach).T)] = self.weights
        return kernel


def disk(
    radius: float, spacing: tuple[float, ...], excluded: tuple[int, ...] | None = None
) -> Ring:
    """Take all neighbours up to a radius, each alike: a disk or a ball without its middle.

    Parameters
    ----------
    radius : float
        In pixels of the finest axis; at least one neighbour along it is taken.
    spacing : tuple of float
        Distance of pixels along each axis, in the same unit.
    excluded : tuple of int, optional
        How far around the pixel others are left out along each axis, where they share its noise.
    """
    offsets, distance = _around([ceil(radius / each) for each in spacing], spacing, excluded)
    near = distance <= max(radius, distance.min())
    return Ring(offsets[near], np.full(near.sum(), 1 / near.sum()))


def gaussian(
    sigma: float, spacing: tuple[float, ...], excluded: tuple[int, ...] | None = None
) -> Ring:
    """Weigh neighbours by a Gaussian of their distance; parameters as for `disk`."""
    reach = [max(1, int(TRUNCATE * sigma / each + 0.5)) for each in spacing]
    offsets, distance = _around(reach, spacing, excluded)
    weights = np.exp(-(distance**2 - distance.min() ** 2) / (2 * sigma**2))
    return Ring(offsets, weights / weights.sum())


def _around(
    reach: list[int], spacing: tuple[float, ...], excluded: tuple[int, ...] | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    excluded = excluded or (0,) * len(reach)
    far = [max(r, h + 1) if r else 0 for r, h in zip(reach, excluded, strict=True)]
    offsets = np.array(list(product(*(range(-each, each + 1) for each in far))))
    offsets = offsets[(np.abs(offsets) > excluded).any(1)]
    return offsets, np.linalg.norm(offsets * spacing, axis=1)
