"""What distinguishes two readings of one thing beside their noise, and what they share besides it.

They differ by a shift and in brightness; they share a camera's fixed pattern. Pictures are
``(*space)``, of one shape, without gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Picture = NDArray[np.floating]
Pairs = Sequence[tuple[Picture, Picture]]

FINE, COARSE = 1.5, 16.0
"""Standard deviations in pixels of the blurs between which structure is looked for."""
LIKENESS = 0.1
"""Correlation at which structure has been found again."""
WIDE = 16
"""Side in pixels of the blocks in which brightness and noise are compared."""
SMOOTH = 0.25
"""Share of the blocks, those with the least structure, in which a pattern is looked for."""
FEWEST = 16
"""Blocks that tell a brightness; counts of a block that tell how they scatter."""


def measure_shifts(pairs: Pairs) -> list[tuple[float, ...]]:
    """Measure how far each second reading lies from the first along each axis, in pixels.

    By the cross-correlation of both without noise and shade (Guizar-Sicairos et al., Opt. Lett.
    2008). Pairs in which no structure is found again are left out.
    """
    from skimage.registration import phase_cross_correlation  # slow to load

    found = []
    for one, two in pairs:
        a, b = (_structure(each) for each in (one, two))
        if not (a.any() and b.any()):
            continue
        way, *_ = phase_cross_correlation(  # type: ignore[no-untyped-call]
            b, a, upsample_factor=10, normalization=None
        )
        back = np.roll(b, [-round(step) for step in way], range(b.ndim))
        if _correlation(a, back) > LIKENESS:
            found.append(tuple(float(each) for each in way))
    return found


def measure_brightness(pairs: Pairs) -> tuple[float, float] | None:
    """Fit gain and offset of the second reading over the first, from the means of blocks.

    Where blocks have moved they are left out. None where there is no contrast to measure it by, or
    where it is 1 and 0 within three standard errors and two per cent.
    """
    side = WIDE if sum(a.size for a, _ in pairs) >= FEWEST * WIDE**2 else WIDE // 2
    a, b = (
        np.concatenate([cut_blocks(pair[i], side).mean(1) for pair in pairs]).astype(np.float64)
        for i in range(2)
    )
    kept = np.ones(a.shape, bool)
    for _ in range(3):
        if kept.sum() < FEWEST or not a[kept].std() or _correlation(a[kept], b[kept]) < 0.5:
            return None
        gain = b[kept].std() / a[kept].std()
        offset = b[kept].mean() - gain * a[kept].mean()
        apart = np.abs(b - gain * a - offset)
        kept = apart <= 5 * np.median(apart) + 1e-12
    doubt = np.sqrt((1 - _correlation(a[kept], b[kept]) ** 2) / kept.sum())
    differs = abs(gain - 1) > max(0.02, 3 * doubt)
    step = abs(b[kept].mean() - a[kept].mean())
    noise = np.std(b[kept] - a[kept]) / np.sqrt(kept.sum())
    differs |= step > max(0.02 * a[kept].std(), 3 * noise)
    return (float(gain), float(offset)) if differs else None


def measure_shared_noise(pairs: Pairs) -> float:
    """Say what share of the noise's variance both readings have in common.

    The covariance of two readings at one and the same pixel is that of the structure and of a fixed
    pattern; at neighbouring pixels that of the structure alone, which does not fall from one pixel
    to the next by more than from there to the one after it. What it falls by more, in the blocks
    with the least structure, is taken for pattern; fine structure may be mistaken for it.
    """
    terms = np.concatenate([_covariances(*pair) for pair in pairs])
    quiet = np.argsort(np.abs(terms[:, 2:]).sum(1))[: max(1, round(SMOOTH * len(terms)))]
    own, both, *lagged = terms[quiet].mean(0)
    axes = len(lagged) // 2
    excess = max(
        both - (2 * near - far) for near, far in zip(lagged[:axes], lagged[axes:], strict=True)
    )
    apart = max(own - both, 0.0)
    return float(np.clip(excess / max(excess + apart, 1e-30), 0, 1)) if excess > 0 else 0.0


def measure_dispersion(pictures: Sequence[Picture]) -> float | None:
    """Give the variance of the noise as a share of the mean, 1 for counted photons; the median.

    The noise is what four pixels of a square differ by beyond a slope. None where nearly nothing
    was counted.
    """
    ratios = []
    for picture in pictures:
        corner = picture[(0,) * (picture.ndim - 2)]
        squares = cut_blocks(np.diff(np.diff(corner, axis=0), axis=1) ** 2 / 4, WIDE).mean(1)
        means = cut_blocks(corner[:-1, :-1], WIDE).mean(1)
        ratios.append((squares / np.maximum(means, 1e-30))[means * WIDE**2 >= FEWEST])
    every = np.concatenate(ratios)
    return float(np.median(every)) if every.size else None


def _covariances(one: Picture, two: Picture) -> NDArray[np.float64]:
    """Give for each block its variance, its covariance with the other's, and those one and two on.

    Columns: own, both, then along each axis one pixel on, then along each two pixels on.
    """
    a, b = (each - gaussian_filter(each.astype(np.float64), COARSE) for each in (one, two))
    columns = [(cut_blocks(a * a, WIDE).mean(1) + cut_blocks(b * b, WIDE).mean(1)) / 2]
    columns.append(cut_blocks(a * b, WIDE).mean(1))
    for step, axis in product((1, 2), range(a.ndim)):
        moved = (a * np.roll(b, step, axis) + b * np.roll(a, step, axis)) / 2
        columns.append(cut_blocks(moved, WIDE).mean(1))
    return np.stack(columns, 1)


def _structure(picture: Picture) -> Picture:
    fine = gaussian_filter(picture.astype(np.float64), FINE)
    structure: Picture = fine - gaussian_filter(fine, COARSE)
    return structure


def _correlation(one: Picture, two: Picture) -> float:
    a, b = (each - each.mean() for each in (one, two))
    return float((a * b).sum() / max(np.sqrt((a * a).sum() * (b * b).sum()), 1e-30))


def cut_blocks(picture: Picture, side: int) -> Picture:
    """Cut a picture into blocks ``(blocks, pixels)``; what is left over at its ends is left out."""
    sides = [min(side, size) for size in picture.shape]
    counts = [size // each for size, each in zip(picture.shape, sides, strict=True)]
    whole = picture[tuple(slice(0, n * s) for n, s in zip(counts, sides, strict=True))]
    split = whole.reshape([each for pair in zip(counts, sides, strict=True) for each in pair])
    ndim = picture.ndim
    order = (*range(0, 2 * ndim, 2), *range(1, 2 * ndim, 2))
    return split.transpose(order).reshape(int(np.prod(counts)), -1)
