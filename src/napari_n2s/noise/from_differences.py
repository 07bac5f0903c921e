"""The noise of an image, read off the differences between neighbouring pixels.

No network is asked, so that this reading shares none of a network's mistakes. It has its own: fine
structure is taken for noise, and noise that neighbours share is not seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_n2s.noise.noise_model import NoiseCurve

PATCH = 16
BINS = 16
TRUST = 0.1
"""How far two readings of the noise may lie apart, as a share, for either to be believed."""
GAUSSIAN = 0.6745
"""Median absolute value of normal values in standard deviations."""
LITTLE, MOST = 1.08, 1.4
"""By how much a network knows noise by heart, if it does: what is less is fine structure or chance,
and so is what is more."""


def read_differences(x: NDArray[np.floating]) -> tuple[NoiseCurve, NDArray[np.float64]]:
    """Read the noise curve off pictures ``(N, C, *space)``.

    Returns
    -------
    tuple of NoiseCurve and ndarray, shape (C,)
        The curve, and how far two readings of it lie apart in each channel, as a share.
    """
    lines, apart = zip(*(_line(x[:, channel]) for channel in range(x.shape[1])), strict=True)
    return NoiseCurve(*(np.array(each) for each in zip(*lines, strict=True))), np.array(apart)


def raised(
    noise: NoiseCurve, mean: NDArray[np.floating], noisy: NDArray[np.floating]
) -> NoiseCurve:
    """Raise a noise curve that a network's residuals have given, where they are too small.

    A network that has seen a small image very often knows some of its noise by heart, and its
    residuals there lack that part. Where neighbouring pixels differ by a little more noise than
    the curve says, and two readings of that agree, they are right.

    Parameters
    ----------
    noise : NoiseCurve
    mean, noisy : ndarray, shape (C, *space)
        What the network predicts, and the image.
    """
    other, apart = read_differences(noisy[None])
    space = tuple(range(1, mean.ndim))
    factor = other.variance(mean).mean(space) / np.maximum(noise.variance(mean).mean(space), 1e-30)
    little = (factor > LITTLE) & (factor < MOST) & (apart < TRUST)
    factor = np.where(little, factor, 1).astype(np.float64)
    return NoiseCurve(noise.gain * factor, noise.offset * factor, noise.least * factor)


def _line(x: NDArray[np.floating]) -> tuple[tuple[float, float, float], float]:
    """Fit gain and offset to pictures ``(N, *space)``; say how far two readings lie apart."""
    height, width = (min(PATCH, size) for size in x.shape[-2:])
    rows, columns = x.shape[-2] // height, x.shape[-1] // width
    patches = x[..., : rows * height, : columns * width].reshape(-1, rows, height, columns, width)
    patches = patches.swapaxes(2, 3).reshape(-1, height, width)
    along = np.diff(patches, axis=-1)
    across = np.diff(along, axis=-2)
    single, double = _spread(along) / 2, _spread(across) / 4
    order = np.argsort(patches.mean((1, 2)))
    centres, levels = [], []
    for part in np.array_split(order, min(BINS, len(order))):
        centres.append(float(patches[part].mean()))
        levels.append(float(np.median(double[part])))
    level = np.array(levels)
    trust = 1 / np.maximum(level, 0.02 * level.max() + 1e-12)
    design = np.stack([centres, np.ones_like(centres)], 1) * trust[:, None]
    (gain, offset), *_ = np.linalg.lstsq(design, level * trust, rcond=None)
    apart = abs(float(np.median(single)) / max(float(np.median(double)), 1e-12) - 1)
    return (float(gain), float(offset), float(0.3 * level.min())), apart


def _spread(differences: NDArray[np.floating]) -> NDArray[np.floating]:
    """Give the variance of each patch's differences, whatever a few of them are."""
    flat = np.abs(differences).reshape(len(differences), -1)
    variance: NDArray[np.floating] = (np.median(flat, 1) / GAUSSIAN) ** 2
    return variance
