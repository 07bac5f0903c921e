"""What in a picture is no signal and is set apart before anything is learnt from it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_n2s.core.settings import Settings
from napari_n2s.core.system import threads
from napari_n2s.exclusion.constant_areas import add_edges, find_constant_areas
from napari_n2s.exclusion.outliers import Noise, find_outliers, measure_noise
from napari_n2s.images.missing import find_missing_in_sample
from napari_n2s.images.scale import LARGEST

FEWEST, LEAST = 256, 0.02
"""Pixels, and share of a picture, that constant areas have to leave: else it is a drawing."""
DIM, STRUCTURED = 0.1, 4.0
"""Share of the darkest and of the brightest pixels of a picture between which its dim part lies,
and standard deviations of the noise that this has to span, to be more than noise."""
OUTSHONE, GLARE = 100.0, 30.0
"""Spans of the dim part above it that the brightest pixel has to lie for that to be outshone, and
above which pixels are not learnt from then."""
THREADS = 8
"""In which pictures are looked at side by side, at most."""
WIDTHS = (1.5, 6.0, 24.0)
"""Standard deviations in pixels of the blurs by which excluded pixels are filled in, the narrowest
first that reaches them."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Excluded:
    """Pixels of a picture ``(C, *space)`` that are not learnt from, by what they are.

    Attributes
    ----------
    missing : ndarray of bool, shape (1, *space)
        NaN or infinite in any channel.
    constant : ndarray of bool, shape (C, *space)
        In areas of exactly one value, in which nothing was measured.
    outliers : ndarray of bool, shape (C, *space)
        Certainly hot, dead or hit by a cosmic ray.
    uncertain : ndarray of bool, shape (C, *space)
        As far off their surroundings, but perhaps spots of one pixel.
    glare : ndarray of bool, shape (C, *space)
        Hundreds of times as bright as the rest of a picture with structure of its own.
    """

    missing: Mask
    constant: Mask
    outliers: Mask
    uncertain: Mask
    glare: Mask

    @property
    def unusable(self) -> Mask:
        """All of them, ``(C, *space)``."""
        return self.missing | self.constant | self.outliers | self.uncertain | self.glare

    @property
    def gaps(self) -> Mask:
        """All of them, ``(1, *space)`` where they are the same in all channels."""
        each = self.unusable
        every = np.all(each, axis=0, keepdims=True)
        alike: bool = not (each & ~every).any()
        return every if alike else each

    def kept(self, settings: Settings) -> Mask:
        """Those that are handed back as they are, ``(C, *space)``."""
        as_measured = {"auto": self.uncertain, "keep": self.uncertain | self.outliers}
        kept = self.missing | self.constant | self.glare
        return kept | as_measured.get(settings.outliers, np.zeros_like(self.uncertain))


