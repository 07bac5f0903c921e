"""What a training works on: the image on its inner scale, and which pixels it may not use."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_n2s.core.errors import ImageError
from napari_n2s.core.settings import Settings
from napari_n2s.core.system import require_memory
from napari_n2s.exclusion.processing import name_processing
from napari_n2s.filters.baselines import Baseline, calibrate_baselines, errors_of
from napari_n2s.filters.masked_filters import fill_hidden
from napari_n2s.images.axes import Context
from napari_n2s.images.image import Image
from napari_n2s.images.scale import Scale, measure_scale
from napari_n2s.methods.traits import radius_of
from napari_n2s.preparation.augmentation import Orientation
from napari_n2s.preparation.dependent_frames import find_dependent_frames
from napari_n2s.preparation.prepared import PreparedImage, prepare
from napari_n2s.preparation.sampling import sample_pieces
from napari_n2s.preparation.structure import cell_sides, find_sparse_structure
from napari_n2s.replicates import checks
from napari_n2s.training.neighbours import choose_context

ON_DEVICE = 2**30
"""Bytes up to which a whole image is copied to a GPU, so that no step waits for its crops."""
FLAGS = 3
"""Bytes for each pixel that say whether it is missing, held out, or either."""


@dataclass(frozen=True)
class TrainingData:
    """One noisy image made ready.

    Attributes
    ----------
    x : Tensor, shape (N, C, *space)
        The image on its inner scale, filled in where a pixel is missing.
    blocked : Tensor of bool, shape (N, 1 or C, *space)
        Pixels that are held out, or missing in all channels or in each: training does not aim at
        them, and does not see those that are in all.
    windows : Tensor, shape (K, C, *window)
        The boxes of the image that hold the held-out pixels. (In `x` these are filled from around
        them, so that no picture is shown those of another.)
    also : Tensor, shape (K, G * C + A, *window)
        What is beside them, then the guides there.
    held_out : Tensor of bool, shape (K, 1, *window)
        Which of their pixels are.
    missing : Tensor of bool, shape (K, 1 or C, *window)
        Which of their pixels have no usable value, in all channels or in each.
    context : Context or None
        The pictures that are seen beside one.
    beside : Tensor of int, shape (N, G)
        Which these are for each.
    guides : Tensor, shape (N, A, *space)
        Further images on a scale of their own, which are seen whole; of several readings of one
        thing those of the first, which are all readings'.
    guide_scale : Scale or None
        That scale, if there are any.
    structure : Tensor, shape (N, *cells), or None
        How much structure each cell of `x` holds, by which every other crop is drawn; None where
        there is structure all over.
    scale : Scale
    baselines : tuple of Baseline
        What there is to beat.
    filtered : ndarray or None, shape (pixels,)
        The squared errors of the best baseline on the held-out pixels.
    size : int
        Number of values that will be denoised at the end.
    paired : bool
        Whether what is beside a picture is learnt from in its place.
    findings : tuple of str
        What the user should know, a sentence each.
    set_apart : bool
        Whether some pixels have no value or are no signal.
    """

    x: Tensor
    blocked: Tensor
    windows: Tensor
    held_out: Tensor
    missing: Tensor
    also: Tensor
    context: Context | None
    beside: Tensor
    guides: Tensor
    guide_scale: Scale | None
    structure: Tensor | None
    scale: Scale
    baselines: tuple[Baseline, ...]
    size: int
    filtered: NDArray[np.float64] | None = None
    paired: bool = False
    findings: tuple[str, ...] = ()
    set_apart: bool = False

    def to(self, device: torch.device) -> TrainingData:
        """Bring the windows to where training computes, and the image unless it is very large."""
        names = ["windows", "held_out", "missing", "also"]
        if self.x.nbytes + self.guides.nbytes <= ON_DEVICE:
            names += ["x", "blocked", "guides"]
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
        """Whether there is nothing to learn."""
        return not self.scale.spread.any()

    @property
    def share_in_windows(self) -> float:
        """How many values the windows hold, of all that will be denoised."""
        return self.windows.numel() / self.size

    def draw(
        self,
        count: int,
        side: int,
        orientations: tuple[Orientation, ...],
        generator: torch.Generator,
        first: int = 0,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Cut crops from anywhere, each turned at random; of a sparse image, half by its structure.

        Counted from `first`, those are the odd ones. Crops from anywhere would teach little else
        than emptiness there.

        Returns
        -------
        tuple of Tensor
            The crops ``(count, C, *crop)``, at most `side` pixels along each axis, which of
            their pixels are blocked ``(count, 1 or C, *crop)``, and what is seen besides
            ``(count, G * C + A, *crop)``.
        """
        sides = [min(side, size) for size in self.x.shape[2:]]
        square = len(set(sides[-2:])) == 1
        ways = [way for way in orientations if square or not way.swap]
        crops: list[Tensor] = []
        blocked: list[Tensor] = []
        also: list[Tensor] = []
        for number in range(first, first + count):
            n, *corner = self._place(sides, generator, anywhere=number % 2 == 0)
            box = [slice(a, a + s) for a, s in zip(corner, sides, strict=True)]
            way = ways[_one_of(len(ways), generator)]
            for whole, cut in ((self.x, crops), (self.blocked, blocked)):
                cut.append(way.apply(whole[n][(slice(None), *box)]))
            every = [*(self.x[int(b)] for b in self.beside[n]), self.guides[n % len(self.guides)]]
            also.append(way.apply(torch.cat([each[(slice(None), *box)] for each in every])))
        return torch.stack(crops), torch.stack(blocked), torch.stack(also)

    def _place(self, sides: list[int], generator: torch.Generator, anywhere: bool) -> list[int]:
        """Draw a sample and the corner of a crop in it."""
        space = self.x.shape[2:]
        last = [size - side for size, side in zip(space, sides, strict=True)]
        if anywhere or self.structure is None:
            return [_one_of(end + 1, generator) for end in (self.x.shape[0] - 1, *last)]
        chosen = int(torch.multinomial(self.structure.flatten(), 1, generator=generator))
        n, *cell = np.unravel_index(chosen, self.structure.shape)
        corner = [
            int(at) * width + _one_of(width, generator) - side // 2
            for at, width, side in zip(cell, cell_sides(tuple(space)), sides, strict=True)
        ]
        return [int(n), *(min(max(0, a), end) for a, end in zip(corner, last, strict=True))]


