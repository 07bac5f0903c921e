"""What the pretrained network makes of an image before anything has been learnt from that."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.generators import finish
from napari_n2s.core.settings import Settings
from napari_n2s.exclusion.excluded import exclude
from napari_n2s.images.axes import layout
from napari_n2s.images.image import Box, find_missing, measure_scale, read_box
from napari_n2s.inference.model import Model
from napari_n2s.nn.pretrained import fits, weights_for
from napari_n2s.preparation.held_out import Score


def first_look(image: Any, axes: str, box: Box) -> NDArray[np.generic] | None:
    """Denoise a part of an image on its own intensity scale; None where no pretrained weights fit.

    Raises
    ------
    ImageError, DeviceError
        If it cannot be denoised.
    """
    settings = Settings(nan_policy="omit")
    part = read_box(image, box)
    found = layout(part.shape, axes)
    canonical = found.canonical(part)
    find_missing(canonical, settings.nan_policy)
    if not fits(settings, channels=canonical.shape[1], ndim=canonical.ndim - 2):
        return None
    model = Model(
        settings=settings,
        channels=1,
        ndim=2,
        scale=measure_scale(canonical, exclude(canonical, settings)[0]),
        context=None,
        weights=weights_for((0, 0)),
        step=0,
        score=Score(nan, nan, 0),
        turns=1,
    )
    clean: NDArray[np.generic] = finish(model.applying(part, axes=axes, quick=True))
    return clean
