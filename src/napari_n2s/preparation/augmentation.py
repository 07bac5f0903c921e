"""Orientations for augmentation in training and at test time: flips and rotations."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from torch import Tensor


@dataclass(frozen=True)
class Orientation:
    """A flip along some axes of space, optionally followed by a transposition of Y and X.

    Attributes
    ----------
    flips : tuple of int
        Axes to flip, counted from the end.
    swap : bool
    """

    flips: tuple[int, ...]
    swap: bool

    def apply(self, x: Tensor) -> Tensor:
        """Bring an image ``(..., *space)`` to this orientation."""
        x = x.flip(self.flips)
        return x.transpose(-1, -2) if self.swap else x

    def invert(self, x: Tensor) -> Tensor:
        """Bring an image back from this orientation."""
        x = x.transpose(-1, -2) if self.swap else x
        return x.flip(self.flips)


def orientations(ndim: int, swaps: bool = True) -> tuple[Orientation, ...]:
    """List the orientations of images with `ndim` axes of space, the identity first.

    Parameters
    ----------
    ndim : int
        1 to 3; an axis before Y and X is never flipped.
    swaps : bool
        Include those in which Y and X are swapped.
    """
    axes = tuple(range(-min(ndim, 2), 0))
    sets = product(*((False, True) for _ in axes))
    flips = [tuple(axis for axis, flip in zip(axes, s, strict=True) if flip) for s in sets]
    return tuple(
        Orientation(each, swap)
        for swap in ((False, True) if swaps and ndim > 1 else (False,))
        for each in flips
    )
