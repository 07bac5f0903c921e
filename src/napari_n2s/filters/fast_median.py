"""The median of many neighbours, for a preview: of levels of grey in place of intensities.

Levels are counted in a sliding histogram (Huang et al., IEEE TASSP 1979), whose work grows with
the radius; that of comparing neighbours grows faster than its square.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.system import threads
from napari_n2s.filters.footprint import Ring

LEVELS = 256
"""As many as 8 bits hold; each is that of as many pixels."""


def rough_median(picture: NDArray[np.floating], ring: Ring) -> NDArray[np.floating]:
    """Find the median of each pixel's neighbours to within the pixels of one level.

    Parameters
    ----------
    picture : ndarray, shape (height, width)
        Borders are reflected, the last pixel repeated.
    ring : Ring

    Returns
    -------
    ndarray
        One of the picture's values for each pixel. Of all pixels, no more than one in `LEVELS` lies
        between it and the upper of the middle two neighbours.
    """
    from skimage.filters import rank  # slow to load, and rarely wanted

    order = np.argsort(picture, axis=None)
    levels = np.empty(picture.size, np.uint8)
    levels[order] = np.arange(picture.size) * LEVELS // picture.size
    (above, beside), height = ring.reach, len(picture)
    reach = [(above, above), (beside, beside)]
    padded = np.pad(levels.reshape(picture.shape), reach, mode="symmetric")
    rows = -(-height // threads())

    def fill(top: int) -> NDArray[np.uint8]:
        strip = padded[top : top + rows + 2 * above]
        middle: NDArray[np.uint8] = rank.percentile(  # type: ignore[no-untyped-call]
            strip, ring.kernel() > 0, p0=0.5
        )
        return middle[above:-above, beside:-beside]

    with ThreadPoolExecutor(threads()) as pool:
        found = np.concatenate(list(pool.map(fill, range(0, height, rows))))
    middles = (2 * np.arange(LEVELS) + 1) * picture.size // (2 * LEVELS)
    values: NDArray[np.floating] = picture.reshape(-1)[order[middles]][found]
    return values
