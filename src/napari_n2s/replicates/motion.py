"""What moved between readings of one thing: which of them cannot be learnt from each other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from napari_n2s.replicates.comparison import cut_blocks

BLOCK = 8
"""Side in pixels of the blocks that are compared."""
FAR = 4.0
"""Standard deviations of the noise beyond which a block has changed."""
MANY, MORE = 0.1, 5.0
"""Share of its blocks that have changed, and how many times what is usual, from which on a pair of
pictures is left out."""
USUAL = 0.25
"""Share of the pairs that are taken to be no worse than usual."""
SOME = 0.01
"""Share of the blocks from which on something is said."""
FEWEST = 4
"""Pairs of pictures that tell what is usual."""
GROWTH = 0.05
"""Share of the contrast by which pictures farther apart differ more, from which on they move."""


def leave_out(
    x: NDArray[np.floating], beside: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.bool_], tuple[str, ...]]:
    """Find partners that differ by too much, and put others in their place.

    Parameters
    ----------
    x : ndarray, shape (M, C, *space)
        All pictures.
    beside : ndarray of int, shape (M, P)
        The partners of each.

    Returns
    -------
    tuple
        The partners, which pictures have none ``(M,)``, and what to say.
    """
    apart = [[measure_motion(x[m], x[p]) for p in row] for m, row in enumerate(beside)]
    sizes = [[np.median(np.abs(each)) if each.size else 0.0 for each in row] for row in apart]
    usual = float(np.quantile(sizes, USUAL))
    shares = np.array([[share_moved(each, usual) for each in row] for row in apart])
    typical = float(np.quantile(shares, USUAL))
    bad: NDArray[np.bool_] = (shares > max(MANY, MORE * typical)) & (shares.size >= FEWEST)
    kept = beside.copy()
    for row, wrong in zip(kept, bad, strict=True):
        if wrong.any() and not wrong.all():
            row[wrong] = row[~wrong][0]
    alone: NDArray[np.bool_] = np.all(bad, axis=1)
    said = []
    if bad.any():
        said.append(
            f"{int(bad.sum())} of {bad.size} pairs of pictures differ by more than noise in more "
            f"than {100 * MANY:.0f} % of their blocks, as by motion, and are not learnt from."
        )
    if typical > SOME:
        said.append(
            f"Replicates differ by more than noise in {100 * typical:.0f} % of their blocks of "
            f"{BLOCK} pixels: what moves there will be blurred."
        )
    return kept, alone, tuple(said)


def measure_motion(one: NDArray[np.floating], two: NDArray[np.floating]) -> NDArray[np.float64]:
    """Give how far the means of blocks lie apart, in standard deviations of what noise makes it.

    Pictures are ``(C, *space)``. The noise is that within the block. Noise that neighbours share
    makes all blocks differ more: the caller has to compare with what is usual.
    """
    found = []
    for a, b in zip(one, two, strict=True):
        apart = cut_blocks(b.astype(np.float64) - a, BLOCK)
        noise = apart.std(1, ddof=1) / np.sqrt(apart.shape[1])
        found.append(apart.mean(1)[noise > 0] / noise[noise > 0])
    return np.concatenate(found)


def share_moved(differences: NDArray[np.float64], usual: float) -> float:
    """Say in what share of the blocks more than noise differs, given its usual (median) size."""
    spread = max(usual / 0.6745, 1.0)  # a Gaussian's standard deviation
    return float(np.mean(np.abs(differences) > FAR * spread)) if differences.size else 0.0


def measure_growth(pictures: Iterable[NDArray[np.float64]]) -> float | None:
    """Say by how much more pictures two apart differ than those beside each other.

    Noise makes all differ alike, however strong it is, and also if neighbouring pixels share it.
    What changes with time makes those farther apart differ more.

    Parameters
    ----------
    pictures : iterable of ndarray, shape (*space)
        In the order of time.

    Returns
    -------
    float or None
        As a share of the contrast; None if it is within three standard errors or not worth words.
    """
    means = np.stack([cut_blocks(each, BLOCK).mean(1) for each in pictures])
    means -= means.mean(1, keepdims=True)
    usual = means.mean(0)
    gain = means @ usual / max(usual @ usual, 1e-30)
    if len(means) < FEWEST or (gain <= 0).any():
        return None
    means /= gain[:, None]
    near, far = (((means[k:] - means[:-k]) ** 2).mean(1) for k in (1, 2))
    near = (near[1:] + near[:-1]) / 2
    growth, doubt = (far - near).mean(), (far - near).std(ddof=1) / np.sqrt(len(far))
    contrast = (means[1:] * means[:-1]).mean()
    share = float(growth / contrast) if contrast > 0 else 0.0
    return share if growth > 3 * doubt and share > GROWTH else None
