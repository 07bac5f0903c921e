"""The intensity scale of a network: each channel with mean 0 and standard deviation 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError

TAIL, FAR_OUT = 0.1, 8.0
"""Fraction of the values in each tail that the interpercentile range leaves out, and how many such
ranges beyond it a value must lie to be left out of mean and standard deviation."""
SAMPLED = 2**18
"""Number of values that quantiles are estimated from."""
LARGEST = 1e37
"""Largest intensity accepted: beyond it, results would overflow float32."""


@dataclass(frozen=True)
class Scale:
    """The scale on which a network sees an image: each channel with mean 0 and deviation 1.

    Attributes
    ----------
    shift, spread : ndarray of float64, shape (C,)
        Mean and standard deviation of each channel; a spread of 0 marks a constant channel.
    """

    shift: NDArray[np.float64]
    spread: NDArray[np.float64]

    @property
    def variance(self) -> NDArray[np.float64]:
        """What a squared error of 1 on the inner scale is worth in each channel; shape (C,)."""
        return self.spread**2

    def normalise(
        self, sample: NDArray[np.generic], missing: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Bring one sample ``(C, *space)`` to the inner scale, with 0 where a pixel is missing."""
        shift, spread = self._along(sample)
        inner = np.subtract(np.where(missing, shift, sample), shift, dtype=np.float64)
        return (inner / np.where(spread, spread, 1)).astype(np.float32)

    def restore(self, inner: NDArray[np.floating]) -> NDArray[np.float64]:
        """Bring one sample ``(C, *space)`` back to the image's intensities."""
        shift, spread = self._along(inner)
        restored: NDArray[np.float64] = inner * spread + shift
        return restored

    def _along(self, sample: NDArray[np.generic]) -> Iterator[NDArray[np.float64]]:
        column = (-1, *(1,) * (sample.ndim - 1))
        return (each.reshape(column) for each in (self.shift, self.spread))


def measure_scale(canonical: NDArray[np.generic], missing: NDArray[np.bool_]) -> Scale:
    """Measure the mean and standard deviation of each channel, missing pixels left out.

    Values that lie many times as far out as nearly all others do not count, so that a few very
    bright pixels do not decide how the rest is seen.

    Parameters
    ----------
    canonical : ndarray, shape (N, C, *space)
    missing : ndarray of bool, shape (N, 1 or C, *space)
    """
    some = missing.any()
    shift, spread = [], []
    for channel in range(canonical.shape[1]):
        values = canonical[:, channel]
        if some:
            known = ~missing[:, min(channel, missing.shape[1] - 1)]
            values = values[known] if known.any() else values
        low, high = float(values.min()), float(values.max())
        if max(-low, high) > LARGEST:
            raise ImageError(
                "The image's intensities are too large to compute with; scale them down."
            )
        constant = low == high
        bottom, top = np.quantile(_some(values).astype(np.float64), (TAIL, 1 - TAIL)).tolist()
        reach = FAR_OUT * (top - bottom)
        if top > bottom and not bottom - reach <= low <= high <= top + reach:
            values = values[(values >= bottom - reach) & (values <= top + reach)]
        shift.append(low if constant else float(values.mean(dtype=np.float64)))
        spread.append(0.0 if constant else float(values.std(dtype=np.float64)))
    return Scale(np.array(shift), np.array(spread))


def _some(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Take some values from all over an array."""
    flat = values.reshape(-1)
    return flat[:: max(1, flat.size // SAMPLED)]
