"""Safeguard: a filter replaces a network whose result is worse.

There are two tests. The first compares the errors of the network and of the best filter on the
held-out pixels. The second compares the network's result with the noisy image: noise averages out
over a block of pixels, so that blocks of a good result have the mean of the noisy image, within a
known standard error.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.settings import Settings
from napari_n2s.exclusion.excluded import examine
from napari_n2s.exclusion.outliers import measure_noise
from napari_n2s.filters.baselines import BASELINES, Baseline
from napari_n2s.filters.donut_filters import donut_filter
from napari_n2s.images.image import Image
from napari_n2s.inference.model import Model
from napari_n2s.methods.traits import traits_of
from napari_n2s.noise.recorruption import measure_recorruption
from napari_n2s.preparation.held_out import improved
from napari_n2s.training.progress import Progress

STANDARD_ERRORS = 2.0
"""Standard errors of the difference by which a filter has to be better, on the same pixels."""
MIN_GAIN, MIN_GAIN_RECORRUPTED = 0.01, 0.15
"""Fraction of its squared error by which a filter has to be better; more on recorrupted images,
whose scores prefer a smoother result if the noise is taken for stronger than it is."""
BLOCK = 16
"""Side in pixels of the blocks whose mean is compared."""
MAX_SAMPLES, SIDE = 4, 512
"""Maximum number of samples that are compared, and side in pixels of their central part."""
MIN_VARIANCE = 0.25
"""Minimum noise variance as a fraction of its mean over the image."""
MAX_RELATIVE_TO_NOISE, MAX_RELATIVE_TO_FILTER, MAX_BLOCK = 25.0, 4.0, 1e6
"""Maximum mean squared difference of blocks, relative to that expected of noise and to that of a
filter; and maximum contribution of a single block."""


class Safe(NamedTuple):
    """The model to apply.

    Attributes
    ----------
    model : Model
    reason : str
        Why its network is replaced by a filter; empty if it is not.
    """

    model: Model
    reason: str = ""


def safest(progress: Progress) -> Safe:
    """Choose between the network and the best filter by the held-out pixels.

    Some methods cannot be compared so: see `MethodTraits.judged_by_filters`.
    """
    model, filter_errors = progress.best, progress.trainer.data.baseline_errors
    errors = progress.trainer.best_errors
    if not model.traits.judged_by_filters or errors is None or filter_errors is None:
        return Safe(model)
    gain = errors - filter_errors
    least = MIN_GAIN_RECORRUPTED if model.traits.recorrupts else MIN_GAIN
    worse = float(gain.mean()) > least * float(filter_errors.mean())
    if not (worse and improved(errors, filter_errors, STANDARD_ERRORS)):
        return Safe(model)
    best = min(progress.baselines, key=lambda each: each.score.loss)
    standard_error = float(gain.std(ddof=1)) / gain.size**0.5
    return Safe(
        replace(model, fallback=best),
        f"The {best.words} predicts held-out pixels better than the network, by a squared error of "
        f"{gain.mean():.3g} ± {standard_error:.2g}, so its result is returned instead. Train for "
        "longer, or choose a part with more structure.",
    )


def contradicted(
    model: Model,
    noisy: Image,
    clean: NDArray[np.generic],
    baselines: tuple[Baseline, ...],
) -> Safe:
    """Choose the best filter if the network's result disagrees with the noisy image.

    Parameters
    ----------
    model : Model
    noisy : Image
        In memory.
    clean : ndarray
        Of its shape.
    baselines : tuple of Baseline
    """
    if not model.traits.judged_by_filters:
        return Safe(model)
    best = min(baselines, key=lambda each: each.score.loss)
    images, missing = [noisy.canonical, noisy.layout.canonical(clean)], noisy.missing
    count = len(missing)
    network_ratios, filter_ratios = [], []
    for n in np.unique(np.linspace(0, count - 1, min(count, MAX_SAMPLES)).astype(int)):
        for own, other in zip(*(each[n] for each in images), strict=True):
            planes = [each.reshape(-1, *each.shape[-2:]) for each in (own, other, missing[n])]
            before, after, mask = (_crop_centre(each[len(each) // 2]) for each in planes)
            if found := _compare(before, after, mask.astype(bool), model.settings, best):
                network_ratios.append(found[0])
                filter_ratios.append(found[1])
    disagrees = network_ratios and np.mean(network_ratios) > max(
        MAX_RELATIVE_TO_NOISE, MAX_RELATIVE_TO_FILTER * float(np.mean(filter_ratios))
    )
    if not disagrees:
        return Safe(model)
    return Safe(
        replace(model, fallback=best),
        f"The network's result is brighter or darker in parts than the noisy image, so that of a "
        f"{best.words} is returned instead. Train for longer, or on another part.",
    )


def _crop_centre(plane: NDArray[np.generic]) -> NDArray[np.generic]:
    corners = (max(0, (size - SIDE) // 2) for size in plane.shape)
    return plane[tuple(slice(a, a + SIDE) for a in corners)]


def _compare(
    noisy: NDArray[np.generic],
    clean: NDArray[np.generic],
    mask: NDArray[np.bool_],
    settings: Settings,
    best: Baseline,
) -> tuple[float, float] | None:
    """Return mean squared differences of blocks relative to noise, of a result and of a filter."""
    excluded = examine(noisy[None], replace(settings, outliers="auto"), mask[None])
    usable = ~excluded.unusable[0]
    image = np.where(usable, noisy, 0).astype(np.float64)
    if usable.sum() < BLOCK**2:
        return None
    filled = np.where(usable, image, np.median(image[usable]))
    filtered = donut_filter(filled, BASELINES[best.name], best.strength)
    variance = _noise_variance(image, filled, filtered, usable, settings)
    variance = np.maximum(variance, MIN_VARIANCE * variance[usable].mean())
    found = []
    for other in (clean, filtered):
        difference = np.where(usable, image - np.nan_to_num(other.astype(np.float64)), 0.0)
        sums, counts, variances = (
            _blocks(each) for each in (difference, usable, variance * usable)
        )
        whole = counts > BLOCK**2 / 2
        expected = np.maximum(variances[whole], 1e-30)
        found.append(float(np.mean(np.minimum(sums[whole] ** 2 / expected, MAX_BLOCK))))
    return found[0], found[1]


def _noise_variance(
    image: NDArray[np.float64],
    filled: NDArray[np.float64],
    filtered: NDArray[np.floating],
    usable: NDArray[np.bool_],
    settings: Settings,
) -> NDArray[np.floating]:
    """Return the variance that the noise of each pixel contributes to that of a sum of pixels."""
    if traits_of(settings).recorrupts:
        radius = settings.radius_along(settings.volume + 2)
        found = measure_recorruption(filled[None, None], ~usable[None, None], radius)
        if found is not None:
            pixel = found.noise.variance(filtered[None])[0]
            return np.asarray(pixel * float(found.kernel.sum()) ** 2)
    noise = measure_noise(image, usable)
    return np.asarray(np.maximum(filtered - noise.low, 0) * noise.gain + noise.read)


def _blocks(plane: NDArray[np.generic]) -> NDArray[np.float64]:
    """Sum the pixels of each block of a plane."""
    rows, columns = (size // BLOCK for size in plane.shape)
    whole = plane[: rows * BLOCK, : columns * BLOCK].astype(np.float64)
    total: NDArray[np.float64] = whole.reshape(rows, BLOCK, columns, BLOCK).sum((1, 3))
    return total
