"""Non-local means at single pixels: what scikit-image's would make of them, at any strength.

To score it, one pixel in 25 is wanted, at strength after strength. What is compared does not depend
on the strength; it is compared once, and nowhere else. The picture that is delivered is
scikit-image's.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from napari_n2s.core.system import threads
from napari_n2s.filters.masked_filters import MaskedFilter, Picture, Predictor, Shown, join, show
from napari_n2s.preparation.prepared import PreparedImage

PATCH_SIZE = 5
PATCH_DISTANCE = 6
FARTHEST = 5.0
"""Squared distance of patches, in squares of the strength, beyond which a pixel counts nothing."""


@dataclass(frozen=True)
class Alike:
    """The pixels around some pixels, and how far their patches are from those of these.

    Attributes
    ----------
    distances, values : ndarray, shape (pixels, around)
        Squared distances on the picture's scale, and values.
    """

    distances: NDArray[np.floating]
    values: NDArray[np.floating]

    def mean(self, h: float) -> NDArray[np.floating]:
        """Average the values, those of closer patches the more: the exponent falls as h**2."""
        far = self.distances / (h * h)
        weights = np.where(far > FARTHEST, 0, np.exp(-far))
        mean: NDArray[np.floating] = (weights * self.values).sum(1) / weights.sum(1)
        return mean


def find_alike(shown: Shown) -> Alike:
    """Compare the patches of the pixels that are wanted with those around.

    As scikit-image's fast mode does: of a patch of 5 x 5 pixels, it adds up those from one before
    to two after the middle, and divides by 25.
    """
    before, after = PATCH_SIZE // 2 - 1, PATCH_SIZE // 2
    reach, edge = PATCH_DISTANCE + after, PATCH_SIZE - 1
    padded = np.pad(shown.picture, reach, mode="reflect")
    near = sliding_window_view(padded, (2 * reach + 1,) * 2)[shown.wanted]
    own = near[:, reach - before : reach + after + 1, reach - before : reach + after + 1]
    side = 2 * PATCH_DISTANCE + 1
    distances = np.empty((len(near), side, side), near.dtype)
    for row, column in np.ndindex(side, side):
        top, left = row + after - before, column + after - before
        apart = near[:, top : top + edge, left : left + edge] - own
        distances[:, row, column] = np.einsum("nij,nij->n", apart, apart)
    values = near[:, after:-after, after:-after]
    return Alike(distances.reshape(len(near), -1) / PATCH_SIZE**2, values.reshape(len(near), -1))


class NonLocalMeans(MaskedFilter):
    """Non-local means, scored from its held-out pixels alone."""

    def predictor(self, ready: PreparedImage, *, blind: bool) -> Predictor:
        """Compare patches in windows around the held-out pixels, replaced if blind."""
        with ThreadPoolExecutor(threads()) as pool:
            windows = list(pool.map(find_alike, show(ready, blind=blind)))

        def predict(values: dict[str, Any]) -> Picture:
            try:
                return join([window.mean(**values) for window in windows], ready)
            except Exception as error:
                raise self.failure(values, error) from error

        return predict