def _one_of(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))


def gather(image: Image, settings: Settings, size: int | None = None) -> TrainingData:
    """Make an image ready for training; of a large one, pieces from all over it.

    The size is the number of values that will be denoised, if that is not the image.

    Raises
    ------
    ImageError
        If it cannot be denoised.
    """
    drawn, unread = sample_pieces(image, settings.seed)
    guiding = 2 * drawn.guides.nbytes if drawn.guides else 0
    require_memory(drawn.size * (4 + FLAGS / drawn.channels) + guiding)
    ready = prepare(drawn, settings)
    guides, guide_scale, said = prepare_guides(drawn, ready)
    x, missing, held_out = ready.x, ready.missing, ready.held_out
    radius = radius_of(settings, x.ndim - 2)
    structure, baselines = find_sparse_structure(x), calibrate_baselines(ready, radius)
    windows = torch.from_numpy(held_out.crop_windows(x))
    repeats = {} if settings.volume else find_dependent_frames(ready)
    context = None if radius is None else choose_context(ready, radius, settings.context, repeats)
    beside = np.empty((len(x), 0), np.intp)
    if context:
        beside = ready.layout.beside(context)
        _fill_held_out(ready)
    also = [
        np.concatenate(
            [*x[(beside[n.start], channels, *space)], guides[(n.start, slice(None), *space)]]
        )
        for n, channels, *space in held_out.windows
    ]
    return TrainingData(
        x=torch.from_numpy(x),
        blocked=torch.from_numpy(held_out.mask | missing),
        windows=windows,
        also=torch.from_numpy(np.stack(also)),
        context=context,
        beside=torch.from_numpy(beside),
        guides=torch.from_numpy(guides),
        guide_scale=guide_scale,
        held_out=torch.from_numpy(held_out.crop_windows(held_out.mask)),
        missing=torch.from_numpy(held_out.crop_windows(missing)),
        structure=None if structure is None else torch.from_numpy(structure),
        scale=ready.scale,
        baselines=baselines,
        size=size or image.size,
        filtered=errors_of(ready, min(baselines, key=lambda each: each.score.loss), radius),
        findings=(
            *filter(None, [unread]),
            *ready.exclusion_counts.sentences(settings),
            *name_processing(x[len(x) // 2, 0, ..., :, :].reshape(-1, *x.shape[-2:])[0]),
            *repeats.values(),
            *said,
        ),
        set_apart=bool(missing.any()),
    )


def prepare_guides(
    drawn: Image, ready: PreparedImage
) -> tuple[NDArray[np.float32], Scale | None, tuple[str, ...]]:
    """Bring the guides of what was drawn, if any, to an inner scale; ``(N, A, *space)``.

    Where a guide has no value it is taken to be its mean.

    Returns
    -------
    tuple of ndarray, Scale or None, and tuple of str
        The guides, their scale, and what the user should know of them.

    Raises
    ------
    ImageError
        If one is the image itself, or holds nothing.
    """
    count, _, *space = ready.x.shape
    if drawn.guides is None:
        return np.empty((count, 0, *space), np.float32), None, ()
    canonical = drawn.guides.canonical
    gaps = ~np.isfinite(canonical)
    if gaps.all((0, *range(2, gaps.ndim))).any():
        raise ImageError("A guide holds no number, only NaN or infinity; leave it out.")
    channels = [[a] for a in range(canonical.shape[1])]
    scales = [measure_scale(canonical[:, a], gaps[:, a]) for a in channels]
    shifts, spreads = zip(*((each.shift, each.spread) for each in scales), strict=True)
    scale = Scale(np.concatenate(shifts), np.concatenate(spreads))
    guides = np.empty(canonical.shape, np.float32)
    for inner, sample, its_gaps in zip(guides, canonical, gaps, strict=True):
        inner[:] = scale.normalise(sample, its_gaps)
    return guides, scale, checks.describe_guides(ready.x, guides)


def _fill_held_out(ready: PreparedImage) -> None:
    """Replace the held-out pixels by their neighbours', for those who see them from beside."""
    for box in ready.held_out.windows:
        n, _, *space = box
        hidden = ready.held_out.mask[(n.start, 0, *space)]
        for picture in ready.x[n.start]:
            picture[tuple(space)] = fill_hidden(picture[tuple(space)], hidden)
