"""Slices and frames that do not have noise of their own: copies of others, or interpolated.

A network that is shown such a neighbour reads off it the noise that it is to remove. Independent
noise cannot be predicted from other pictures, but a copy can, and what was interpolated, up to
rounding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_n2s.images.axes import Context
from napari_n2s.preparation.prepared import Prepared

PICTURES, PIXELS = 24, 2**14
"""Pictures, and pixels of each, that are compared with those beside them."""
OFTEN = 0.1
"""Share of the pictures that have to depend on others."""
EQUAL, RARER = 0.5, 0.2
"""Share of the pixels that are equal in a copy at least, and how often others differ, at most, for
how often neighbouring pixels do: dark photon counts are equal by chance."""
ROUNDED, FINE, COARSE = 0.75, 0.02, 3.0
"""What interpolation leaves at most, in steps of the values and as a share of the difference of
its neighbours, and steps that this has to have at least."""


def find_repeats(ready: Prepared) -> dict[str, str]:
    """Find the axes along which pictures are copies of others or interpolated between them.

    Returns
    -------
    dict of str to str
        What to tell the user, by the axis' letter.
    """
    found = {}
    for axis in ready.layout.sample_axes:
        beside = ready.layout.beside(Context(axis, 1))
        some = np.unique(np.linspace(0, len(beside) - 1, min(len(beside), PICTURES)).astype(int))
        tested = [_depends(ready.x, n, beside[n]) for n in some]
        for kind, words in (("copy", "copies of"), ("between", "interpolated between")):
            if tested.count(kind) >= max(1, OFTEN * len(tested)):
                found[axis] = (
                    f"Pictures along {axis} are {words} their neighbours and have the same noise; "
                    "neighbours along it are not shown to the network."
                )
                break
    return found


def _depends(x: NDArray[np.float32], n: int, beside: NDArray[np.intp]) -> str:
    """Say whether a picture is a copy of one beside it, or lies between the two; else nothing."""
    step = max(1, int((x[n].size / PIXELS) ** 0.5))
    own, before, after = (x[i][..., ::step, ::step].astype(np.float64) for i in (n, *beside[:2]))
    if own.min() == own.max():
        return ""
    near = x[n][..., ::step, 1::step].ravel()
    size = min(near.size, own.size)
    differ = (near[:size] != own.ravel()[:size].astype(np.float32)).mean() if size else 1.0
    for other in (before, after):
        changed = (own != other).mean()
        if changed < 1 - EQUAL and changed < RARER * differ:
            return "copy"
    apart = float(np.std(after - before))
    if not apart:
        return ""
    design = np.stack([before.ravel(), after.ravel(), np.ones(own.size)], 1)
    weights, *_ = np.linalg.lstsq(design, own.ravel(), rcond=None)
    left = float(np.std(own.ravel() - design @ weights))
    quantum = float(np.diff(np.unique(own)).min(initial=np.inf))
    exact = left < max(ROUNDED * quantum, FINE * apart) and apart > COARSE * quantum
    return "between" if exact else ""
