"""A label image of the pixels that are excluded from training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.settings import Settings
from napari_n2s.exclusion import excluded
from napari_n2s.images.image import open_image


def find_excluded(
    image: Any, axes: str | None = None, settings: Settings | None = None
) -> NDArray[np.uint8]:
    """Label the pixels of an image that are excluded from training, by reason.

    Parameters
    ----------
    image : array_like
    axes : str, optional
        One letter for each axis, as for `denoise`.
    settings : Settings, optional
        Its `outliers` and `constant_areas` determine which kinds are searched for.

    Returns
    -------
    ndarray of uint8, of the image's shape
        0 for signal, 1 for outliers, 2 for constant areas, 3 for isolated pixels that may be
        outliers or spots of a single pixel, and very bright pixels, 4 for NaN or infinite pixels.

    Raises
    ------
    ImageError
        If its dtype is not numeric, or the axes do not fit its shape.
    """
    settings, opened = settings or Settings(), open_image(image, axes).load()
    canonical = opened.canonical
    kinds: NDArray[np.generic] = np.zeros(canonical.shape, np.uint8)
    for sample, into in zip(canonical, kinds, strict=True):
        parts = excluded.examine(sample, settings)
        into[parts.outliers] = 1
        into[parts.constant] = 2
        into[parts.uncertain | parts.very_bright] = 3
        into[np.broadcast_to(parts.missing, into.shape)] = 4
    return opened.layout.restore(kinds).astype(np.uint8, copy=False)