def find_excluded(
    sample: NDArray[np.generic], settings: Settings, missing: Mask | None = None
) -> Excluded:
    """Look at a picture for what is no signal, as far as the settings say so.

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
                parts, _look(plane, valid, outliers=outliers, constant=constant), strict=True
            ):
                part[number] = mask
    return Excluded(missing, *found)


@dataclass(frozen=True)
class ExclusionCounts:
    """How many pixels of an image were excluded, by what they are, of how many.

    Attributes
    ----------
    constant, outliers, uncertain, glare, pixels : int
        Pixels of several channels count in each of them.
    """

    constant: int = 0
    outliers: int = 0
    uncertain: int = 0
    glare: int = 0
    pixels: int = 0

    def add(self, excluded: Excluded) -> ExclusionCounts:
        """Count those of another picture too."""
        return ExclusionCounts(
            self.constant + int(excluded.constant.sum()),
            self.outliers + int(excluded.outliers.sum()),
            self.uncertain + int(excluded.uncertain.sum()),
            self.glare + int(excluded.glare.sum()),
            self.pixels + excluded.constant.size,
        )

    def sentences(self, settings: Settings) -> tuple[str, ...]:
        """Say what was excluded, and what becomes of it."""
        said = []
        filled = self.outliers + (self.uncertain if settings.outliers == "fill" else 0)
        kept = 0 if settings.outliers == "fill" else self.uncertain
        if filled:
            what = "kept as measured" if settings.outliers == "keep" else "filled in"
            said.append(
                f"{filled} isolated pixel{'s' * (filled > 1)} far outside the picture's range, as "
                f"of hot or dead detector pixels or cosmic rays, {_were(filled)} not learnt from, "
                f"and {what}."
            )
        if kept:
            said.append(
                f"{kept} more isolated pixel{'s' * (kept > 1)}, either hot or spots of a single "
                f"pixel, {_were(kept)} not learnt from, and kept as measured; set outliers to "
                "'fill' to fill such pixels in."
            )
        if self.constant:
            share = 100 * self.constant / max(self.pixels, 1)
            said.append(
                f"{share:.2g} % of the image are areas of exactly one value, as borders, burnt-in "
                "marks or saturation; they were not learnt from, and handed back unchanged."
            )
        if self.glare:
            said.append(
                f"{self.glare} pixels are so many times as bright as the rest of their picture, as "
                "beads are, that little noise is in them; they were not learnt from, so that the "
                "rest is, and are kept as measured."
            )
        return tuple(said)


def exclude(
    canonical: NDArray[np.generic], settings: Settings, missing: Mask
) -> tuple[NDArray[np.bool_], ExclusionCounts]:
    """Look at every picture of an image for what is no signal.

    Parameters
    ----------
    canonical : ndarray, shape (N, C, *space)
    settings : Settings
    missing : ndarray of bool, shape (N, 1, *space)

    Returns
    -------
    tuple of ndarray of bool, shape (N, 1 or C, *space), and ExclusionCounts
        Which pixels are not learnt from, of all channels alike or of each, and how many.
    """
    unusable: Mask = np.empty(canonical.shape, bool)
    tally = ExclusionCounts()
    with ThreadPoolExecutor(min(THREADS, threads())) as pool:
        looks = pool.map(find_excluded, canonical, repeat(settings), missing)
        for found, into in zip(looks, unusable, strict=True):
            into[:] = found.unusable
            tally = tally.add(found)
    for channel in range(unusable.shape[1]):
        if unusable[:, channel].all():  # nothing else is there to learn from
            return missing, ExclusionCounts(pixels=unusable.size)
    every = np.all(unusable, axis=1, keepdims=True)
    if tally == ExclusionCounts(pixels=tally.pixels):
        return unusable[:, :1], tally
    return (unusable if (unusable & ~every).any() else every), tally


def fill_in(picture: NDArray[np.floating], hidden: Mask) -> NDArray[np.floating]:
    """Fill hidden pixels in smoothly from those around them, both ``(*space)``; 0 if all are."""
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


def _look(plane: NDArray[np.generic], known: Mask, *, outliers: bool, constant: bool) -> list[Mask]:
    none = np.zeros(plane.shape, bool)
    if plane[known].min() == plane[known].max():
        return [known if constant else none, none, none, none]
    plane = np.where(known, plane, plane[known][0])
    areas = find_constant_areas(plane, known) if constant else none
    if (known & ~areas).sum() < max(FEWEST, LEAST * known.sum()):
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
    return [areas, *found, _glare(light, usable & ~found.certain & ~found.uncertain, noise)]


def _glare(light: NDArray[np.floating], usable: Mask, noise: Noise) -> Mask:
    """Find what is so bright that the rest, if there is structure in it, would not be seen."""
    none = np.zeros(light.shape, bool)
    if not usable.any():
        return none
    dark, bright = (float(each) for each in np.quantile(light[usable], (DIM, 1 - DIM)))
    span = bright - dark
    structured = np.diff(noise.stabilise(np.array([dark, bright])))[0] > STRUCTURED
    if not structured or light[usable].max() <= bright + OUTSHONE * span:
        return none
    glare: Mask = usable & (light > bright + GLARE * span)
    return glare
