"""Flips and turns of an image: the ways in which a picture may lie and remain a picture."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from torch import Tensor


@dataclass(frozen=True)
class Orientation:
    """A flip along some axes of space, then Y and X swapped or not.

    Attributes
    ----------
    flips : tuple of int
        Axes to flip, counted from the end.
    swap : bool
    """

    flips: tuple[int, ...]
    swap: bool

    def do(self, x: Tensor) -> Tensor:
        """Turn an image ``(..., *space)``."""
        x = x.flip(self.flips)
        return x.transpose(-1, -2) if self.swap else x

    def undo(self, x: Tensor) -> Tensor:
        """Turn it back."""
        x = x.transpose(-1, -2) if self.swap else x
        return x.flip(self.flips)


def turns(ndim: int, swaps: bool = True) -> tuple[Orientation, ...]:
    """List the turns of images with this many axes of space, doing nothing first.

    Parameters
    ----------
    ndim : int
        1 to 3; an axis before Y and X is left as it is.
    swaps : bool
        Whether Y and X may be swapped.
    """
    axes = tuple(range(-min(ndim, 2), 0))
    sets = product(*((False, True) for _ in axes))
    flips = [tuple(axis for axis, flip in zip(axes, s, strict=True) if flip) for s in sets]
    return tuple(
        Orientation(each, swap)
        for swap in ((False, True) if swaps and ndim > 1 else (False,))
        for each in flips
    )
