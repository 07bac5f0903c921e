"""Training data of Noise2Noise: prepared replicates, each predicted from the others."""

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
from napari_n2s.replicates.guides import describe_guides, prepare_guides
from napari_n2s.replicates.motion import exclude_moving
from napari_n2s.replicates.replicates import Replicates
from napari_n2s.training.training_data import TrainingData

AT_WORK = 16
"""Bytes per value of a replicate during preparation: two float32 copies, and masks."""
PARTNERS = 8
"""Maximum number of other replicates from which one is predicted."""


def prepare_replicates(
    replicates: Replicates, settings: Settings, size: int | None = None
) -> TrainingData:
    """Prepare replicates for training, each to be predicted from the others.

    The held-out pixels are those of the first replicate alone, so that methods for single images
    and for replicates are scored on the same noisy values. In training they are no targets, and are
    filled from their surroundings in the inputs, as are the same pixels of the other replicates.
    For scoring the others are seen as they are: their noise is independent.

    Parameters
    ----------
    replicates : Replicates
    settings : Settings
    size : int, optional
        Number of values to denoise afterwards; that of all replicates if left out.

    Raises
    ------
    ImageError, SettingsError
        If they cannot be trained on.
    """
    settings = replace(settings, channels="joint", pretrained=False)
    if settings.invariant:
        raise SettingsError(NOT_BLIND)
    sampled = [
        sample_pieces(each, settings.seed, along=replicates.neighbour_axis).image
        for each in replicates.training_images
    ]
    require_memory(AT_WORK * sum(each.size for each in sampled))
    every = [prepare(each, settings, excluding=False) for each in sampled]
    first = every[0]
    scale = _from_zero(sampled[0], first) if settings.loss == "hdr" else first.scale
    guides, guide_scale, findings = prepare_guides(sampled[0], first)
    for each in every[1:]:
        findings = describe_guides(each.x, guides) or findings
    x = np.concatenate([_rescale(each, scale) for each in every])
    missing = np.concatenate([each.missing for each in every])
    _fill(x, missing)
    if replicates.neighbour_axis:
        partners = first.layout.neighbours(Context(replicates.neighbour_axis, 1))
    else:
        partners = _partners(len(every), len(first.x), settings.seed)
    partners, alone, motion_findings = exclude_moving(x, partners)
    missing[alone] = True
    count, missing_first = len(first.x), missing[: len(first.x)]
    held_out = draw_held_out(missing_first, settings.seed) if alone.any() else first.held_out
    windows = held_out.crop_windows(x[:count])
    extra_channels = [
        np.concatenate(
            [*x[(partners[n.start], channels, *space)], guides[(n.start, slice(None), *space)]]
        )
        for n, channels, *space in held_out.windows
    ]
    original = replace(
        first, x=x[:count].copy(), missing=missing_first, held_out=held_out, scale=scale
    )
    partner_image = replace(original, x=x[partners[:count, 0]])
    withheld = missing.copy()
    for start in range(0, len(x), count):
        _fill(x[start : start + count], held_out.mask)
        withheld[start : start + count] |= held_out.mask
    structure = find_sparse_structure(x)
    return TrainingData(
        x=torch.from_numpy(x),
        withheld=torch.from_numpy(withheld),
        windows=torch.from_numpy(windows),
        targets=torch.from_numpy(windows),
        added_noise=torch.zeros(windows.shape),
        extra_channels=torch.from_numpy(np.stack(extra_channels)),
        context=None,
        neighbours=torch.from_numpy(partners),
        guides=torch.from_numpy(guides),
        guide_scale=guide_scale,
        held_out=torch.from_numpy(held_out.crop_windows(held_out.mask)),
        missing=torch.from_numpy(held_out.crop_windows(missing_first)),
        structure=None if structure is None else torch.from_numpy(structure),
        scale=scale,
        baselines=calibrate_baselines(original, other=partner_image),
        size=size or len(replicates.images) * replicates.images[0].size,
        settings=settings,
        paired=True,
        findings=replicates.findings + findings + motion_findings,
    )


def _partners(replicates: int, samples: int, seed: int) -> NDArray[np.intp]:
    """List for each sample of each replicate the same sample of others; ``(R * N, partners)``."""
    rng = np.random.default_rng(seed)
    offsets = np.sort(rng.permutation(np.arange(1, replicates))[:PARTNERS])
    numbers = np.arange(replicates * samples)
    found: NDArray[np.intp] = (numbers[:, None] + offsets * samples) % (replicates * samples)
    return found


def _from_zero(image: Image, prepared: PreparedImage) -> Scale:
    """Return the normalisation to mean 1 without an offset, which relative errors require."""
    values = np.moveaxis(image.canonical, 1, -1)[~prepared.missing[:, 0]].astype(np.float64)
    if values.min() < 0:
        raise SettingsError(
            "The loss hdr compares relative errors, but the image has negative values; choose l2, "
            "or subtract the camera's offset."
        )
    return Scale(np.zeros(values.shape[1]), values.mean(0))


def _rescale(prepared: PreparedImage, scale: Scale) -> NDArray[np.float32]:
    """Convert a prepared image from its own normalisation to another."""
    x = np.empty_like(prepared.x)
    for new, old, mask in zip(x, prepared.x, prepared.missing, strict=True):
        new[:] = scale.normalise(prepared.scale.restore(old), mask)
    return x


def _fill(x: NDArray[np.float32], hidden: NDArray[np.bool_]) -> None:
    """Fill hidden pixels ``(N, 1, *space)`` from their neighbours."""
    for sample, where in zip(x, hidden[:, 0], strict=True):
        if where.any():
            for plane in sample:
                plane[:] = fill_hidden(plane, where)
