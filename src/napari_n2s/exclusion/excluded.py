"""Pixels of an image that are excluded from training, by reason, and their treatment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.filters import apply_hysteresis_threshold

from napari_n2s.core.settings import Settings
from napari_n2s.core.system import threads
from napari_n2s.exclusion.constant_areas import add_edges, find_constant_areas
from napari_n2s.exclusion.outliers import Noise, find_outliers, measure_noise
from napari_n2s.images.missing import find_missing_in_sample
from napari_n2s.images.scale import LARGEST

MIN_PIXELS, MIN_FRACTION = 256, 0.02
"""Pixels, and fraction of an image, outside constant areas: one with fewer is a drawing."""
DIM, STRUCTURED = 0.1, 4.0
"""Quantile from which, and from the top to which, the dim part of an image extends, and standard
deviations of the noise that it has to span to be structure."""
OUTSHONE, VERY_BRIGHT, SKIRT = 100.0, 30.0, 2.0
"""Distances above the dim part, in spans of that part: of the brightest pixel of an image in which
very bright pixels are excluded, of the dimmest of these, and of the dimmest pixel connected to them
that is excluded with them, as the blurred edge of a bead is."""
EDGE = 10.0
"""Maximum width of such an edge in pixels: what else touches something very bright is signal."""
ROUNDS = 4
"""Maximum number of times that very bright pixels are searched for."""
THREADS = 8
"""Images examined in parallel, at most."""
WIDTHS = (1.5, 6.0, 24.0)
"""Standard deviations in pixels of the Gaussian blurs by which excluded pixels are filled in; the
narrowest that reaches a pixel is used."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Excluded:
    """Pixels of an image ``(C, *space)`` that are excluded from training, by reason.

    Attributes
    ----------
    missing : ndarray of bool, shape (1, *space)
        NaN or infinite in any channel.
    constant : ndarray of bool, shape (C, *space)
        In areas of exactly one value, which hold no measurement.
    outliers : ndarray of bool, shape (C, *space)
        Certainly hot, dead or hit by a cosmic ray.
    uncertain : ndarray of bool, shape (C, *space)
        As far from their surroundings, but possibly spots of a single pixel.
    very_bright : ndarray of bool, shape (C, *space)
        Hundreds of times as bright as the rest of the image, which has structure of its own; with
        the blurred edges of what is so bright.
    """

    missing: Mask
    constant: Mask
    outliers: Mask
    uncertain: Mask
    very_bright: Mask

    @property
    def unusable(self) -> Mask:
        """All of them, ``(C, *space)``."""
        return self.missing | self.constant | self.outliers | self.uncertain | self.very_bright

    @property
    def gaps(self) -> Mask:
        """All of them, ``(1, *space)`` if they are the same in all channels."""
        each = self.unusable
        every = np.all(each, axis=0, keepdims=True)
        same: bool = not (each & ~every).any()
        return every if same else each

    def kept(self, settings: Settings) -> Mask:
        """Those that the result holds as measured, ``(C, *space)``."""
        as_measured = {"auto": self.uncertain, "keep": self.uncertain | self.outliers}
        kept = self.missing | self.constant | self.very_bright
        return kept | as_measured.get(settings.outliers, np.zeros_like(self.uncertain))


def examine(
    sample: NDArray[np.generic], settings: Settings, missing: Mask | None = None
) -> Excluded:
    """Find the pixels of an image to exclude, of the kinds that the settings name.

    Parameters
    ----------
    sample : ndarray, shape (C, *space)
    settings : Settings
    missing : ndarray of bool, shape (1, *space), optional
        Its pixels that are NaN or infinite, if these are known.
    """
    if missing is None:
        missing = find_missing_in_sample(sample)
    found = [np.zeros(sample.shape, bool) for _ in range(4)]
    outliers, constant = settings.outliers != "ignore", settings.constant_areas == "leave"
    if (outliers or constant) and not missing.all():
        planes = sample.reshape(-1, *sample.shape[-2:])
        known = ~np.broadcast_to(missing, sample.shape).reshape(planes.shape)
        parts = [each.reshape(planes.shape) for each in found]
        for number, (plane, valid) in enumerate(zip(planes, known, strict=True)):
            if not valid.any():
                continue
            for part, mask in zip(
                parts,
                _examine_plane(plane, valid, outliers=outliers, constant=constant),
                strict=True,
            ):
                part[number] = mask
    return Excluded(missing, *found)


@dataclass(frozen=True)
class ExclusionCounts:
    """Number of excluded pixels of an image by reason, and of all pixels.

    Attributes
    ----------
    constant, outliers, uncertain, very_bright, pixels : int
        A pixel counts once in each channel.
    """

    constant: int = 0
    outliers: int = 0
    uncertain: int = 0
    very_bright: int = 0
    pixels: int = 0

    def add(self, excluded: Excluded) -> ExclusionCounts:
        """Add the counts of another image."""
        return ExclusionCounts(
            self.constant + int(excluded.constant.sum()),
            self.outliers + int(excluded.outliers.sum()),
            self.uncertain + int(excluded.uncertain.sum()),
            self.very_bright + int(excluded.very_bright.sum()),
            self.pixels + excluded.constant.size,
        )

    def sentences(self, settings: Settings) -> tuple[str, ...]:
        """Say in sentences what was excluded, and how the result treats it."""
        said = []
        filled = self.outliers + (self.uncertain if settings.outliers == "fill" else 0)
        kept = 0 if settings.outliers == "fill" else self.uncertain
        if filled:
            what = "kept as measured" if settings.outliers == "keep" else "filled in"
            said.append(
                f"{filled} isolated pixel{'s' * (filled > 1)} far outside the image's range, such "
                "as hot or dead detector pixels or cosmic rays, "
                f"{_were(filled)} excluded from training, and {what}."
            )
        if kept:
            said.append(
                f"{kept} more isolated pixel{'s' * (kept > 1)}, either hot or spots of a single "
                f"pixel, {_were(kept)} excluded from training, and kept as measured; set outliers "
                "to 'fill' to fill such pixels in."
            )
        if self.constant:
            share = 100 * self.constant / max(self.pixels, 1)
            said.append(
                f"{f'{share:.2g}' if share < 10 else f'{share:.0f}'} % of the image are areas of "
                "exactly one value, such as borders, burnt-in marks or saturation; they were "
                "excluded from training, and are unchanged in the result."
            )
        if self.very_bright:
            said.append(
                f"{self.very_bright} pixels belong to something so much brighter than the rest of "
                "their image, as beads are, that training on it would neglect the rest; they were "
                "excluded from training, and are kept as measured."
            )
        return tuple(said)


