"""Registration and comparison of two replicates: shift, brightness and shared noise.

Images are ``(*space)``, of one shape, without missing pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Pixels = NDArray[np.floating]
Pairs = Sequence[tuple[Pixels, Pixels]]

FINE, COARSE = 1.5, 16.0
"""Standard deviations in pixels of the two Gaussian blurs of the band-pass filter that keeps
structure and removes noise and shading."""
MIN_CORRELATION = 0.1
"""Correlation of the registered structure from which on a shift is accepted."""
BLOCK = 16
"""Side in pixels of the blocks in which brightness and noise are compared."""
SMOOTHEST = 0.25
"""Fraction of the blocks, those with the least structure, in which shared noise is measured."""
MIN_BLOCKS = 16
"""Minimum number of blocks for a fit of brightness."""
MIN_COUNTS = 16
"""Minimum number of photons in a block whose dispersion is measured."""


def measure_shifts(pairs: Pairs) -> list[tuple[float, ...]]:
    """Measure the shift of the second image of each pair against the first, by cross-correlation.

    The images are band-pass filtered first. Pairs without corresponding structure are left out.

    Returns
    -------
    list of tuple of float
        For each remaining pair the shift in pixels along each axis (Guizar-Sicairos et al., Opt.
        Lett. 2008).
    """
    from skimage.registration import phase_cross_correlation  # slow to load

    found = []
    for one, two in pairs:
        a, b = (_band_pass(each) for each in (one, two))
        if not (a.any() and b.any()):
            continue
        way, *_ = phase_cross_correlation(  # type: ignore[no-untyped-call]
            b, a, upsample_factor=10, normalization=None
        )
        back = np.roll(b, [-round(step) for step in way], range(b.ndim))
        if _correlation(a, back) > MIN_CORRELATION:
            found.append(tuple(float(each) for each in way))
    return found


def measure_brightness(pairs: Pairs) -> tuple[float, float] | None:
    """Fit gain and offset of the second images relative to the first, to the means of blocks.

    Outliers, as blocks in which something moved, are left out. None if there is too little contrast
    for a fit, or if gain and offset are 1 and 0 within three standard errors or two per cent.
    """
    side = BLOCK if sum(a.size for a, _ in pairs) >= MIN_BLOCKS * BLOCK**2 else BLOCK // 2
    a, b = (
        np.concatenate([cut_blocks(pair[i], side).mean(1) for pair in pairs]).astype(np.float64)
        for i in range(2)
    )
    inliers = np.ones(a.shape, bool)
    for _ in range(3):
        x, y = a[inliers], b[inliers]
        if len(x) < MIN_BLOCKS or not x.std() or _correlation(x, y) < 0.5:
            return None
        gain = y.std() / x.std()
        offset = y.mean() - gain * x.mean()
        residuals = np.abs(b - gain * a - offset)
        inliers = residuals <= 5 * np.median(residuals) + 1e-12
    standard_error = np.sqrt((1 - _correlation(a[inliers], b[inliers]) ** 2) / inliers.sum())
    differs = abs(gain - 1) > max(0.02, 3 * standard_error)
    step = abs(b[inliers].mean() - a[inliers].mean())
    noise = np.std(b[inliers] - a[inliers]) / np.sqrt(inliers.sum())
    differs |= step > max(0.02 * a[inliers].std(), 3 * noise)
    return (float(gain), float(offset)) if differs else None


def measure_shared_noise(pairs: Pairs) -> float:
    """Measure the fraction of the noise variance that both images share, as a fixed pattern.

    The covariance of the two images at lag 0 is that of the structure and of the shared noise; at
    lags 1 and 2 it is that of the structure alone, whose autocovariance does not fall by more from
    lag 0 to 1 than from lag 1 to 2. The excess at lag 0, in the blocks with the least structure, is
    taken for shared noise; structure as fine as a pixel may be mistaken for it.
    """
    terms = np.concatenate([_covariances(*pair) for pair in pairs])
    quiet = np.argsort(np.abs(terms[:, 2:]).sum(1))[: max(1, round(SMOOTHEST * len(terms)))]
    own, both, *lagged = terms[quiet].mean(0)
    axes = len(lagged) // 2
    excess = max(
        both - (2 * near - far) for near, far in zip(lagged[:axes], lagged[axes:], strict=True)
    )
    independent = max(own - both, 0.0)
    return float(np.clip(excess / max(excess + independent, 1e-30), 0, 1)) if excess > 0 else 0.0


def measure_dispersion(images: Sequence[Pixels]) -> float | None:
    """Measure the ratio of noise variance to mean, 1 for photon counts; the median over blocks.

    The noise variance is measured by mixed second differences, which a linear slope does not
    change. None if all blocks have too few counts.
    """
    ratios = []
    for image in images:
        corner = image[(0,) * (image.ndim - 2)]
        squares = cut_blocks(np.diff(np.diff(corner, axis=0), axis=1) ** 2 / 4, BLOCK).mean(1)
        means = cut_blocks(corner[:-1, :-1], BLOCK).mean(1)
        ratios.append((squares / np.maximum(means, 1e-30))[means * BLOCK**2 >= MIN_COUNTS])
    every = np.concatenate(ratios)
    return float(np.median(every)) if every.size else None


def _covariances(one: Pixels, two: Pixels) -> NDArray[np.float64]:
    """Measure variance and cross-covariances of two images in each block.

    Columns: variance, covariance at lag 0, then at lag 1 along each axis, then at lag 2 along each.
    """
    a, b = (each - gaussian_filter(each.astype(np.float64), COARSE) for each in (one, two))
    columns = [(cut_blocks(a * a, BLOCK).mean(1) + cut_blocks(b * b, BLOCK).mean(1)) / 2]
    columns.append(cut_blocks(a * b, BLOCK).mean(1))
    for step, axis in product((1, 2), range(a.ndim)):
        moved = (a * np.roll(b, step, axis) + b * np.roll(a, step, axis)) / 2
        columns.append(cut_blocks(moved, BLOCK).mean(1))
    return np.stack(columns, 1)


def _band_pass(image: Pixels) -> Pixels:
    fine = gaussian_filter(image.astype(np.float64), FINE)
    structure: Pixels = fine - gaussian_filter(fine, COARSE)
    return structure


def _correlation(one: Pixels, two: Pixels) -> float:
    a, b = (each - each.mean() for each in (one, two))
    return float((a * b).sum() / max(np.sqrt((a * a).sum() * (b * b).sum()), 1e-30))


def cut_blocks(image: Pixels, side: int) -> Pixels:
    """Cut an image into whole blocks ``(blocks, pixels)``; a remainder at its ends is left out."""
    sides = [min(side, size) for size in image.shape]
    counts = [size // each for size, each in zip(image.shape, sides, strict=True)]
    whole = image[tuple(slice(0, n * s) for n, s in zip(counts, sides, strict=True))]
    split = whole.reshape([each for pair in zip(counts, sides, strict=True) for each in pair])
    ndim = image.ndim
    order = (*range(0, 2 * ndim, 2), *range(1, 2 * ndim, 2))
    return split.transpose(order).reshape(int(np.prod(counts)), -1)
