"""The baselines that a network must beat: a median and a Gaussian blur without the centre pixel.

Both are 𝒥-invariant, so that their strength can be chosen by the self-supervised loss (Batson &
Royer 2019), on the same held-out pixels on which a network is scored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_n2s.filters.donut_filters import FOOTPRINTS, predict_at
from napari_n2s.filters.footprint import Footprint
from napari_n2s.preparation.held_out import Score
from napari_n2s.preparation.prepared import PreparedImage

RADII = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0)
SIGMAS = (0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0, 2.4, 2.8, 3.4, 4.0)
STRENGTHS = {"median": RADII, "mean": RADII, "gaussian": SIGMAS}
"""In pixels: radii of the median and the mean, standard deviations of the Gaussian."""
PIXEL_ALONE = (-1,)
"""A blind-spot radius that leaves no pixel out."""
BASELINES = {"median": "median", "blur": "gaussian"}
"""The filter of each baseline."""


@dataclass(frozen=True)
class Baseline:
    """A simple filter at its best strength.

    Attributes
    ----------
    name : {"median", "blur"}
    strength : float
        Radius of the median or standard deviation of the blur, in pixels.
    score : Score
    """

    name: str
    strength: float
    score: Score

    @property
    def words(self) -> str:
        """Name it with its strength."""
        what = "radius" if self.name == "median" else "sigma"
        return f"{self.name} ({what} {self.strength:g} px)"


def calibrate_baselines(
    ready: PreparedImage, radius: tuple[int, ...] | None = None, other: PreparedImage | None = None
) -> tuple[Baseline, ...]:
    """Find the donut median and the donut blur with the least loss on the held-out pixels.

    Parameters
    ----------
    ready : PreparedImage
    radius : tuple of int, optional
        Blind-spot radius along each axis, for noise that is correlated between neighbours.
    other : PreparedImage, optional
        A replicate with independent noise, which is filtered instead, without a blind spot.
    """
    spacing = (1.0,) * (ready.x.ndim - 2)
    seen = ready if other is None else other
    radius = radius if other is None else PIXEL_ALONE * len(spacing)
    found = []
    for name, kind in BASELINES.items():
        tried = [
            Baseline(
                name,
                strength,
                score_filter(ready, kind, FOOTPRINTS[kind](strength, spacing, radius), seen),
            )
            for strength in STRENGTHS[kind]
        ]
        found.append(min(tried, key=lambda each: each.score.loss))
    return tuple(found)


def errors_of(
    ready: PreparedImage,
    baseline: Baseline,
    radius: tuple[int, ...] | None,
    other: PreparedImage | None = None,
) -> NDArray[np.float64]:
    """Return the squared errors ``(pixels,)`` of a baseline on the held-out pixels.

    Parameters as for `calibrate_baselines`.
    """
    kind, seen = BASELINES[baseline.name], ready if other is None else other
    spacing = (1.0,) * (ready.x.ndim - 2)
    radius = radius if other is None else PIXEL_ALONE * len(spacing)
    footprint = FOOTPRINTS[kind](baseline.strength, spacing, radius)
    predicted = predict_at(seen.x, ready.held_out_indices, kind, footprint, seen.missing_if_any)
    return ready.squared_errors(predicted)


def score_filter(
    ready: PreparedImage, kind: str, footprint: Footprint, seen: PreparedImage | None = None
) -> Score:
    """Score a filter on the held-out pixels, run on that image or on a replicate."""
    seen = seen or ready
    return ready.score(
        predict_at(seen.x, ready.held_out_indices, kind, footprint, seen.missing_if_any)
    )
