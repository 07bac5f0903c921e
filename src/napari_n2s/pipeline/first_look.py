"""First look: the prediction of the pretrained network, before any training."""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.generators import finish
from napari_n2s.core.settings import Settings
from napari_n2s.exclusion.excluded import exclude
from napari_n2s.images.image import Image
from napari_n2s.images.missing import require_usable
from napari_n2s.images.scale import measure_scale
from napari_n2s.images.sources import Box
from napari_n2s.inference.model import Model
from napari_n2s.nn.pretrained import fits, weights_for
from napari_n2s.preparation.held_out import Score


def first_look(image: Image, box: Box, device: str = "auto") -> NDArray[np.generic] | None:
    """Denoise a part of an image with pretrained weights; None if there are none that fit.

    Raises
    ------
    ImageError, DeviceError
        If it cannot be denoised.
    """
    settings = Settings(nan_policy="omit", device=device)
    part = image.without_guides().part(box).load()
    part.layout.require_size()
    require_usable(part.missing, settings.nan_policy)
    if not fits(settings, channels=part.channels, ndim=2):
        return None
    model = Model(
        settings=settings,
        channels=1,
        ndim=2,
        scale=measure_scale(part.canonical, exclude(part.canonical, settings, part.missing)[0]),
        context=None,
        weights=weights_for((0, 0)),
        step=0,
        score=Score(nan, nan, 0),
        turns=1,
    )
    clean: NDArray[np.generic] = finish(model.applying(part, quick=True))
    return clean
