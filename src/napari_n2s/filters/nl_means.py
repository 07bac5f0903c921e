"""Non-local means at single pixels, equal to scikit-image's fast mode, at any strength.

For a score one pixel in 25 is needed, at many strengths. Distances of patches do not depend on the
strength, and are computed once, for these pixels alone. The image that is delivered is
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
from napari_n2s.filters.masked_filters import (
    MaskedFilter,
    MaskedWindow,
    Picture,
    Predictor,
    join_windows,
    mask_windows,
)
from napari_n2s.preparation.prepared import PreparedImage

PATCH_SIZE = 5
"""Side of patches, in pixels."""
PATCH_DISTANCE = 6
"""Largest distance of patches along each axis, in pixels."""
FARTHEST = 5.0
"""Squared distance of patches, in squares of the strength, beyond which the weight is zero."""


@dataclass(frozen=True)
class PatchDistances:
    """The pixels around some pixels, and the distances of their patches.

    Attributes
    ----------
    distances, values : ndarray, shape (pixels, around)
        Squared distances on the image's scale, and values.
    """

    distances: NDArray[np.floating]
    values: NDArray[np.floating]

    def mean(self, h: float) -> NDArray[np.floating]:
        """Average the values with weights exp(-distances / h**2)."""
        far = self.distances / (h * h)
        weights = np.where(far > FARTHEST, 0, np.exp(-far))
        mean: NDArray[np.floating] = (weights * self.values).sum(1) / weights.sum(1)
        return mean


def compare_patches(shown: MaskedWindow) -> PatchDistances:
    """Compare the patches of the wanted pixels with those around them.

    As scikit-image's fast mode does: of a patch of 5 x 5 pixels, the sum extends from one before to
    two after the centre, and is divided by 25.
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
    return PatchDistances(
        distances.reshape(len(near), -1) / PATCH_SIZE**2, values.reshape(len(near), -1)
    )


class NonLocalMeans(MaskedFilter):
    """Non-local means, computed at the held-out pixels alone for a score."""

    def predictor(self, ready: PreparedImage, *, blind: bool) -> Predictor:
        """Compare patches in windows around the held-out pixels, replaced if blind."""
        with ThreadPoolExecutor(threads()) as pool:
            windows = list(pool.map(compare_patches, mask_windows(ready, blind=blind)))

        def predict(values: dict[str, Any]) -> Picture:
            try:
                return join_windows([window.mean(**values) for window in windows], ready)
            except Exception as error:
                raise self.failure(values, error) from error

        return predict
