"""Training data: a normalised image with its held-out pixels, neighbours, guides and patches."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_n2s.core.settings import Settings
from napari_n2s.core.system import require_memory
from napari_n2s.exclusion.processing import name_processing
from napari_n2s.filters.baselines import Baseline, calibrate_baselines, errors_of
from napari_n2s.filters.masked_filters import fill_hidden
from napari_n2s.images.axes import Context
from napari_n2s.images.image import Image
from napari_n2s.images.scale import Scale
from napari_n2s.methods.correlated_noise import adapt_to_noise
from napari_n2s.methods.traits import radius_of
from napari_n2s.preparation.augmentation import Orientation
from napari_n2s.preparation.dependent_frames import find_dependent_frames
from napari_n2s.preparation.prepared import PreparedImage, prepare
from napari_n2s.preparation.sampling import sampling_pieces
from napari_n2s.preparation.structure import cell_sides, find_sparse_structure
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
        The boxes of the image that contain the held-out pixels. (If samples see neighbours, the
        held-out pixels are filled from their surroundings in `x`, but not here.)
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
    blind_spot_radius : tuple of int or None
        Along each axis of space, as set or as chosen for the image; None without a blind spot.
    """

    x: Tensor
    withheld: Tensor
    windows: Tensor
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
    baseline_errors: NDArray[np.float64] | None = None
    paired: bool = False
    findings: tuple[str, ...] = ()
    has_excluded: bool = False
    colours: int = 1
    blind_spot_radius: tuple[int, ...] | None = None

    def to(self, device: torch.device) -> TrainingData:
        """Move the windows to a device, and the image unless it is very large."""
        names = ["windows", "held_out", "missing", "extra_channels"]
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

    def draw(
        self,
        count: int,
        side: int,
        orientations: tuple[Orientation, ...],
        generator: torch.Generator,
        first: int = 0,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Draw random patches in random orientations.

        In a sparse image, every other patch is drawn where there is structure, since most uniformly
        drawn ones would show background only.

        Parameters
        ----------
        count : int
        side : int
            Maximum size of a patch along each axis in pixels.
        orientations : tuple of Orientation
            Those that are possible.
        generator : torch.Generator
        first : int
            Number of the first patch.

        Returns
        -------
        tuple of Tensor
            The patches ``(count, C, *patch)``, their withheld pixels ``(count, 1 or C, *patch)``,
            and their extra channels ``(count, G * C + A, *patch)``.
        """
        sides = [min(side, size) for size in self.x.shape[2:]]
        square = len(set(sides[-2:])) == 1
        possible = [orientation for orientation in orientations if square or not orientation.swap]
        patches: list[Tensor] = []
        withheld: list[Tensor] = []
        extra_channels: list[Tensor] = []
        for number in range(first, first + count):
            n, *corner = self._place(sides, generator, anywhere=number % 2 == 0)
            box = [slice(a, a + s) for a, s in zip(corner, sides, strict=True)]
            orientation = possible[_random_index(len(possible), generator)]
            for whole, cut in ((self.x, patches), (self.withheld, withheld)):
                cut.append(orientation.apply(whole[n][(slice(None), *box)]))
            every = [
                *(self.x[int(b)] for b in self.neighbours[n]),
                self.guides[n % len(self.guides)],
            ]
            extra_channels.append(
                orientation.apply(torch.cat([each[(slice(None), *box)] for each in every]))
            )
        return torch.stack(patches), torch.stack(withheld), torch.stack(extra_channels)

    def _place(self, sides: list[int], generator: torch.Generator, anywhere: bool) -> list[int]:
        """Draw a sample and the position of a patch in it."""
        space = self.x.shape[2:]
        last = [size - side for size, side in zip(space, sides, strict=True)]
        if anywhere or self.structure is None:
            return [_random_index(end + 1, generator) for end in (self.x.shape[0] - 1, *last)]
        chosen = int(torch.multinomial(self.structure.flatten(), 1, generator=generator))
        n, *cell = np.unravel_index(chosen, self.structure.shape)
        corner = [
            int(at) * width + _random_index(width, generator) - side // 2
            for at, width, side in zip(cell, cell_sides(tuple(space)), sides, strict=True)
        ]
        return [int(n), *(min(max(0, a), end) for a, end in zip(corner, last, strict=True))]


def _random_index(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))


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
    """
    sampled, unread = yield from sampling_pieces(image, settings.seed)
    guiding = 2 * sampled.guides.nbytes if sampled.guides else 0
    require_memory(sampled.size * (4 + MASK_BYTES / sampled.channels) + guiding)
    prepared = prepare(sampled, settings)
    guides, guide_scale, guide_findings = prepare_guides(sampled, prepared)
    x, missing, held_out = prepared.x, prepared.missing, prepared.held_out
    settings, noise_findings = adapt_to_noise(settings, prepared)
    radius = radius_of(settings, x.ndim - 2)
    structure, baselines = find_sparse_structure(x), calibrate_baselines(prepared, radius)
    windows = torch.from_numpy(held_out.crop_windows(x))
    dependent = {} if settings.volume else find_dependent_frames(prepared)
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
        baseline_errors=errors_of(
            prepared, min(baselines, key=lambda each: each.score.loss), radius
        ),
        findings=(
            *filter(None, [unread]),
            *prepared.exclusion_counts.sentences(settings),
            *name_processing(x[len(x) // 2, 0, ..., :, :].reshape(-1, *x.shape[-2:])[0]),
            *noise_findings,
            *dependent.values(),
            *guide_findings,
        ),
        colours=prepared.layout.colours,
        blind_spot_radius=radius,
        has_excluded=bool(missing.any()),
    )


def _fill_held_out(prepared: PreparedImage) -> None:
    """Fill the held-out pixels from their surroundings, since neighbouring samples see them."""
    for box in prepared.held_out.windows:
        n, _, *space = box
        hidden = prepared.held_out.mask[(n.start, 0, *space)]
        for plane in prepared.x[n.start]:
            plane[tuple(space)] = fill_hidden(plane[tuple(space)], hidden)
