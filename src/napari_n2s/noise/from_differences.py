"""The noise of an image, estimated from the differences of neighbouring pixels.

The estimate is independent of any network and its errors, but has errors of its own: fine structure
is taken for noise, and noise that is correlated between neighbours is missed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.util import view_as_blocks

from napari_n2s.noise.noise_model import NoiseCurve

PATCH = 16
"""Side in pixels of the patches in which the noise is estimated."""
BINS = 16
"""Levels of intensity for which the noise is estimated."""
AGREEMENT = 0.1
"""Relative difference up to which two estimates of the noise agree, so that both are used."""
GAUSSIAN = 0.6745
"""Median absolute value of a normal variable, in standard deviations."""
MEMORISED = 1.08, 1.4
"""Ratios of this noise to that in a network's residuals between which the difference is attributed
to noise that the network has memorised; smaller and larger ratios come from chance and fine
structure."""


def noise_from_differences(x: NDArray[np.floating]) -> tuple[NoiseCurve, NDArray[np.float64]]:
    """Estimate the noise curve of images ``(N, C, *space)``.

    First and second differences give two estimates of the variance in patches, which is robust
    against edges by the median of absolute differences.

    Returns
    -------
    tuple of NoiseCurve and ndarray, shape (C,)
        The curve, and the relative difference of the two estimates in each channel.
    """
    lines, apart = zip(*(_line(x[:, channel]) for channel in range(x.shape[1])), strict=True)
    return NoiseCurve(*(np.array(each) for each in zip(*lines, strict=True))), np.array(apart)


def correct_memorised(
    noise: NoiseCurve, mean: NDArray[np.floating], noisy: NDArray[np.floating]
) -> NoiseCurve:
    """Raise a noise curve from a network's residuals by the noise that the network memorised.

    A network that has seen a small image very often memorises a part of its noise, which is then
    missing from the residuals. Where differences of neighbouring pixels show slightly more noise
    than the curve, and two estimates of it agree, the curve is scaled to them.

    Parameters
    ----------
    noise : NoiseCurve
    mean, noisy : ndarray, shape (C, *space)
        The network's prediction, and the image.
    """
    other, apart = noise_from_differences(noisy[None])
    space = tuple(range(1, mean.ndim))
    factor = other.variance(mean).mean(space) / np.maximum(noise.variance(mean).mean(space), 1e-30)
    least, most = MEMORISED
    memorised = (factor > least) & (factor < most) & (apart < AGREEMENT)
    factor = np.where(memorised, factor, 1).astype(np.float64)
    return NoiseCurve(noise.gain * factor, noise.offset * factor, noise.least * factor)


def _line(x: NDArray[np.floating]) -> tuple[tuple[float, float, float], float]:
    """Fit the curve to images ``(N, *space)``; also give the difference of two estimates."""
    height, width = (min(PATCH, size) for size in x.shape[-2:])
    rows, columns = x.shape[-2] // height, x.shape[-1] // width
    whole = x[..., : rows * height, : columns * width].reshape(-1, rows * height, columns * width)
    patches = view_as_blocks(whole, (1, height, width))  # type: ignore[no-untyped-call]
    patches = patches.reshape(-1, height, width)
    along = np.diff(patches, axis=-1)
    across = np.diff(along, axis=-2)
    single, double = _spread(along) / 2, _spread(across) / 4
    order = np.argsort(patches.mean((1, 2)))
    centres, levels = [], []
    for part in np.array_split(order, min(BINS, len(order))):
        centres.append(float(patches[part].mean()))
        levels.append(float(np.median(double[part])))
    level = np.array(levels)
    weight = 1 / np.maximum(level, 0.02 * level.max() + 1e-12)
    design = np.stack([centres, np.ones_like(centres)], 1) * weight[:, None]
    (gain, offset), *_ = np.linalg.lstsq(design, level * weight, rcond=None)
    apart = abs(float(np.median(single)) / max(float(np.median(double)), 1e-12) - 1)
    return (float(gain), float(offset), float(0.3 * level.min())), apart


def _spread(differences: NDArray[np.floating]) -> NDArray[np.floating]:
    """Estimate the variance of each patch's differences, robustly against outliers."""
    flat = np.abs(differences).reshape(len(differences), -1)
    variance: NDArray[np.floating] = (np.median(flat, 1) / GAUSSIAN) ** 2
    return variance