def exclude(
    canonical: NDArray[np.generic], settings: Settings, missing: Mask
) -> tuple[NDArray[np.bool_], ExclusionCounts]:
    """Find the pixels to exclude from training in every sample of an image.

    Parameters
    ----------
    canonical : ndarray, shape (N, C, *space)
    settings : Settings
    missing : ndarray of bool, shape (N, 1, *space)

    Returns
    -------
    tuple of ndarray of bool, shape (N, 1 or C, *space), and ExclusionCounts
        Which pixels are excluded, in all channels alike or in each, and how many.
    """
    unusable: Mask = np.empty(canonical.shape, bool)
    tally = ExclusionCounts()
    with ThreadPoolExecutor(min(THREADS, threads())) as pool:
        looks = pool.map(examine, canonical, repeat(settings), missing)
        for found, into in zip(looks, unusable, strict=True):
            into[:] = found.unusable
            tally = tally.add(found)
    for channel in range(unusable.shape[1]):
        if unusable[:, channel].all():  # nothing would be left to train on
            return missing, ExclusionCounts(pixels=unusable.size)
    every = np.all(unusable, axis=1, keepdims=True)
    if tally == ExclusionCounts(pixels=tally.pixels):
        return unusable[:, :1], tally
    return (unusable if (unusable & ~every).any() else every), tally


def fill_in(picture: NDArray[np.floating], hidden: Mask) -> NDArray[np.floating]:
    """Fill in hidden pixels smoothly from those around them, both ``(*space)``; 0 if all are."""
    if not hidden.any() or hidden.all():
        return np.where(hidden, 0, picture) if hidden.any() else picture
    filled, left = picture.copy(), hidden.copy()
    shown = np.where(hidden, 0, picture)
    for width in WIDTHS:
        weight = ndi.gaussian_filter((~hidden).astype(picture.dtype), width)
        total = ndi.gaussian_filter(shown, width)
        near = left & (weight > 0.01)
        filled[near] = total[near] / weight[near]
        left &= ~near
        if not left.any():
            return filled
    filled[left] = picture[~hidden].mean()
    return filled


def _were(count: int) -> str:
    return "were" if count > 1 else "was"


def _examine_plane(
    plane: NDArray[np.generic], known: Mask, *, outliers: bool, constant: bool
) -> list[Mask]:
    none = np.zeros(plane.shape, bool)
    if plane[known].min() == plane[known].max():
        return [known if constant else none, none, none, none]
    plane = np.where(known, plane, plane[known][0])
    areas = find_constant_areas(plane, known) if constant else none
    if (known & ~areas).sum() < max(MIN_PIXELS, MIN_FRACTION * known.sum()):
        areas = none
    usable = known & ~areas
    if np.abs(plane[usable].astype(np.float64)).max() > LARGEST:
        return [areas, none, none, none]
    if (values := plane[usable]).min() == values.max():
        return [areas, none, none, none]
    light = plane.astype(np.float64)
    noise = measure_noise(light, usable)
    if areas.any():
        areas = add_edges(light, areas, noise) & known
        usable = known & ~areas
    if not outliers or not usable.any():
        return [areas, none, none, none]
    found = find_outliers(light, usable, noise)
    return [
        areas,
        *found,
        _find_very_bright(light, usable & ~found.certain & ~found.uncertain, noise),
    ]


def _find_very_bright(light: NDArray[np.floating], usable: Mask, noise: Noise) -> Mask:
    """Find pixels so bright that structure in the rest would be neglected in training.

    They are found again without those found before, since the edges of wide beads widen the span
    of the dim part.
    """
    found = np.zeros(light.shape, bool)
    for _ in range(ROUNDS):
        rest = usable & ~found
        if not rest.any():
            return found
        dark, bright = (float(each) for each in np.quantile(light[rest], (DIM, 1 - DIM)))
        span = bright - dark
        structured = np.diff(noise.stabilise(np.array([dark, bright])))[0] > STRUCTURED
        if not structured or light[usable].max() <= bright + OUTSHONE * span:
            return found
        limits = [bright + each * span for each in (SKIRT, VERY_BRIGHT)]
        shown = np.where(usable, light, dark)
        connected = apply_hysteresis_threshold(shown, *limits)  # type: ignore[no-untyped-call]
        near = ndi.distance_transform_edt(shown <= limits[1]) <= EDGE
        now: Mask = usable & connected & near
        if now.sum() == found.sum():
            return found
        found = now
    return found
