"""Estimated duration of inference, relative to scoring the held-out pixels once."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from napari_n2s.core.settings import Settings
from napari_n2s.inference.tile_size import TILE
from napari_n2s.inference.tiling import count_passes, divide
from napari_n2s.methods.base import Method
from napari_n2s.methods.masked import MaskedMethod
from napari_n2s.methods.nonlocal_bayes import is_applicable
from napari_n2s.methods.traits import traits_of
from napari_n2s.training.training_data import TrainingData

NONLOCAL_PASSES = 14
"""Duration of non-local Bayes for a channel, in passes of the network over the image."""


class Costs(NamedTuple):
    """Durations, in those of scoring the held-out pixels once.

    Attributes
    ----------
    inference : float
        Applying the network to the image.
    nonlocal_bayes : float
        Non-local Bayes on the result; 0 where it is not applied.
    weighing : float
        Estimating the weight of non-local Bayes; 0 where it is not estimated.
    passes : tuple of int
        Passes over the image, at most and at least, that inference consists of.
    """

    inference: float
    nonlocal_bayes: float
    weighing: float
    passes: tuple[int, int]


def costs_of(method: Method, data: TrainingData, settings: Settings) -> Costs:
    """Estimate the durations for a method, an image and its settings."""
    tile = divide(tuple(data.x.shape[2:]), TILE**2)
    halos = prod(1 + 2 * method.network.halo / side for side in tile)
    passes = count_passes(method, data.ndim, settings.invariant)
    passes += 2 * method.combines_predictions  # for the pixel response
    fewest = passes
    if settings.invariant and isinstance(method, MaskedMethod):
        fewest = method.with_fewer_masks(1, data.ndim).count_masks(data.ndim)
    two_dimensional = is_applicable(tuple(data.windows.shape[2:])) and not data.constant
    applied = method.combines_predictions and not settings.invariant and two_dimensional
    weighed = applied and traits_of(settings).weighs_nonlocal
    return Costs(
        inference=halos * passes / data.fraction_in_windows,
        nonlocal_bayes=applied * NONLOCAL_PASSES / data.fraction_in_windows,
        weighing=weighed * (count_passes(method, data.ndim, False) + NONLOCAL_PASSES),
        passes=(passes, fewest),
    )
