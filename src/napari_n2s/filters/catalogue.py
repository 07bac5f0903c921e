"""What can be calibrated: filters that are blind by themselves, and any other by masking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from napari_n2s.core.errors import SettingsError
from napari_n2s.filters.baselines import STRENGTHS
from napari_n2s.filters.donut_filters import RINGS, donut_filter, predict_at
from napari_n2s.filters.fast_median import rough_median
from napari_n2s.filters.footprint import Ring, disk
from napari_n2s.filters.masked_filters import Function, MaskedFilter, Picture, Predictor
from napari_n2s.filters.nl_means import NonLocalMeans
from napari_n2s.filters.skimage_filters import MASKED
from napari_n2s.preparation.prepared import PreparedImage

METHODS = (*RINGS, *MASKED)
MOST = 400
"""Neighbours beyond which a median takes too long to be tried unasked."""
MANY = 48
"""Neighbours beyond which a preview takes its median roughly."""


class Denoiser(Protocol):
    """What calibration asks of a denoiser."""

    @property
    def name(self) -> str:
        """How it is called."""

    @property
    def grid(self) -> Mapping[str, Sequence[Any]]:
        """The values of its parameters that are tried first."""

    @property
    def refines(self) -> bool:
        """Whether values between those make sense."""

    @property
    def blind(self) -> bool:
        """Whether what `run` gives has not seen the pixel either."""

    def reach_of_slices(self, values: dict[str, Any]) -> int:
        """How many slices to either side it looks at."""

    def predictor(self, ready: PreparedImage, *, blind: bool) -> Predictor:
        """Get ready to predict the held-out pixels at any strength, with or without seeing them."""

    def run(self, picture: Picture, values: dict[str, Any], ready: PreparedImage) -> Picture:
        """Denoise a picture ``(C, *space)`` on the inner scale of an image."""

    def for_preview(self) -> Denoiser:
        """Give one that is as quick as a preview has to be, if it can do with less precision."""


@dataclass(frozen=True)
class DonutFilter:
    """A filter that leaves the pixel out.

    Attributes
    ----------
    name : {"median", "mean", "gaussian"}
    spacing : tuple of float
        Distance of pixels along each axis of space.
    strengths : tuple of float, optional
        To be tried, in pixels; the usual ones if left out.
    rough : bool
        Whether the median of many neighbours in a disk need not be exact; that in a ball always is.
    """

    name: str
    spacing: tuple[float, ...] = (1.0, 1.0)
    strengths: tuple[float, ...] = ()
    rough: bool = False
    refines = False
    blind = True

    @property
    def grid(self) -> Mapping[str, Sequence[float]]:
        """Its one strength, in pixels; by itself none that looks at too many neighbours."""
        name = "sigma" if self.name == "gaussian" else "radius"
        usual = [
            each
            for each in STRENGTHS[self.name]
            if self.name == "gaussian" or len(disk(each, self.spacing).offsets) <= MOST
        ]
        return {name: self.strengths or usual}

    def reach_of_slices(self, values: dict[str, Any]) -> int:
        """Count those in the ball around the pixel."""
        (strength,) = values.values()
        *slices, _, _ = RINGS[self.name](strength, self.spacing).reach
        return sum(slices)

    def predictor(self, ready: PreparedImage, *, blind: bool) -> Predictor:
        """Take the neighbours; if not blindly, the pixel too."""

        def predict(values: dict[str, Any]) -> Picture:
            (strength,) = values.values()
            ring = RINGS[self.name](strength, self.spacing)
            if not blind:
                ring = _with_middle(ring, self.name, strength, self.spacing)
            return predict_at(
                ready.x, ready.held_out_indices, self.name, ring, ready.missing_if_any
            )

        return predict

    def run(self, picture: Picture, values: dict[str, Any], ready: PreparedImage) -> Picture:
        """Filter the whole picture."""
        (strength,) = values.values()
        if self.rough and self.name == "median" and len(self.spacing) == 2:
            ring = disk(strength, self.spacing)
            if len(ring.offsets) > MANY:
                return np.stack([rough_median(channel, ring) for channel in picture])
        return donut_filter(picture, self.name, strength, self.spacing)

    def for_preview(self) -> DonutFilter:
        """Take the median of many neighbours roughly."""
        return replace(self, rough=True)


def choose_denoiser(
    method: str | Function,
    grid: Mapping[str, Sequence[Any]] | None,
    spacing: tuple[float, ...] = (1.0, 1.0),
) -> Denoiser:
    """Find a denoiser by its name, or take a function with its grid.

    Raises
    ------
    SettingsError
        If there is none of that name, a function comes without a grid, or it cannot look at slices.
    """
    if len(spacing) > 2 and method not in RINGS:
        raise SettingsError(
            f"Only {', '.join(RINGS)} look at neighbouring slices; leave z_step out."
        )
    if callable(method):
        if not grid:
            raise SettingsError(
                "A function of your own needs a grid, as {'size': [1, 2, 3]}: the values to try."
            )
        return MaskedFilter(getattr(method, "__name__", "the function"), method, grid, own=True)
    if method in RINGS:
        donut = DonutFilter(method, spacing)
        if grid is None:
            return donut
        if list(grid) != list(donut.grid):
            raise SettingsError(f"The grid of {method} is of its {next(iter(donut.grid))} alone.")
        strengths = tuple(map(float, *grid.values()))
        if not min(strengths, default=0) > 0:
            raise SettingsError(f"The strengths of {method} must be above 0.")
        return DonutFilter(method, spacing, strengths)
    if method not in MASKED:
        raise SettingsError(f"method is {method!r}; choose one of {', '.join(METHODS)}.")
    function, usual = MASKED[method]
    kind = NonLocalMeans if method == "nlm" else MaskedFilter
    return kind(method, function, grid or usual)


def _with_middle(ring: Ring, name: str, strength: float, spacing: tuple[float, ...]) -> Ring:
    """Add the pixel itself, as the ordinary filter does."""
    offsets = np.concatenate([ring.offsets, np.zeros((1, ring.offsets.shape[1]), int)])
    if name == "gaussian":
        distance = ((ring.offsets * spacing) ** 2).sum(1)
        nearest = int(distance.argmin())
        most = ring.weights[nearest] * np.exp(distance[nearest] / (2 * strength**2))
    else:
        most = ring.weights.max()
    weights = np.append(ring.weights, most)
    return Ring(offsets, weights / weights.sum())
