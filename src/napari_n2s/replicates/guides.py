"""Guides of an image: brought to a scale of their own, and checked against the image."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError
from napari_n2s.images.image import Image
from napari_n2s.images.scale import Scale, measure_scale
from napari_n2s.preparation.prepared import PreparedImage
from napari_n2s.replicates import comparison
from napari_n2s.replicates.checks import COMPARED, COPY_TOLERANCE, MAX_SHARED_NOISE

CENTRE = {2: 256, 3: 40}
"""Side in pixels of the central part in which guides are compared, by number of axes of space."""


def describe_guides(x: NDArray[np.float32], guides: NDArray[np.float32]) -> tuple[str, ...]:
    """Report noise that guides share with the image, which the network would reproduce.

    Parameters
    ----------
    x : ndarray, shape (N, C, *space)
    guides : ndarray, shape (N, A, *space)

    Raises
    ------
    ImageError
        If a guide is a copy of the image.
    """
    own, others = _centres(x), _centres(guides)
    for one, two in product(own.swapaxes(0, 1), others.swapaxes(0, 1)):
        sign = np.sign((one * two).sum())
        if (one - sign * two).std() < COPY_TOLERANCE * one.std():
            raise ImageError(
                "A guide is the image itself, noise and all, so that the network would only copy "
                "it; choose another recording."
            )
        pairs = list(zip(one, two, strict=True))
        if (share := comparison.measure_shared_noise(pairs)) > MAX_SHARED_NOISE:
            return (
                f"A guide and the image have about {100 * share:.0f} % of their noise in common "
                "(or structure as fine as a pixel); what they share stays in the result: choose "
                "no guide that was computed from the image.",
            )
    return ()


def prepare_guides(
    sampled: Image, prepared: PreparedImage
) -> tuple[NDArray[np.float32], Scale | None, tuple[str, ...]]:
    """Normalise the guides of an image, if any; missing values become the mean.

    Returns
    -------
    guides : ndarray, shape (N, A, *space)
    scale : Scale or None
    findings : tuple of str

    Raises
    ------
    ImageError
        If a guide is a copy of the image, or has no finite value.
    """
    count, _, *space = prepared.x.shape
    if sampled.guides is None:
        return np.empty((count, 0, *space), np.float32), None, ()
    canonical = sampled.guides.canonical
    missing = ~np.isfinite(canonical)
    if missing.all((0, *range(2, missing.ndim))).any():
        raise ImageError("A guide holds only NaN or infinity; leave it out.")
    channels = [[a] for a in range(canonical.shape[1])]
    scales = [measure_scale(canonical[:, a], missing[:, a]) for a in channels]
    shifts, spreads = zip(*((each.shift, each.spread) for each in scales), strict=True)
    scale = Scale(np.concatenate(shifts), np.concatenate(spreads))
    guides = np.empty(canonical.shape, np.float32)
    for normalised, sample, mask in zip(guides, canonical, missing, strict=True):
        normalised[:] = scale.normalise(sample, mask)
    return guides, scale, describe_guides(prepared.x, guides)


def _centres(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cut the centre out of some samples ``(N, C, *space)``: enough pixels to measure noise."""
    some = np.unique(np.linspace(0, len(x) - 1, min(COMPARED, len(x))).astype(int))
    sides = [(size, min(size, CENTRE[x.ndim - 2])) for size in x.shape[2:]]
    box = [slice((size - side) // 2, (size + side) // 2) for size, side in sides]
    return np.stack([x[number][(slice(None), *box)] for number in some]).astype(np.float64)
