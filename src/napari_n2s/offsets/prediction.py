"""Prediction of images by the pretrained network, from which offsets stand out."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from napari_n2s.core.generators import finish
from napari_n2s.core.settings import Settings
from napari_n2s.images.image import open_image
from napari_n2s.images.scale import measure_scale
from napari_n2s.inference.model import Model
from napari_n2s.nn.pretrained import weights_for
from napari_n2s.preparation.held_out import Score

WINDOW = 9
"""Side in pixels of the window in which roughness is measured."""

Values = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


def predict(planes: Values, known: Mask, device: str = "auto") -> Values:
    """Predict images ``(N, Y, X)``, each pixel from its surroundings, in one pass of the network.

    Parameters
    ----------
    planes : ndarray, shape (N, Y, X)
    known : ndarray of bool, shape (N, Y, X)
        Pixels that have a value and are not excluded.
    device : str
        As in the settings.

    Returns
    -------
    ndarray, shape (N, Y, X)
        Finite everywhere.
    """
    filled = np.where(np.isfinite(planes), planes, np.median(planes[known]))
    image = open_image(filled, "TYX")
    model = Model(
        settings=Settings(blind_spot_radius=(0,), device=device),
        channels=1,
        ndim=2,
        scale=measure_scale(image.canonical, ~known[:, None]),
        context=None,
        weights=weights_for((0, 0)),
        step=0,
        score=Score(nan, nan, 0),
        turns=1,
    )
    return np.asarray(finish(model.applying(image, quick=True)))


def roughness(predicted: Values) -> Values:
    """Measure the local variance of a prediction ``(Y, X)``."""
    squares = uniform_filter(predicted**2, WINDOW) - uniform_filter(predicted, WINDOW) ** 2
    rough: Values = np.maximum(squares, 0)
    return rough
