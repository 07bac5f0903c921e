"""Motion between replicates: which of them cannot be used as training pairs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from napari_n2s.replicates.comparison import cut_blocks

BLOCK = 8
"""Side in pixels of the blocks that are compared."""
CHANGED = 4.0
"""Difference of a block's mean from which on the block has changed, in standard deviations of the
noise."""
MAX_CHANGED, MAX_RELATIVE = 0.1, 5.0
"""Fraction of its blocks that have changed beyond which a pair is excluded, and how many times the
typical fraction that must be."""
TYPICAL = 0.25
"""Quantile over the pairs that is taken for typical."""
REPORTED = 0.01
"""Typical fraction of changed blocks from which on motion is reported."""
MIN_PAIRS = 4
"""Minimum number of pairs, or frames, for a typical value."""
MIN_GROWTH = 0.05
"""Fraction of the contrast by which frames two apart must differ more than neighbouring frames for
motion to be reported."""


def exclude_moving(
    x: NDArray[np.floating], partners: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.bool_], tuple[str, ...]]:
    """Exclude training pairs that differ by more than noise, as by motion.

    Parameters
    ----------
    x : ndarray, shape (M, C, *space)
        All slices or frames of all replicates.
    partners : ndarray of int, shape (M, P)
        Indices of the partners of each.

    Returns
    -------
    partners : ndarray of int, shape (M, P)
        Excluded partners are replaced by others of the same sample.
    alone : ndarray of bool, shape (M,)
        Samples all of whose partners are excluded.
    findings : tuple of str
    """
    differences = [[measure_motion(x[m], x[p]) for p in row] for m, row in enumerate(partners)]
    medians = [[_median(each) for each in row] for row in differences]
    typical = float(np.quantile(medians, TYPICAL))
    fractions = np.array([[changed_fraction(each, typical) for each in row] for row in differences])
    typical_fraction = float(np.quantile(fractions, TYPICAL))
    limit = max(MAX_CHANGED, MAX_RELATIVE * typical_fraction)
    moving: NDArray[np.bool_] = (fractions > limit) & (fractions.size >= MIN_PAIRS)
    kept = partners.copy()
    for row, excluded in zip(kept, moving, strict=True):
        if excluded.any() and not excluded.all():
            row[excluded] = row[~excluded][0]
    alone: NDArray[np.bool_] = np.all(moving, axis=1)
    findings = []
    if moving.any():
        findings.append(
            f"{int(moving.sum())} of {moving.size} pairs of images differ by more than noise in "
            f"more than {100 * MAX_CHANGED:.0f} % of their blocks, as by motion, and are excluded "
            "from training."
        )
    if typical_fraction > REPORTED:
        findings.append(
            f"Replicates differ by more than noise in {100 * typical_fraction:.0f} % of their "
            f"blocks of {BLOCK} pixels: what moves there will be blurred."
        )
    return kept, alone, tuple(findings)


def measure_motion(one: NDArray[np.floating], two: NDArray[np.floating]) -> NDArray[np.float64]:
    """Measure the differences between the means of blocks, in standard errors of the difference.

    Images are ``(C, *space)``. The noise is estimated from the differences within each block. If
    neighbouring pixels share noise, all blocks differ by more: compare with a typical pair.
    """
    found = []
    for a, b in zip(one, two, strict=True):
        difference = cut_blocks(b.astype(np.float64) - a, BLOCK)
        noise = difference.std(1, ddof=1) / np.sqrt(difference.shape[1])
        found.append(difference.mean(1)[noise > 0] / noise[noise > 0])
    return np.concatenate(found)


def _median(differences: NDArray[np.float64]) -> float:
    return float(np.median(np.abs(differences))) if differences.size else 0.0


def changed_fraction(differences: NDArray[np.float64], typical: float) -> float:
    """Return the fraction of blocks that changed, given the typical median absolute difference."""
    spread = max(typical / 0.6745, 1.0)  # median absolute deviation to standard deviation
    return float(np.mean(np.abs(differences) > CHANGED * spread)) if differences.size else 0.0


def measure_growth(frames: Iterable[NDArray[np.float64]]) -> float | None:
    """Measure by how much more frames two apart differ than neighbouring frames.

    Noise contributes equally to both, however strong it is, also if neighbouring pixels share it.
    Motion makes frames farther apart differ more.

    Parameters
    ----------
    frames : iterable of ndarray, shape (*space)
        In order of time.

    Returns
    -------
    float or None
        As a fraction of the contrast; None if within three standard errors or below `MIN_GROWTH`.
    """
    means = np.stack([cut_blocks(each, BLOCK).mean(1) for each in frames])
    means -= means.mean(1, keepdims=True)
    average = means.mean(0)
    gain = means @ average / max(average @ average, 1e-30)
    if len(means) < MIN_PAIRS or (gain <= 0).any():
        return None
    means /= gain[:, None]
    near, far = (((means[k:] - means[:-k]) ** 2).mean(1) for k in (1, 2))
    near = (near[1:] + near[:-1]) / 2
    growth, standard_error = (far - near).mean(), (far - near).std(ddof=1) / np.sqrt(len(far))
    contrast = (means[1:] * means[:-1]).mean()
    share = float(growth / contrast) if contrast > 0 else 0.0
    return share if growth > 3 * standard_error and share > MIN_GROWTH else None
