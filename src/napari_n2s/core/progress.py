"""What a running job reports beside the snapshots of its training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PAUSE = 0.25
"""Seconds between two previews, at least, if nothing else is wished."""


@dataclass(frozen=True)
class Preview:
    """A part of the image as the network would denoise it now.

    Attributes
    ----------
    box : tuple of slice
        Which part: one slice for each axis of the image.
    image : ndarray
        That part denoised, with as many axes.
    """

    box: tuple[slice, ...]
    image: NDArray[np.generic]


@dataclass(frozen=True)
class Applying:
    """The network is trained and is being applied; `done` is the share done, 0 to 1."""

    done: float
