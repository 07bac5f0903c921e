"""Training data: a normalised image with its held-out pixels, neighbours, guides and patches."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_n2s.core.errors import SettingsError
from napari_n2s.core.settings import Settings
from napari_n2s.core.system import require_memory
from napari_n2s.exclusion.processing import name_processing
from napari_n2s.filters.baselines import Baseline, calibrate_baselines, errors_of
from napari_n2s.filters.masked_filters import fill_hidden
from napari_n2s.images.axes import Context
from napari_n2s.images.image import Image
from napari_n2s.images.scale import Scale
from napari_n2s.methods.correlated_noise import choose_radius, measure_noise, recorrupt
from napari_n2s.methods.traits import radius_of
from napari_n2s.nn import pretrained
from napari_n2s.nn.masks import channel_losses
from napari_n2s.noise.correlation import find_correlated_samples
from napari_n2s.noise.recorruption import Recorruption
from napari_n2s.preparation.dependent_frames import find_dependent_frames
from napari_n2s.preparation.held_out import pick, squared_errors
from napari_n2s.preparation.prepared import PreparedImage, prepare
from napari_n2s.preparation.sampling import sampling_pieces
from napari_n2s.preparation.structure import find_sparse_structure
from napari_n2s.replicates.guides import prepare_guides
from napari_n2s.training.neighbours import choose_context

MAX_ON_DEVICE = 2**30
"""Maximum size in bytes of an image that is copied to a GPU as a whole, to cut patches faster."""
MASK_BYTES = 3
"""Bytes per pixel of the masks of missing, held-out and withheld pixels."""


@dataclass(frozen=True)
class TrainingData:
    """An image prepared for training: normalised, with held-out pixels for validation.

    Attributes
    ----------
    x : Tensor, shape (N, C, *space)
        The normalised image, with missing pixels filled in.
    withheld : Tensor of bool, shape (N, 1 or C, *space)
        Pixels that are held out or missing, in all channels alike or in each: never training
        targets, and not inputs either where withheld in all channels.
    windows : Tensor, shape (K, C, *window)
        The boxes of the image that contain the held-out pixels, as the network sees them. (If
        samples see neighbours, the held-out pixels are filled from their surroundings in `x`, but
        not here.)
    targets : Tensor, shape (K, C, *window)
        The same boxes, with the values that are compared with its prediction.
    added_noise : Tensor, shape (K, C, *window)
        Noise that was added to these values, whose contribution to errors is subtracted again.
    extra_channels : Tensor, shape (K, G * C + A, *window)
        Neighbouring samples or other replicates in these boxes, then guides.
    held_out : Tensor of bool, shape (K, 1, *window)
        Held-out pixels in these boxes.
    missing : Tensor of bool, shape (K, 1 or C, *window)
        Missing and excluded pixels in these boxes, in all channels alike or in each.
    context : Context or None
        Which neighbouring samples the network sees.
    neighbours : Tensor of int, shape (N, G)
        Numbers of the neighbouring samples, or of the other replicates, of each sample.
    guides : Tensor, shape (N, A, *space)
        The guides, normalised; for replicates those of the first, which all share.
    guide_scale : Scale or None
        Normalisation of the guides, if there are any.
    structure : Tensor, shape (N, *cells), or None
        Structure in each cell of a sparse image, by which every other patch is drawn; None if the
        image is not sparse.
    scale : Scale
        Normalisation of the image.
    baselines : tuple of Baseline
        Calibrated filters, for comparison.
    baseline_errors : ndarray or None, shape (pixels,)
        Squared errors of the best baseline on the held-out pixels.
    size : int
        Number of values that will be denoised at the end.
    paired : bool
        Whether these are replicates, so that the `neighbours` of a sample are its inputs.
    findings : tuple of str
        What the user should know, a sentence each.
    has_excluded : bool
        Whether some pixels are missing or excluded.
    colours : int
        Number of colours of each channel.
    settings : Settings
        With what was left out as chosen for the image.
    recorruption : Recorruption or None
        The noise by which patches are recorrupted, if it is correlated.
    alternative_radius : tuple of int or None
        The blind-spot radius that is right if the one chosen is wrong.
    """

    x: Tensor
    withheld: Tensor
    windows: Tensor
    targets: Tensor
    added_noise: Tensor
    held_out: Tensor
    missing: Tensor
    extra_channels: Tensor
    context: Context | None
    neighbours: Tensor
    guides: Tensor
    guide_scale: Scale | None
    structure: Tensor | None
    scale: Scale
    baselines: tuple[Baseline, ...]
    size: int
    settings: Settings
    baseline_errors: NDArray[np.float64] | None = None
    paired: bool = False
    findings: tuple[str, ...] = ()
    has_excluded: bool = False
    colours: int = 1
    recorruption: Recorruption | None = None
    alternative_radius: tuple[int, ...] | None = None

    def to(self, device: torch.device) -> TrainingData:
        """Move the windows to a device, and the image unless it is very large."""
        names = ["windows", "targets", "added_noise", "held_out", "missing", "extra_channels"]
        if self.x.nbytes + self.guides.nbytes <= MAX_ON_DEVICE:
            names += ["x", "withheld", "guides"]
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.x.shape[1]

    @property
    def ndim(self) -> int:
        """Number of axes of space."""
        return self.x.ndim - 2

    @property
    def constant(self) -> bool:
        """Whether all channels are constant, so that there is nothing to learn."""
        return not self.scale.spread.any()

    @property
    def fraction_in_windows(self) -> float:
        """Number of values in the windows, as a fraction of those that will be denoised."""
        return self.windows.numel() / self.size

    def squared_errors(self, prediction: Tensor) -> NDArray[np.float64]:
        """Return the squared errors ``(pixels,)`` of a prediction of the windows where held out."""
        predicted, target, added = (
            pick(each.cpu().numpy(), self.held_out.cpu().numpy())
            for each in (prediction, self.targets, self.added_noise)
        )
        variance = self.scale.variance
        return squared_errors(predicted, target, variance) - squared_errors(added, 0, variance)

    def held_out_losses(self, prediction: Tensor) -> Tensor:
        """Return the mean squared error of each channel ``(C,)`` there, normalised."""
        raw = channel_losses(prediction, self.targets, self.held_out)
        return raw - channel_losses(self.added_noise, 0 * self.added_noise, self.held_out)


def preparing_training_data(
    image: Image, settings: Settings, size: int | None = None
) -> Generator[float, None, TrainingData]:
    """Prepare an image for training; of a large one, random pieces.

    Parameters
    ----------
    image : Image
    settings : Settings
    size : int, optional
        Number of values that will be denoised; that of the image if left out.

    Yields
    ------
    float
        The fraction read.

    Raises
    ------
    ImageError
        If it cannot be denoised.
    SettingsError
        If the settings are for replicates.
    """
    if settings.loss != Settings().loss:
        raise SettingsError(
            f"The loss {settings.loss} is for replicates that are predicted from each other; "
            "leave it out, or add another replicate."
        )
    if "C" not in image.axes:
        settings = replace(settings, channels="joint")
    sampled, unread = yield from sampling_pieces(image, settings.seed)
    guiding = 2 * sampled.guides.nbytes if sampled.guides else 0
    require_memory(sampled.size * (4 + MASK_BYTES / sampled.channels) + guiding)
    prepared = prepare(sampled, settings)
    guides, guide_scale, guide_findings = prepare_guides(sampled, prepared)
    x, missing, held_out = prepared.x, prepared.missing, prepared.held_out
    settings, doubt = choose_radius(settings, prepared)
    settings, noise_findings, recorruption = measure_noise(settings, prepared)
    radius = radius_of(settings, x.ndim - 2)
    channels, colours = x.shape[1], prepared.layout.colours
    fits = pretrained.fits(
        settings, channels, x.ndim - 2, colours, recorrupted=recorruption is not None
    )
    # Weights pretrained without guides are slow to learn to use them.
    suits = fits and not guide_scale and bool(prepared.scale.spread.any())
    target, seen = recorrupt(prepared, recorruption) if recorruption else (prepared, None)
    structure, baselines = find_sparse_structure(x), calibrate_baselines(target, radius, seen)
    best = min(baselines, key=lambda each: each.score.loss)
    windows, targets = (
        torch.from_numpy(held_out.crop_windows(each.x)) for each in (seen or prepared, target)
    )
    added_noise = torch.zeros_like(targets)
    if target.added_noise is not None:
        added_noise = torch.from_numpy(held_out.crop_windows(target.added_noise))
    dependent = {}
    if not settings.volume:
        dependent = find_correlated_samples(prepared) | find_dependent_frames(prepared)
    context = (
        None if radius is None else choose_context(prepared, radius, settings.context, dependent)
    )
    neighbours = np.empty((len(x), 0), np.intp)
    if context:
        neighbours = prepared.layout.neighbours(context)
        _fill_held_out(prepared)
    extra_channels = [
        np.concatenate(
            [*x[(neighbours[n.start], channels, *space)], guides[(n.start, slice(None), *space)]]
        )
        for n, channels, *space in held_out.windows
    ]
    return TrainingData(
        x=torch.from_numpy(x),
        withheld=torch.from_numpy(held_out.mask | missing),
        windows=windows,
        targets=targets,
        added_noise=added_noise,
        extra_channels=torch.from_numpy(np.stack(extra_channels)),
        context=context,
        neighbours=torch.from_numpy(neighbours),
        guides=torch.from_numpy(guides),
        guide_scale=guide_scale,
        held_out=torch.from_numpy(held_out.crop_windows(held_out.mask)),
        missing=torch.from_numpy(held_out.crop_windows(missing)),
        structure=None if structure is None else torch.from_numpy(structure),
        scale=prepared.scale,
        baselines=baselines,
        size=size or image.size,
        baseline_errors=errors_of(target, best, radius, seen),
        findings=(
            *filter(None, [unread]),
            *prepared.exclusion_counts.sentences(settings),
            *name_processing(x[len(x) // 2, 0, ..., :, :].reshape(-1, *x.shape[-2:])[0]),
            *doubt.findings,
            *noise_findings,
            *dependent.values(),
            *guide_findings,
        ),
        colours=colours,
        settings=replace(
            settings, blind_spot_radius=radius, pretrained=settings.pretrained and suits
        ),
        has_excluded=bool(missing.any()),
        recorruption=recorruption,
        alternative_radius=doubt.alternative,
    )


def _fill_held_out(prepared: PreparedImage) -> None:
    """Fill the held-out pixels from their surroundings, since neighbouring samples see them."""
    for box in prepared.held_out.windows:
        n, _, *space = box
        hidden = prepared.held_out.mask[(n.start, 0, *space)]
        for plane in prepared.x[n.start]:
            plane[tuple(space)] = fill_hidden(plane[tuple(space)], hidden)
