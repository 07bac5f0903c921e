"""The denoisers that can be calibrated: donut filters, and any others by masking pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Protocol

import numpy as np

from napari_n2s.core.errors import SettingsError
from napari_n2s.filters.baselines import STRENGTHS
from napari_n2s.filters.donut_filters import FOOTPRINTS, donut_filter, predict_at
from napari_n2s.filters.footprint import Footprint, disk
from napari_n2s.filters.histogram_median import histogram_median
from napari_n2s.filters.masked_filters import Function, MaskedFilter, Picture, Predictor
from napari_n2s.filters.nl_means import NonLocalMeans
from napari_n2s.filters.skimage_filters import MASKED, MAX_CUTOFF
from napari_n2s.preparation.prepared import PreparedImage

METHODS = (*FOOTPRINTS, *MASKED)
"""The names of all denoisers."""
MAX_NEIGHBOURS = 400
"""Number of neighbours beyond which a median is too slow to be tried by default."""
MANY_NEIGHBOURS = 48
"""Number of neighbours beyond which a preview approximates the median, which is then faster."""


class Denoiser(Protocol):
    """The interface of a denoiser that can be calibrated."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def grid(self) -> Mapping[str, Sequence[Any]]:
        """The values of its parameters that are tried first."""

    @property
    def refines(self) -> bool:
        """Whether values between those may be tried, and beyond."""

    @property
    def limit(self) -> float:
        """Largest value that may be tried beyond those."""

    @property
    def blind(self) -> bool:
        """Whether the output of `run` is a blind prediction, too."""

    def reach_of_slices(self, values: dict[str, Any]) -> int:
        """Count the slices to either side that it uses."""

    def predictor(self, ready: PreparedImage, *, blind: bool) -> Predictor:
        """Prepare to predict the held-out pixels at any strength, with or without seeing them."""

    def run(self, picture: Picture, values: dict[str, Any], ready: PreparedImage) -> Picture:
        """Denoise an image ``(C, *space)`` on the normalised scale."""

    def for_preview(self) -> Denoiser:
        """Return a faster approximation for previews, if there is one."""


@dataclass(frozen=True)
class DonutFilter:
    """A filter whose footprint lacks the centre pixel.

    Attributes
    ----------
    name : {"median", "mean", "gaussian"}
    spacing : tuple of float
        Distance of pixels along each axis of space.
    strengths : tuple of float, optional
        Strengths to try, in pixels; the default ones if left out.
    approximate : bool
        Whether medians of many neighbours in a disk are approximated; those in a ball are exact.
    """

    name: str
    spacing: tuple[float, ...] = (1.0, 1.0)
    strengths: tuple[float, ...] = ()
    approximate: bool = False
    refines = False
    limit = inf
    blind = True

    @property
    def grid(self) -> Mapping[str, Sequence[float]]:
        """Its one parameter, in pixels; by default without medians of too many neighbours."""
        name = "sigma" if self.name == "gaussian" else "radius"
        usual = [
            each
            for each in STRENGTHS[self.name]
            if self.name == "gaussian" or len(disk(each, self.spacing).offsets) <= MAX_NEIGHBOURS
        ]
        return {name: self.strengths or usual}

    def reach_of_slices(self, values: dict[str, Any]) -> int:
        """Count those within the ball."""
        (strength,) = values.values()
        *slices, _, _ = FOOTPRINTS[self.name](strength, self.spacing).reach
        return sum(slices)

    def predictor(self, ready: PreparedImage, *, blind: bool) -> Predictor:
        """Filter the neighbours; if not blind, with the pixel."""

        def predict(values: dict[str, Any]) -> Picture:
            (strength,) = values.values()
            footprint = FOOTPRINTS[self.name](strength, self.spacing)
            if not blind:
                footprint = _with_middle(footprint, self.name, strength, self.spacing)
            return predict_at(
                ready.x, ready.held_out_indices, self.name, footprint, ready.missing_if_any
            )

        return predict

    def run(self, picture: Picture, values: dict[str, Any], ready: PreparedImage) -> Picture:
        """Filter the whole image."""
        (strength,) = values.values()
        if self.approximate and self.name == "median" and len(self.spacing) == 2:
            footprint = disk(strength, self.spacing)
            if len(footprint.offsets) > MANY_NEIGHBOURS:
                return np.stack([histogram_median(channel, footprint) for channel in picture])
        return donut_filter(picture, self.name, strength, self.spacing)

    def for_preview(self) -> DonutFilter:
        """Approximate medians of many neighbours."""
        return replace(self, approximate=True)


def choose_denoiser(
    method: str | Function,
    grid: Mapping[str, Sequence[Any]] | None,
    spacing: tuple[float, ...] = (1.0, 1.0),
) -> Denoiser:
    """Find a denoiser by its name, or wrap a function with its grid.

    Raises
    ------
    SettingsError
        If there is none of that name, a function has no grid, or it cannot use slices.
    """
    if len(spacing) > 2 and method not in FOOTPRINTS:
        raise SettingsError(
            f"Only {', '.join(FOOTPRINTS)} use neighbouring slices; leave z_step out."
        )
    if callable(method):
        if not grid:
            raise SettingsError(
                "A function of your own needs a grid, as {'size': [1, 2, 3]}: the values to try."
            )
        return MaskedFilter(getattr(method, "__name__", "the function"), method, grid, own=True)
    if method in FOOTPRINTS:
        donut = DonutFilter(method, spacing)
        if grid is None:
            return donut
        if list(grid) != list(donut.grid):
            raise SettingsError(
                f"The grid of {method} has one parameter, its {next(iter(donut.grid))}."
            )
        strengths = tuple(map(float, *grid.values()))
        if not min(strengths, default=0) > 0:
            raise SettingsError(f"The strengths of {method} must be above 0.")
        return DonutFilter(method, spacing, strengths)
    if method not in MASKED:
        raise SettingsError(f"method is {method!r}; choose one of {', '.join(METHODS)}.")
    function, usual = MASKED[method]
    kind = NonLocalMeans if method == "nlm" else MaskedFilter
    limit = MAX_CUTOFF if method == "butterworth" else inf
    return kind(method, function, grid or usual, limit=limit)


def smooths_least(
    denoiser: Denoiser, values: dict[str, Any], tried: Sequence[dict[str, Any]]
) -> bool:
    """Whether a strength is the weakest of several, and no stronger than the weakest of the grid.

    The first parameter counts. It is False for a function of one's own, whose parameters may mean
    anything.
    """
    if isinstance(denoiser, MaskedFilter) and denoiser.own:
        return False
    usual = choose_denoiser(denoiser.name, None).grid
    name, strength = next(iter(values.items()))
    weakest = max if denoiser.name == "butterworth" else min  # a cutoff: all below it passes
    strengths = {each[name] for each in tried}
    return len(strengths) > 1 and strength == weakest(*strengths, *usual[name])


def _with_middle(
    footprint: Footprint, name: str, strength: float, spacing: tuple[float, ...]
) -> Footprint:
    """Add the centre pixel, as in the ordinary filter."""
    offsets = np.concatenate([footprint.offsets, np.zeros((1, footprint.offsets.shape[1]), int)])
    if name == "gaussian":
        distance = ((footprint.offsets * spacing) ** 2).sum(1)
        nearest = int(distance.argmin())
        most = footprint.weights[nearest] * np.exp(distance[nearest] / (2 * strength**2))
    else:
        most = footprint.weights.max()
    weights = np.append(footprint.weights, most)
    return Footprint(offsets, weights / weights.sum())
