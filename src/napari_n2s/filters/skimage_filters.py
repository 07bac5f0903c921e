"""scikit-image's denoisers, each with its parameters and the values to try.

They are given normalised images: parameters in intensity are in the image's standard deviations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from napari_n2s.filters.masked_filters import MARGIN, Function, Picture
from napari_n2s.filters.nl_means import PATCH_DISTANCE, PATCH_SIZE

MAX_CUTOFF = 0.5
"""Largest cutoff frequency of the Butterworth filter: half of the sampling frequency."""


def _nl_means(picture: Picture, h: float) -> Picture:
    from skimage.restoration import denoise_nl_means

    options = {"patch_size": PATCH_SIZE, "patch_distance": PATCH_DISTANCE, "fast_mode": True}
    clean: Picture = denoise_nl_means(picture, h=h, **options)
    return clean


def _wavelet(picture: Picture, sigma: float) -> Picture:
    from skimage.restoration import denoise_wavelet

    clean: Picture = denoise_wavelet(picture, sigma=sigma, rescale_sigma=True)
    return clean


def _total_variation(picture: Picture, weight: float) -> Picture:
    from skimage.restoration import denoise_tv_chambolle

    clean: Picture = denoise_tv_chambolle(picture, weight=weight)  # type: ignore[no-untyped-call]
    return clean


def _bilateral(picture: Picture, sigma_color: float, sigma_spatial: float) -> Picture:
    from skimage.restoration import denoise_bilateral

    options = {"sigma_color": sigma_color, "sigma_spatial": sigma_spatial}
    clean: Picture = denoise_bilateral(picture, **options, mode="symmetric")
    return clean


def _butterworth(picture: Picture, cutoff: float) -> Picture:
    from skimage.filters import butterworth

    options = {"high_pass": False, "npad": MARGIN}
    clean: Picture = butterworth(  # type: ignore[no-untyped-call]
        picture, cutoff_frequency_ratio=cutoff, **options
    )
    return clean


def _steps(low: float, high: float, count: int) -> tuple[float, ...]:
    return tuple(float(f"{each:.2g}") for each in np.geomspace(low, high, count))


MASKED: dict[str, tuple[Function, Mapping[str, Sequence[float]]]] = {
    "nlm": (_nl_means, {"h": _steps(0.1, 2, 8)}),
    "wavelet": (_wavelet, {"sigma": _steps(0.05, 3, 10)}),
    "tv": (_total_variation, {"weight": _steps(0.05, 3, 10)}),
    "bilateral": (_bilateral, {"sigma_color": _steps(0.2, 4, 6), "sigma_spatial": (1.0, 2.0, 4.0)}),
    "butterworth": (_butterworth, {"cutoff": _steps(0.02, 0.45, 10)}),
}
