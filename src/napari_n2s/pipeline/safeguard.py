"""What is handed out is never worse than what a simple filter makes of the image.

Two things are asked. On the held-out pixels, does the network predict worse than the best filter?
And does its picture agree with the noisy one? Noise cancels in the mean of a block of pixels, so
that a block of a good picture is as bright as that of the noisy one, up to a known chance.
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
from napari_n2s.images.axes import Layout
from napari_n2s.inference.model import Model
from napari_n2s.preparation.held_out import improved
from napari_n2s.training.progress import Progress

SURE = 2.0
"""Standard errors by which a filter has to be better, on the same pixels."""
WORTH = 0.01
"""Share of its squared error by which a filter has to be better."""
BLOCK = 16
"""Side in pixels of the blocks whose brightness is compared."""
PICTURES, SIDE = 4, 512
"""Pictures that are compared, and side in pixels of their middle part."""
DARKEST = 0.25
"""Share of the mean variance of the noise that is expected where it is darkest."""
OFF, RATHER, MOST = 25.0, 4.0, 1e6
"""Times that the squared differences in brightness of blocks may exceed what noise explains, and
those of a filter; and what one block counts at most."""


class Safe(NamedTuple):
    """A model to apply, and why it does not use its network, if it does not.

    Attributes
    ----------
    model : Model
    reason : str
    """

    model: Model
    reason: str = ""


def safest(progress: Progress) -> Safe:
    """Choose between a network and the best filter by the held-out pixels.

    Replicates that are learnt from each other are not judged, as their filters see other readings;
    nor is a wide blind spot, as the filter that is handed out has none.
    """
    model, rival = progress.best, progress.trainer.material.filtered
    errors = progress.trainer.squares
    if model.paired or any(model.settings.blind_spot_radius) or errors is None or rival is None:
        return Safe(model)
    gain = errors - rival
    worse = float(gain.mean()) > WORTH * float(rival.mean())
    if not (worse and improved(errors, rival, SURE)):
        return Safe(model)
    best = min(progress.baselines, key=lambda each: each.score.loss)
    chance = float(gain.std(ddof=1)) / gain.size**0.5
    return Safe(
        replace(model, fallback=best),
        f"The {best.words} predicts unseen pixels better than the network, by a squared error of "
        f"{gain.mean():.3g} ± {chance:.2g}: it is handed out in place of the network's picture. "
        "Train for longer, or choose a part with more structure.",
    )


def contradicted(
    model: Model,
    noisy: NDArray[np.generic],
    clean: NDArray[np.generic],
    layout: Layout,
    baselines: tuple[Baseline, ...],
) -> Safe:
    """Choose a filter if the picture that a network has made disagrees with the noisy one.

    Parameters
    ----------
    model : Model
    noisy, clean : ndarray
        Of the same shape, that of `layout`.
    layout : Layout
    baselines : tuple of Baseline
    """
    if model.paired or any(model.settings.blind_spot_radius):
        return Safe(model)  # shared noise does not cancel within a block
    best = min(baselines, key=lambda each: each.score.loss)
    pictures = [layout.canonical(each) for each in (noisy, clean)]
    count = len(pictures[0])
    ours, filters = [], []
    for n in np.unique(np.linspace(0, count - 1, min(count, PICTURES)).astype(int)):
        for own, other in zip(*(each[n] for each in pictures), strict=True):
            planes = [each.reshape(-1, *each.shape[-2:]) for each in (own, other)]
            before, after = (_middle(each[len(each) // 2]) for each in planes)
            if found := _compare(before, after, model.settings, best):
                ours.append(found[0])
                filters.append(found[1])
    disagrees = ours and np.mean(ours) > max(OFF, RATHER * float(np.mean(filters)))
    if not disagrees:
        return Safe(model)
    return Safe(
        replace(model, fallback=best),
        f"The network's picture is brighter or darker in parts than the noisy image: that of a "
        f"{best.words} is handed out in its place. Train for longer, or on another part.",
    )


def _middle(plane: NDArray[np.generic]) -> NDArray[np.generic]:
    corners = (max(0, (size - SIDE) // 2) for size in plane.shape)
    return plane[tuple(slice(a, a + SIDE) for a in corners)]


def _compare(
    noisy: NDArray[np.generic], clean: NDArray[np.generic], settings: Settings, best: Baseline
) -> tuple[float, float] | None:
    """Say how much the brightness of blocks differs, for what noise explains; and of a filter's."""
    excluded = examine(noisy[None], replace(settings, outliers="auto"))
    usable = ~excluded.unusable[0]
    image = np.where(usable, noisy, 0).astype(np.float64)
    if usable.sum() < BLOCK**2:
        return None
    noise = measure_noise(image, usable)
    filled = np.where(usable, image, np.median(image[usable]))
    filtered = donut_filter(filled, BASELINES[best.name], best.strength)
    level = np.maximum(filtered - noise.low, 0) * noise.gain + noise.read
    level = np.maximum(level, DARKEST * level[usable].mean())
    found = []
    for other in (clean, filtered):
        off = np.where(usable, image - np.nan_to_num(other.astype(np.float64)), 0.0)
        sums, counts, variances = (_blocks(each) for each in (off, usable, level * usable))
        whole = counts > BLOCK**2 / 2
        expected = np.maximum(variances[whole], 1e-30)
        found.append(float(np.mean(np.minimum(sums[whole] ** 2 / expected, MOST))))
    return found[0], found[1]


def _blocks(plane: NDArray[np.generic]) -> NDArray[np.float64]:
    """Add up blocks of a plane."""
    rows, columns = (size // BLOCK for size in plane.shape)
    whole = plane[: rows * BLOCK, : columns * BLOCK].astype(np.float64)
    total: NDArray[np.float64] = whole.reshape(rows, BLOCK, columns, BLOCK).sum((1, 3))
    return total
