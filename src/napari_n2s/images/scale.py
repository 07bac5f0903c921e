"""Normalisation of intensities: each channel to mean 0 and standard deviation 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError

TAIL, FAR_OUT = 0.1, 8.0
"""Fraction of the values in each tail outside the interpercentile range, and multiple of this range
beyond which a value is excluded from mean and standard deviation."""
SAMPLED = 2**18
"""Approximate number of values that quantiles are estimated from."""
LARGEST = 1e37
"""Largest intensity accepted: beyond it, results would overflow float32."""


@dataclass(frozen=True)
class Scale:
    """Normalisation of an image: each channel to mean 0 and standard deviation 1.

    Attributes
    ----------
    shift, spread : ndarray of float64, shape (C,)
        Mean and standard deviation of each channel; a spread of 0 marks a constant channel.
    """

    shift: NDArray[np.float64]
    spread: NDArray[np.float64]

    @property
    def variance(self) -> NDArray[np.float64]:
        """Squared intensity units per unit of a normalised squared error; shape (C,)."""
        return self.spread**2

    def normalise(
        self, sample: NDArray[np.generic], missing: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Normalise a sample ``(C, *space)``; missing pixels become 0."""
        shift, spread = self._along(sample)
        normalised = np.subtract(np.where(missing, shift, sample), shift, dtype=np.float64)
        return (normalised / np.where(spread, spread, 1)).astype(np.float32)

    def restore(self, normalised: NDArray[np.floating]) -> NDArray[np.float64]:
        """Convert a normalised sample ``(C, *space)`` back to the image's intensities."""
        shift, spread = self._along(normalised)
        restored: NDArray[np.float64] = normalised * spread + shift
        return restored

    def _along(self, sample: NDArray[np.generic]) -> Iterator[NDArray[np.float64]]:
        column = (-1, *(1,) * (sample.ndim - 1))
        return (each.reshape(column) for each in (self.shift, self.spread))


def measure_scale(canonical: NDArray[np.generic], missing: NDArray[np.bool_]) -> Scale:
    """Measure mean and standard deviation of each channel, without missing pixels.

    Extreme values are excluded, so that a few very bright pixels do not compress the range of the
    rest.

    Parameters
    ----------
    canonical : ndarray, shape (N, C, *space)
    missing : ndarray of bool, shape (N, 1 or C, *space)
    """
    any_missing = missing.any()
    shift, spread = [], []
    for channel in range(canonical.shape[1]):
        values = canonical[:, channel]
        if any_missing:
            known = ~missing[:, min(channel, missing.shape[1] - 1)]
            values = values[known] if known.any() else values
        low, high = float(values.min()), float(values.max())
        if max(-low, high) > LARGEST:
            raise ImageError(
                "The image's intensities are too large to compute with; scale them down."
            )
        constant = low == high
        bottom, top = np.quantile(_subsample(values).astype(np.float64), (TAIL, 1 - TAIL)).tolist()
        reach = FAR_OUT * (top - bottom)
        if top > bottom and not bottom - reach <= low <= high <= top + reach:
            values = values[(values >= bottom - reach) & (values <= top + reach)]
        shift.append(low if constant else float(values.mean(dtype=np.float64)))
        spread.append(0.0 if constant else float(values.std(dtype=np.float64)))
    return Scale(np.array(shift), np.array(spread))


def _subsample(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Sample values evenly from an array."""
    flat = values.reshape(-1)
    return flat[:: max(1, flat.size // SAMPLED)]
