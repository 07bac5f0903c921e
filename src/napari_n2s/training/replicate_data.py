"""Replicates made ready for training, each to be learnt from the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from napari_n2s.core.errors import SettingsError
from napari_n2s.core.settings import Settings
from napari_n2s.core.system import require_memory
from napari_n2s.filters.baselines import calibrate_baselines
from napari_n2s.filters.masked_filters import fill_hidden
from napari_n2s.images.axes import Context
from napari_n2s.images.image import Image
from napari_n2s.images.scale import Scale
from napari_n2s.methods.noise2noise import NOT_BLIND
from napari_n2s.preparation.held_out import draw_held_out
from napari_n2s.preparation.prepared import PreparedImage, prepare
from napari_n2s.preparation.sampling import sample_pieces
from napari_n2s.preparation.structure import find_sparse_structure
from napari_n2s.replicates import checks
from napari_n2s.replicates.motion import exclude_moving
from napari_n2s.replicates.replicates import Replicates
from napari_n2s.training.training_data import TrainingData, prepare_guides

AT_WORK = 16
"""Bytes for each value of a replicate while all are made ready: two float32 copies, and masks."""
PARTNERS = 8
"""Other readings that one is learnt from, at most."""


def prepare_replicates(
    readings: Replicates, settings: Settings, size: int | None = None
) -> TrainingData:
    """Make readings of one thing ready for training, each to be learnt from the others.

    Held out are pixels of the first reading, as if it were learnt from alone: methods that see one
    reading and methods that see two are scored on the same noisy values. They are targets of no
    step, and filled from around them in what any step is shown, as are the same pixels of the other
    readings. The others are seen whole when they are scored: their noise is independent of it.

    Raises
    ------
    ImageError, SettingsError
        If they cannot be learnt from.
    """
    if settings.invariant:
        raise SettingsError(NOT_BLIND)
    drawn = [
        sample_pieces(each, settings.seed, along=readings.neighbour_axis).image
        for each in readings.training_images
    ]
    require_memory(AT_WORK * sum(each.size for each in drawn))
    every = [prepare(each, settings, excluding=False) for each in drawn]
    first = every[0]
    scale = _from_zero(drawn[0], first) if settings.loss == "hdr" else first.scale
    guides, guide_scale, told = prepare_guides(drawn[0], first)
    for each in every[1:]:
        told = checks.describe_guides(each.x, guides) or told
    x = np.concatenate([_rescaled(each, scale) for each in every])
    missing = np.concatenate([each.missing for each in every])
    _fill(x, missing)
    if readings.neighbour_axis:
        beside = first.layout.beside(Context(readings.neighbour_axis, 1))
    else:
        beside = _partners(len(every), len(first.x), settings.seed)
    beside, alone, said = exclude_moving(x, beside)
    missing[alone] = True
    here, there = len(first.x), missing[: len(first.x)]
    held_out = draw_held_out(there, settings.seed) if alone.any() else first.held_out
    windows = held_out.crop_windows(x[:here])
    also = [
        np.concatenate(
            [*x[(beside[n.start], channels, *space)], guides[(n.start, slice(None), *space)]]
        )
        for n, channels, *space in held_out.windows
    ]
    original = replace(first, x=x[:here].copy(), missing=there, held_out=held_out, scale=scale)
    other = replace(original, x=x[beside[:here, 0]])
    blocked = missing.copy()
    for start in range(0, len(x), here):
        _fill(x[start : start + here], held_out.mask)
        blocked[start : start + here] |= held_out.mask
    structure = find_sparse_structure(x)
    return TrainingData(
        x=torch.from_numpy(x),
        blocked=torch.from_numpy(blocked),
        windows=torch.from_numpy(windows),
        also=torch.from_numpy(np.stack(also)),
        context=None,
        beside=torch.from_numpy(beside),
        guides=torch.from_numpy(guides),
        guide_scale=guide_scale,
        held_out=torch.from_numpy(held_out.crop_windows(held_out.mask)),
        missing=torch.from_numpy(held_out.crop_windows(there)),
        structure=None if structure is None else torch.from_numpy(structure),
        scale=scale,
        baselines=calibrate_baselines(original, other=other),
        size=size or len(readings.images) * readings.images[0].size,
        paired=True,
        findings=readings.findings + told + said,
    )


def _partners(readings: int, samples: int, seed: int) -> NDArray[np.intp]:
    """List for each sample of each reading the same sample of the others; ``(R * N, partners)``."""
    rng = np.random.default_rng(seed)
    apart = np.sort(rng.permutation(np.arange(1, readings))[:PARTNERS])
    numbers = np.arange(readings * samples)
    found: NDArray[np.intp] = (numbers[:, None] + apart * samples) % (readings * samples)
    return found


def _from_zero(image: Image, ready: PreparedImage) -> Scale:
    """Give the scale on which the mean is 1 and 0 is 0, as relative errors need it."""
    values = np.moveaxis(image.canonical, 1, -1)[~ready.missing[:, 0]].astype(np.float64)
    if values.min() < 0:
        raise SettingsError(
            "The loss hdr compares relative errors, but the image has negative values; choose l2, "
            "or subtract the camera's offset."
        )
    return Scale(np.zeros(values.shape[1]), values.mean(0))


def _rescaled(ready: PreparedImage, scale: Scale) -> NDArray[np.float32]:
    """Bring what was prepared on its own scale to another."""
    x = np.empty_like(ready.x)
    for new, old, gaps in zip(x, ready.x, ready.missing, strict=True):
        new[:] = scale.normalise(ready.scale.restore(old), gaps)
    return x


def _fill(x: NDArray[np.float32], hidden: NDArray[np.bool_]) -> None:
    """Replace hidden pixels ``(N, 1, *space)`` by their neighbours."""
    for sample, where in zip(x, hidden[:, 0], strict=True):
        if where.any():
            for picture in sample:
                picture[:] = fill_hidden(picture, where)
