"""Dependent slices and frames: copies of their neighbours, or interpolated between them.

Their noise is not independent of their neighbours', so that a network that sees these would learn
to reproduce it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_n2s.images.axes import Context
from napari_n2s.preparation.prepared import PreparedImage

MAX_SAMPLES, MAX_PIXELS = 24, 2**14
"""Maximum number of samples, and of pixels of each, that are compared with their neighbours."""
MIN_FRACTION = 0.1
"""Fraction of the samples along an axis from which on they are reported as dependent."""
MIN_EQUAL, MAX_RELATIVE = 0.5, 0.2
"""Minimum fraction of equal pixels in a copy, and maximum fraction of unequal ones relative to that
between neighbouring pixels: low photon counts are often equal by chance."""
MAX_STEPS, MAX_RESIDUAL, MIN_STEPS = 0.75, 0.02, 3.0
"""Maximum residual of an interpolated sample, in quantisation steps and as a fraction of the
difference of its neighbours, and minimum of this difference in quantisation steps."""


def find_dependent_frames(image: PreparedImage) -> dict[str, str]:
    """Find the axes along which slices or frames are copies of neighbours or interpolated.

    Returns
    -------
    dict of str to str
        A finding for each such axis, by its letter.
    """
    found = {}
    for axis in image.layout.sample_axes:
        neighbours = image.layout.neighbours(Context(axis, 1))
        some = np.unique(
            np.linspace(0, len(neighbours) - 1, min(len(neighbours), MAX_SAMPLES)).astype(int)
        )
        tested = [_classify(image.x, n, neighbours[n]) for n in some]
        for kind, words in (("copy", "copies of"), ("between", "interpolated between")):
            if tested.count(kind) >= max(1, MIN_FRACTION * len(tested)):
                found[axis] = (
                    f"Images along {axis} are {words} their neighbours and have the same noise; "
                    "neighbours along it are not shown to the network."
                )
                break
    return found


def _classify(x: NDArray[np.float32], n: int, neighbours: NDArray[np.intp]) -> str:
    """Classify a sample as "copy" of a neighbour, interpolated "between" two, or independent ""."""
    step = max(1, int((x[n].size / MAX_PIXELS) ** 0.5))
    own, before, after = (
        x[i][..., ::step, ::step].astype(np.float64) for i in (n, *neighbours[:2])
    )
    if own.min() == own.max():
        return ""
    shifted = x[n][..., ::step, 1::step].ravel()
    size = min(shifted.size, own.size)
    differ = (shifted[:size] != own.ravel()[:size].astype(np.float32)).mean() if size else 1.0
    for other in (before, after):
        changed = (own != other).mean()
        if changed < 1 - MIN_EQUAL and changed < MAX_RELATIVE * differ:
            return "copy"
    difference = float(np.std(after - before))
    if not difference:
        return ""
    design = np.stack([before.ravel(), after.ravel(), np.ones(own.size)], 1)
    weights, *_ = np.linalg.lstsq(design, own.ravel(), rcond=None)
    residual = float(np.std(own.ravel() - design @ weights))
    quantum = float(np.diff(np.unique(own)).min(initial=np.inf))
    exact = (
        residual < max(MAX_STEPS * quantum, MAX_RESIDUAL * difference)
        and difference > MIN_STEPS * quantum
    )
    return "between" if exact else ""
