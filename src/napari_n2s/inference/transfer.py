"""A look at an image that a model did not learn from, before it is denoised by that."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from napari_n2s.core.device import choose_device, prefer_layout, working_threads
from napari_n2s.core.errors import ImageError
from napari_n2s.filters.baselines import calibrate_baselines
from napari_n2s.images.image import Image
from napari_n2s.images.scale import Scale
from napari_n2s.inference.compatibility import Fit, Trial, adapted_scale, judge, same_scale
from napari_n2s.inference.trained_network import TrainedNetwork
from napari_n2s.methods.traits import radius_of
from napari_n2s.preparation.held_out import pick, squared_errors
from napari_n2s.preparation.prepared import PreparedImage, prepare
from napari_n2s.preparation.sampling import sample_pieces

Trained = TypeVar("Trained", bound=TrainedNetwork)


def look(model: Trained, image: Image) -> tuple[Trained, Fit]:
    """See whether a model suits an image, and adapt it to its intensities if that is better.

    Parameters
    ----------
    model : TrainedNetwork
    image : Image
        Of a large one pieces from all over it are read.

    Returns
    -------
    tuple of TrainedNetwork and Fit
        The model to apply.

    Raises
    ------
    ImageError
        If the model knows nothing of such an image.
    """
    settings = model.settings
    try:
        drawn = sample_pieces(image, settings.seed).image
        ready = prepare(drawn, replace(settings, nan_policy="omit"))
    except ImageError:
        return model, Fit()  # too small to judge by; what else is wrong is said on applying
    if same_scale(model.scale, ready.scale):
        return model, Fit()
    tried = not model.paired and bool((model.scale.spread > 0).any())
    adapted = adapted_scale(model.scale, ready.scale)
    trial = _try(model, drawn, ready, adapted) if tried and adapted.spread.any() else None
    fit = judge(model.scale, ready.scale, trial)
    if fit.refusal:
        raise ImageError(fit.refusal)
    return (replace(model, scale=adapted) if fit.adapted else model), fit


def _try(model: TrainedNetwork, drawn: Image, ready: PreparedImage, adapted: Scale) -> Trial:
    """Predict the held-out pixels on both scales, without seeing them."""
    known = Scale(ready.scale.shift, adapted.spread)  # of other channels nothing is promised
    radius = radius_of(model.settings, ready.x.ndim - 2)
    baselines = calibrate_baselines(replace(ready, scale=known), radius)
    best = min((each.score for each in baselines), key=lambda each: each.loss)
    off = squared_errors(
        np.zeros_like(ready.held_out_values), ready.held_out_values, known.variance
    )
    return Trial(
        as_learnt=_squares(model, drawn, ready, model.scale, known),
        adapted=_squares(model, drawn, ready, adapted, known),
        median=best,
        mean=float(off.mean()),
        home=model.score.loss / model.baseline_error if model.baseline_error > 0 else nan,
    )


@torch.inference_mode()
def _squares(
    model: TrainedNetwork, drawn: Image, ready: PreparedImage, scale: Scale, known: Scale
) -> NDArray[np.float64]:
    """Give the squared errors of the held-out pixels, predicted on a scale, in intensities."""
    per = np.where(scale.spread > 0, scale.spread, np.inf)
    factor, shift = ready.scale.spread / per, (ready.scale.shift - scale.shift) / per
    column = (-1, *(1,) * (ready.x.ndim - 2))
    x = ready.x * factor.reshape(column) + shift.reshape(column)
    x = x.astype(np.float32)
    guides = _guides(model, drawn, len(x), x.shape[2:])
    also = []
    for n, _, *space in ready.held_out.windows:
        beside = ready.layout.neighbours(model.context)[n.start] if model.context else ()
        seen = [x[(each, slice(None), *space)] for each in beside]
        also.append(np.concatenate([*seen, guides[(n.start, slice(None), *space)]]))
    gone = np.all(ready.missing, axis=1, keepdims=True)
    device = choose_device(model.settings.device, volume=model.settings.volume)
    stack = np.stack(also)
    count = stack.shape[1] - guides.shape[1]
    method = model.method(count // model.channels, guides.shape[1], device)
    generator = torch.Generator(device).manual_seed(model.settings.seed)
    cut, held_out, missing, seen_besides = (
        torch.from_numpy(each).to(device)
        for each in (*map(ready.held_out.crop_windows, (x, ready.held_out.mask, gone)), stack)
    )
    shown = method.make_input(cut, held_out, missing, seen_besides, generator)
    with working_threads():
        parts = [method.network(prefer_layout(each)) for each in torch.split(shown, 1)]
    found = pick(method.mean(torch.cat(parts)).float().cpu().numpy(), held_out.cpu().numpy())
    there = np.where(ready.scale.spread > 0, ready.scale.spread, 1)
    predicted = (found * scale.spread + scale.shift - ready.scale.shift) / there
    return squared_errors(predicted, ready.held_out_values, known.variance)


def _guides(
    model: TrainedNetwork, drawn: Image, count: int, space: tuple[int, ...]
) -> NDArray[np.float32]:
    """Bring the guides to the scale that they had where it learnt; ``(N, A, *space)``."""
    if model.guides is None or drawn.guides is None:
        return np.empty((count, 0, *space), np.float32)
    canonical = drawn.guides.canonical
    samples = (model.guides.normalise(each, ~np.isfinite(each)) for each in canonical)
    return np.stack(list(samples))
