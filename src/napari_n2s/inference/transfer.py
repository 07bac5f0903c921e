"""Transfer of a model to an image that it was not trained on: check and adapted normalisation."""

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
from napari_n2s.methods.correlated_noise import recorrupt
from napari_n2s.methods.traits import radius_of
from napari_n2s.noise.correlation import choose_blind_spot
from napari_n2s.noise.recorruption import measure_recorruption
from napari_n2s.preparation.held_out import pick, squared_errors
from napari_n2s.preparation.prepared import PreparedImage, prepare
from napari_n2s.preparation.sampling import sample_pieces

OTHER_NOISE = (
    "That of the training image is independent: such noise stays in the result. Train on this "
    "image."
)
Trained = TypeVar("Trained", bound=TrainedNetwork)


def fit_to(model: Trained, image: Image) -> tuple[Trained, Fit]:
    """Judge whether a model suits an image, and adapt its normalisation if that is better.

    Parameters
    ----------
    model : TrainedNetwork
    image : Image
        Of a large one random pieces are read.

    Returns
    -------
    tuple of TrainedNetwork and Fit
        The model to apply, and how well it suits.

    Raises
    ------
    ImageError
        If the model does not suit the image.
    """
    settings = model.settings
    try:
        sampled = sample_pieces(image, settings.seed).image
        prepared = prepare(sampled, replace(settings, nan_policy="omit"))
    except ImageError:
        return model, Fit()  # too small for a test; other errors are raised on applying
    if same_scale(model.scale, prepared.scale):
        return model, Fit()
    testable = not model.paired and bool((model.scale.spread > 0).any())
    adapted = adapted_scale(model.scale, prepared.scale)
    trial = (
        _test_both(model, sampled, prepared, adapted) if testable and adapted.spread.any() else None
    )
    fit = judge(model.scale, prepared.scale, trial)
    if fit.refusal:
        raise ImageError(fit.refusal)
    if model.traits.blind_spot and not any(model.settings.blind_spot_radius or ()):
        choice = choose_blind_spot(prepared)
        if any(choice.radius):
            fit = replace(fit, doubt=f"{fit.doubt} {choice.cause} {OTHER_NOISE}".strip())
    return (replace(model, scale=adapted) if fit.adapted else model), fit


def _test_both(
    model: TrainedNetwork, sampled: Image, prepared: PreparedImage, adapted: Scale
) -> Trial | None:
    """Score the prediction of the held-out pixels with both normalisations.

    None if it cannot be made independent of their noise, as the image is too small to measure how
    that is correlated.
    """
    # Channels that were constant in training do not count: their adapted spread is 0.
    known = Scale(prepared.scale.shift, adapted.spread)
    radius = radius_of(model.settings, prepared.x.ndim - 2)
    noise = None
    if model.traits.recorrupts:
        noise = measure_recorruption(prepared.x, prepared.missing, radius or ())
        if noise is None:
            return None
    target, seen = recorrupt(prepared, noise) if noise else (prepared, None)
    target = replace(target, scale=known)
    baselines = calibrate_baselines(target, radius, seen)
    best = min((each.score for each in baselines), key=lambda each: each.loss)
    deviations = squared_errors(
        np.zeros_like(prepared.held_out_values), prepared.held_out_values, known.variance
    )
    return Trial(
        as_trained=_squared_errors(model, sampled, seen or prepared, model.scale, target),
        adapted=_squared_errors(model, sampled, seen or prepared, adapted, target),
        baseline=best,
        mean=float(deviations.mean()),
        home=model.score.loss / model.baseline_error if model.baseline_error > 0 else nan,
    )


@torch.inference_mode()
def _squared_errors(
    model: TrainedNetwork,
    sampled: Image,
    prepared: PreparedImage,
    scale: Scale,
    target: PreparedImage,
) -> NDArray[np.float64]:
    """Compute squared errors of the held-out pixels, predicted with a normalisation."""
    per = np.where(scale.spread > 0, scale.spread, np.inf)
    factor, shift = prepared.scale.spread / per, (prepared.scale.shift - scale.shift) / per
    column = (-1, *(1,) * (prepared.x.ndim - 2))
    x = prepared.x * factor.reshape(column) + shift.reshape(column)
    x = x.astype(np.float32)
    guides = _guides(model, sampled, len(x), x.shape[2:])
    extra = []
    for n, _, *space in prepared.held_out.windows:
        neighbours = prepared.layout.neighbours(model.context)[n.start] if model.context else ()
        samples_seen = [x[(each, slice(None), *space)] for each in neighbours]
        extra.append(np.concatenate([*samples_seen, guides[(n.start, slice(None), *space)]]))
    unusable = np.all(prepared.missing, axis=1, keepdims=True)
    device = choose_device(model.settings.device, volume=model.settings.volume)
    stack = np.stack(extra)
    count = stack.shape[1] - guides.shape[1]
    method = model.method(count // model.channels, guides.shape[1], device)
    generator = torch.Generator(device).manual_seed(model.settings.seed)
    windows, held_out, missing, extra_channels = (
        torch.from_numpy(each).to(device)
        for each in (
            *map(prepared.held_out.crop_windows, (x, prepared.held_out.mask, unusable)),
            stack,
        )
    )
    inputs = method.make_input(windows, held_out, missing, extra_channels, generator)
    with working_threads():
        parts = [method.network(prefer_layout(each)) for each in torch.split(inputs, 1)]
    found = pick(method.mean(torch.cat(parts)).float().cpu().numpy(), held_out.cpu().numpy())
    there = np.where(prepared.scale.spread > 0, prepared.scale.spread, 1)
    predicted = (found * scale.spread + scale.shift - prepared.scale.shift) / there
    return target.squared_errors(predicted)


def _guides(
    model: TrainedNetwork, sampled: Image, count: int, space: tuple[int, ...]
) -> NDArray[np.float32]:
    """Normalise guides ``(N, A, *space)`` as in training."""
    if model.guides is None or sampled.guides is None:
        return np.empty((count, 0, *space), np.float32)
    canonical = sampled.guides.canonical
    samples = (model.guides.normalise(each, ~np.isfinite(each)) for each in canonical)
    return np.stack(list(samples))
