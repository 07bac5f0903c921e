"""Traces of the detector and of earlier processing that a blind-spot network takes for structure.

Stripes, upsampling, interlacing and JPEG compression can be predicted from neighbouring pixels, and
thus remain in the result.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 512
"""Side in pixels of the central part that is examined."""
TAPS = 3
"""Pixels to each side from which one is predicted."""
PREDICTED, PHASES = 0.05, 0.25
"""Residual variance of every other pixel predicted linearly from its neighbours, in an upsampled
image: relative to the variance of differences, and to the residual of all pixels."""
ROUNDING = 0.2
"""Variance of such residuals from rounding to integers."""
INTERLACED = 1.15
"""Variance of differences of neighbouring rows relative to that of rows two apart."""
BLOCK, STEP = 8, 6.0
"""Side of JPEG blocks, and standard errors by which steps at their borders differ from others."""
FEWEST = 64
"""Pixels needed along each axis."""
STRIPED, ONE_AXIS = 8.0, 4.0
"""Variance of means of lines against their neighbours, relative to that expected from noise, and
to that along the other axis, from which on an image has stripes."""
WITHIN, NORMAL = 0.68, 0.455
"""Fraction of normal values within a standard deviation, and the median of their squares."""


def name_processing(picture: NDArray[np.floating]) -> tuple[str, ...]:
    """Report the traces found in an image, one sentence each.

    Parameters
    ----------
    picture : ndarray, shape (Y, X)
    """
    height, width = picture.shape
    if min(height, width) < FEWEST or picture.min() == picture.max():
        return ()
    top, left = (max(0, (size - SIDE) // 2) // BLOCK * BLOCK for size in (height, width))
    part = picture[top : top + SIDE, left : left + SIDE].astype(np.float64)
    findings = []
    if _enlarged(part) and _enlarged(part.T):
        findings.append(
            "The image seems to have been enlarged to twice its size, by which the noise of "
            "neighbouring pixels is correlated; denoise the original if you have it."
        )
    elif _blocks(part) and _blocks(part.T):
        findings.append(
            "The image shows the blocks of JPEG compression, by which the noise of neighbouring "
            "pixels is correlated; denoise the uncompressed original if you have it."
        )
    by_columns, by_rows = (_differ(part, axis) for axis in (1, 0))
    for name, own, other in (("columns", by_columns, by_rows), ("rows", by_rows, by_columns)):
        if own > STRIPED and own > ONE_AXIS * other:
            findings.append(
                f"Whole {name} of the image are brighter or darker than their neighbours; the "
                "network takes that for structure, and it stays in the result."
            )
    if _interlaced(part):
        findings.append(
            "Even and odd rows of the image differ, as in interlaced video or bidirectional "
            "scanning; the network takes that for structure: correct it first."
        )
    return tuple(findings)


def _enlarged(picture: NDArray[np.float64]) -> bool:
    """Whether every other column is a linear combination of those around it, up to rounding."""
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
    even, odd, every = (max(0.0, each - rounding) for each in left)
    return max(even, odd) < min(PREDICTED * differ, PHASES * every)


def _blocks(picture: NDArray[np.float64]) -> bool:
    """Whether steps between columns differ at every eighth column."""
    size = (picture.shape[1] - 2) // BLOCK * BLOCK
    # Excess of a step over its two neighbours, in which slopes of the image cancel.
    steps = np.abs(np.diff(picture, axis=1))[:, : size + 1]
    excess = (steps[:, 1:-1] - (steps[:, :-2] + steps[:, 2:]) / 2).mean(0)
    excess = excess[: excess.size // BLOCK * BLOCK].reshape(-1, BLOCK)
    means, errors = excess.mean(0), excess.std(0, ddof=1) / len(excess) ** 0.5
    # A large step lowers the excess of the two next to it, which are therefore left out.
    others = np.array([np.roll(means, -i)[2:-1] for i in range(BLOCK)])
    spread = np.hypot(errors, others.std(1, ddof=1))
    return bool((np.abs(means - others.mean(1)) > STEP * spread).any())


def _differ(picture: NDArray[np.float64], axis: int) -> float:
    """Return the variance of line means against their neighbours, relative to that from noise."""
    lines = np.moveaxis(picture, axis, 0)
    off = lines[1:-1] - (lines[:-2] + lines[2:]) / 2
    spread = float(np.quantile(np.abs(off), WITHIN))
    means = np.clip(off, -3 * spread, 3 * spread).mean(1)
    return float(np.median(means**2) / max(NORMAL * spread**2 / off.shape[1], 1e-30))


def _interlaced(picture: NDArray[np.float64]) -> bool:
    """Whether rows differ more from the next than from the one after it, and columns do not."""
    near, far = (float(np.var(picture[n:] - picture[:-n])) for n in (1, 2))
    across, beyond = (float(np.var(picture[:, n:] - picture[:, :-n])) for n in (1, 2))
    return near > INTERLACED * far and across < INTERLACED * beyond
