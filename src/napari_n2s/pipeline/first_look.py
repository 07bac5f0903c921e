"""First look: the prediction of the pretrained network, before any training."""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.generators import finish
from napari_n2s.core.settings import Settings
from napari_n2s.images.image import Image
from napari_n2s.images.sources import Box
from napari_n2s.inference.model import Model
from napari_n2s.methods.correlated_noise import choose_radius
from napari_n2s.methods.traits import traits_of
from napari_n2s.nn.pretrained import fits, weights_for
from napari_n2s.offsets.removal import removing_offsets
from napari_n2s.preparation.held_out import Score
from napari_n2s.preparation.prepared import prepare


def first_look(image: Image, box: Box, device: str = "auto") -> NDArray[np.generic] | None:
    """Denoise a part of an image with pretrained weights; None if there are none that fit.

    Raises
    ------
    ImageError, DeviceError
        If it cannot be denoised.
    """
    settings = Settings(nan_policy="omit", device=device)
    part, _ = finish(removing_offsets(image.without_guides().part(box).load(), settings))
    part.layout.require_size()
    if not fits(settings, channels=part.channels, ndim=2):
        return None
    prepared = prepare(part, settings)
    settings, _ = choose_radius(settings, prepared)
    radius, recorrupted = settings.radius_along(ndim=2), traits_of(settings).recorrupts
    model = Model(
        settings=settings,
        channels=1,
        ndim=2,
        scale=prepared.scale,
        context=None,
        weights=weights_for(radius, recorrupted=recorrupted),
        step=0,
        score=Score(nan, nan, 0),
        turns=1,
    )
    # With correlated noise, non-local Bayes brings most of the gain.
    clean: NDArray[np.generic] = finish(model.applying(part, quick=not recorrupted))
    return clean
