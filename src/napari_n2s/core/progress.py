"""Progress that a running job yields in addition to snapshots of its training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PAUSE = 0.25
"""Default of the seconds between two previews, at least."""


@dataclass(frozen=True)
class Preview:
    """A part of the image, denoised by the network in its present state.

    Attributes
    ----------
    box : tuple of slice
        The part: one slice for each axis of the image.
    image : ndarray
        That part denoised, with as many axes.
    """

    box: tuple[slice, ...]
    image: NDArray[np.generic]


@dataclass(frozen=True)
class Preparing:
    """The image is being read before the training; `done` is the fraction done, 0 to 1."""

    done: float


@dataclass(frozen=True)
class Applying:
    """The trained network is being applied; `done` is the fraction done, 0 to 1."""

    done: float
