"""Traces in a picture of its detector and of what was done to it since: what noise is not.

Stripes, noise that neighbours share along one axis, enlargement, interlacing and JPEG can all be
predicted from the pixels around, so that a network that is blind to one pixel takes them for
structure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 512
"""Side in pixels of the middle part that is looked at."""
TAPS = 3
"""Pixels to each side by which one is predicted."""
PREDICTED, PHASES = 0.05, 0.25
"""Share of the differences between neighbouring pixels that is left of an enlarged picture's pixels
predicted from their neighbours, and of what is left if all are predicted alike."""
ROUNDING = 0.2
"""Variance of what rounding leaves of such predictions, for steps of 1."""
INTERLACED = 1.15
"""Variance of the difference of neighbouring rows, for that of rows two apart."""
BLOCK, STEP = 8, 6.0
"""Side of the blocks of JPEG, and standard errors by which the steps between them differ."""
FEWEST = 64
"""Pixels along each axis that are needed to tell."""
PATCH, SMOOTHEST = 16, 0.1
"""Side of patches in pixels, and share of them that is taken for smooth, in which noise is looked
at along each axis."""
CERTAIN = 4.0
"""Standard errors by which the smoothest patches have to differ more along one axis."""
UNEQUAL = 1.25
"""Ratio of the variances of differences along the two axes, where noise is independent 1."""
STRIPED, RATHER = 8.0, 4.0
"""Times that lines have to differ more from those beside them than noise explains, and more than
lines along the other axis."""
WITHIN, NORMAL = 0.68, 0.455
"""Share of normal numbers within a standard deviation, and the median of their squares."""


def name_processing(picture: NDArray[np.floating]) -> tuple[str, ...]:
    """Say what was done to a picture, a sentence each.

    Parameters
    ----------
    picture : ndarray, shape (Y, X)
    """
    height, width = picture.shape
    if min(height, width) < FEWEST or picture.min() == picture.max():
        return ()
    top, left = (max(0, (size - SIDE) // 2) // BLOCK * BLOCK for size in (height, width))
    part = picture[top : top + SIDE, left : left + SIDE].astype(np.float64)
    said = []
    if _enlarged(part) and _enlarged(part.T):
        said.append(
            "The image seems to have been enlarged to twice its size: neighbouring pixels share "
            "their noise, which stays in the result; denoise the original, or reduce it to half."
        )
    elif _blocks(part) and _blocks(part.T):
        said.append(
            "The image shows the blocks of JPEG compression, by which neighbouring pixels share "
            "noise, which stays in the result; denoise the uncompressed original."
        )
    by_columns, by_rows = (_differ(part, axis) for axis in (1, 0))
    for name, own, other in (("columns", by_columns, by_rows), ("rows", by_rows, by_columns)):
        if own > STRIPED and own > RATHER * other:
            said.append(
                f"Whole {name} of the image are brighter or darker than those beside them; the "
                "network takes that for structure, and it stays in the result."
            )
    shared = _shared(part)
    if shared and not said:
        said.append(
            f"Neighbouring pixels along {shared} seem to share noise, which stays in the result; "
            f"widen the blind spot: blind_spot_radius 0 2 for noise that runs along X, 2 0 along Y."
        )
    if _interlaced(part):
        said.append(
            "Even and odd rows of the image differ, as in interlaced video or bidirectional "
            "scanning; the network takes that for structure: correct it first."
        )
    return tuple(said)


def _enlarged(picture: NDArray[np.float64]) -> bool:
    """Whether every other column follows from those around it, up to rounding."""
    columns = range(TAPS, picture.shape[1] - TAPS)
    left = []
    for chosen in (columns[::2], columns[1::2], columns):
        at = np.array(chosen)
        offsets = [o for o in range(-TAPS, TAPS + 1) if o]
        design = np.stack([picture[:, at + o].ravel() for o in offsets], 1)
        design = np.column_stack([design, np.ones(len(design))])
        target = picture[:, at].ravel()
        weights, *_ = np.linalg.lstsq(design, target, rcond=None)
        left.append(float(np.var(target - design @ weights)))
    differ = float(np.var(np.diff(picture, axis=1)))
    rounding = ROUNDING * float(np.diff(np.unique(picture)).min()) ** 2
    even, odd, alike = (max(0.0, each - rounding) for each in left)
    return max(even, odd) < min(PREDICTED * differ, PHASES * alike)


def _blocks(picture: NDArray[np.float64]) -> bool:
    """Whether steps between columns differ at every eighth."""
    size = (picture.shape[1] - 2) // BLOCK * BLOCK
    # How much a step exceeds the two beside it: the picture's own slopes cancel.
    steps = np.abs(np.diff(picture, axis=1))[:, : size + 1]
    excess = (steps[:, 1:-1] - (steps[:, :-2] + steps[:, 2:]) / 2).mean(0)
    excess = excess[: excess.size // BLOCK * BLOCK].reshape(-1, BLOCK)
    means, errors = excess.mean(0), excess.std(0, ddof=1) / len(excess) ** 0.5
    # Where a step is large, the two beside it exceed their neighbours the less.
    others = np.array([np.roll(means, -i)[2:-1] for i in range(BLOCK)])
    spread = np.hypot(errors, others.std(1, ddof=1))
    return bool((np.abs(means - others.mean(1)) > STEP * spread).any())


def _differ(picture: NDArray[np.float64], axis: int) -> float:
    """Say how much lines differ from the mean of those beside them, for what noise explains."""
    lines = np.moveaxis(picture, axis, 0)
    off = lines[1:-1] - (lines[:-2] + lines[2:]) / 2
    spread = float(np.quantile(np.abs(off), WITHIN))
    means = np.clip(off, -3 * spread, 3 * spread).mean(1)
    return float(np.median(means**2) / max(NORMAL * spread**2 / off.shape[1], 1e-30))


def _shared(picture: NDArray[np.float64]) -> str:
    """Name the axis along which neighbours are more alike where a picture is smooth, if one is."""
    rows, columns = (size // PATCH for size in picture.shape)
    blocks = picture[: rows * PATCH, : columns * PATCH].reshape(rows, PATCH, columns, PATCH)
    patches = blocks.swapaxes(1, 2).reshape(-1, PATCH, PATCH)
    along, across = (np.diff(patches, axis=axis) for axis in (2, 1))
    squares = np.stack([(each**2).mean((1, 2)) for each in (along, across)])
    total = squares.sum(0)
    order = np.argsort(total)
    order = order[total[order] > 0]
    smooth = order[: max(4, round(SMOOTHEST * len(order)))]
    if len(smooth) < 4:
        return ""
    differ = squares[0, smooth] - squares[1, smooth]
    if abs(differ.mean()) < CERTAIN * differ.std(ddof=1) / len(smooth) ** 0.5:
        return ""
    ratio = float(squares[0, smooth].mean() / max(squares[1, smooth].mean(), 1e-30))
    if ratio < 1 / UNEQUAL:
        return "X"
    return "Y" if ratio > UNEQUAL else ""


def _interlaced(picture: NDArray[np.float64]) -> bool:
    """Whether rows are less like the next than like the one after; columns are not."""
    near, far = (float(np.var(picture[n:] - picture[:-n])) for n in (1, 2))
    across, beyond = (float(np.var(picture[:, n:] - picture[:, :-n])) for n in (1, 2))
    return near > INTERLACED * far and across < INTERLACED * beyond
