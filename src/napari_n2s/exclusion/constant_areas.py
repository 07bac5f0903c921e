"""Areas of exactly one value, which hold no measurement.

Padding around a registered slice, blank tiles, burnt-in text and scale bars, and saturated areas
have no noise. A measured area has: that all of its pixels have one value by chance is improbable if
they are many and the value is rare around them. Photon counts are the exception, as most of a dark
area is zero; but single photons are scattered over it, and there are none in padding.
"""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_n2s.exclusion.outliers import Noise

CHANCE = 20.0
"""Negative natural logarithm of the probability that an image has one such area by chance."""
MOST_VALUES, MOST_AREAS = 32, 64
"""Values, and areas of each value, that are examined, the most frequent first; an image with more
is taken for a drawing."""
HOLE, PURITY = 25, 1000
"""Pixels of a hole in an area, at most, and pixels of an area for each hole that it may have."""
REACHES = (1, 4, 13)
"""Half the sides in pixels of the squares of which an area consists. Small squares alone would
merge a large area with the small empty ones that noise leaves where photons are few."""
QUANTILE, COVERED = 0.95, 0.3
"""Quantile of the local frequencies of a value next to an area that is taken for its probability,
and fraction of the pixels there that have to lie outside all areas."""
FADED, FADING_WIDTH = 0.6, 8
"""Fraction of the pixels with the least value, within so many pixels of an area of it, above which
the area may be the background of single photons, whose rate fades towards it."""
ABRUPT_PIXELS = 24
"""Brighter pixels in a straight line along an area of the least value, and none within it, from
which on the area ends abruptly and does not fade."""
SHORTEST = 8
"""Pixels of a line one pixel wide, at least."""
RARE = 0.05
"""Fraction of the other pixels with the same value below which those connected to an area belong to
it."""
GAP = 0.5
"""Distance of the value of thin writing from all others, relative to the range of these."""
FEWEST = 4
"""Connected pixels of thin writing, at least: fewer are hot pixels."""
EDGE, EDGES = 6.0, 2
"""Standard deviations of the noise by which an antialiased pixel at the edge of an area differs
from the image beyond, and largest width of such an edge in pixels."""
ABRUPT = 0.25
"""Fraction of the step at an edge by which pixels just beyond it may differ from those farther
away; and number of pixels slightly darker than an area, relative to those around it, from which on
the area is saturated: the image fades there over many pixels."""
NEAR = 0.1
"""Slightly darker: by this fraction of the image's range."""
SQUARE = np.ones((3, 3), bool)

Mask = NDArray[np.bool_]


def find_constant_areas(picture: NDArray[Any], known: Mask) -> Mask:
    """Find areas of exactly one value in an image.

    Parameters
    ----------
    picture : ndarray, shape (Y, X)
    known : ndarray of bool, shape (Y, X)
        Pixels that have a value.

    Returns
    -------
    ndarray of bool, shape (Y, X)
        All False if the whole image has one value.
    """
    found = np.zeros(picture.shape, bool)
    values = picture[known]
    if not values.size or values.min() == values.max():
        return found
    solid = _solid(picture) & known
    candidates, counts = np.unique(picture[solid], return_counts=True)
    for value in candidates[np.argsort(counts)[::-1][:MOST_VALUES]]:
        found |= _areas_of(value, picture, known)
    found |= _lines(picture, known & ~found)
    found |= _thin_writing(picture, known, found)
    return found


def add_edges(picture: NDArray[Any], areas: Mask, noise: Noise) -> Mask:
    """Add the antialiased pixels at the edges of constant areas.

    Parameters
    ----------
    picture : ndarray of float, shape (Y, X)
    areas : ndarray of bool, shape (Y, X)
    noise : Noise
    """
    sharp = areas & ~_saturated(picture, areas)
    grown = sharp.copy()
    for _ in range(EDGES):
        rim = ndi.binary_dilation(grown, SQUARE) & ~grown & ~areas
        at = np.argwhere(rim)
        if not len(at):
            break
        value = _middle(_gather(np.where(sharp, picture, np.nan), at, EDGES))
        beyond = np.where(ndi.binary_dilation(rim, SQUARE) | grown, np.nan, picture)
        near, far = (_middle(_gather(beyond, at, reach)) for reach in (EDGES + 1, 2 * EDGES + 2))
        off, step = picture[rim] - far, value - far
        differs = np.abs(noise.stabilise(picture[rim]) - noise.stabilise(far)) > EDGE
        mixed = (off * step > 0) & differs & (np.abs(off) <= np.abs(step))
        rim[rim] = mixed & (np.abs(near - far) < ABRUPT * np.abs(step))
        grown |= rim
    return areas | grown


def _saturated(picture: NDArray[Any], areas: Mask) -> Mask:
    """Find areas of the largest value if many pixels nearly reach it."""
    rest = picture[~areas]
    top = picture[areas].max()
    below = (rest < top) & (rest > top - NEAR * (top - rest.min()))
    full: Mask = areas & (picture == top)
    around = ndi.binary_dilation(full, SQUARE) & ~full
    return full if below.sum() > ABRUPT * around.sum() else np.zeros_like(areas)


def _solid(picture: NDArray[Any]) -> Mask:
    """Find pixels in squares of 3 x 3 equal ones; border pixels are repeated beyond the border."""
    inside: Mask = ndi.maximum_filter(picture, 3, mode="nearest") == ndi.minimum_filter(
        picture, 3, mode="nearest"
    )
    opened: Mask = ndi.binary_dilation(inside, SQUARE)
    return opened


def _areas_of(value: Any, picture: NDArray[Any], known: Mask) -> Mask:
    """Find the areas of one value, with squares of increasing size."""
    equal = (picture == value) & known
    similar = _next_values(value, picture[known], picture)
    depth = ndi.distance_transform_cdt(np.pad(equal, 1, mode="edge"), "chessboard")[1:-1, 1:-1]
    found = np.zeros(picture.shape, bool)
    for reach in REACHES:
        core = (depth > reach) & ~found
        if not core.any():
            break
        thick = ndi.maximum_filter(core, 2 * reach + 1) & equal
        found |= _certain_areas(thick, equal, similar, picture < value, known, 2 * depth - 1)
    usual = equal[known & ~found].mean() if (known & ~found).any() else 0.0
    if found.any() and usual < RARE:  # thinner strokes of the same writing
        found = _connected(equal, found)
    return found


def _certain_areas(
    thick: Mask, equal: Mask, similar: Mask, lower: Mask, known: Mask, sides: NDArray[Any]
) -> Mask:
    """Select the areas whose pixels cannot have the same value by chance."""
    found = np.zeros(thick.shape, bool)
    darkest = not (lower & known).any()
    labels, _ = ndi.label(thick)
    sizes = np.bincount(labels.ravel())
    outside = known & ~thick
    usual = equal[outside].mean() if outside.any() else 0.0
    least = log(thick.size) + CHANCE
    boxes = ndi.find_objects(labels)
    for number in np.argsort(sizes[1:])[::-1][:MOST_AREAS] + 1:
        own = labels[boxes[number - 1]] == number
        side = int((sides[boxes[number - 1]] * own).max())
        margin = max(3, side // 2)
        y, x = (
            slice(max(0, each.start - margin), each.stop + margin) for each in boxes[number - 1]
        )
        own, free = labels[y, x] == number, known[y, x] & ~thick[y, x]
        ring = ndi.binary_dilation(own, iterations=2) & ~own & known[y, x]
        near = similar[y, x][ring].mean() if ring.any() else 0.0
        often = _local_share(equal[y, x], free, own, margin)
        share = max(usual, near, often, 1 / max(int(ring.sum()), 100))
        if darkest and _fades(own, equal[y, x], free):
            continue
        certain = max(side**2, 3 * int(own.sum(1).max()), 3 * int(own.sum(0).max()))
        if certain * -log(min(share, 1.0)) < least:
            continue
        inner = ndi.binary_fill_holes(own) & ~equal[y, x] & known[y, x]
        holes, _ = ndi.label(inner, SQUARE)
        small = (np.bincount(holes.ravel())[1:] <= HOLE).sum()
        if small * PURITY <= sizes[number]:
            found[y, x] |= own
    return found


def _fades(own: Mask, equal: Mask, free: Mask) -> bool:
    """Whether an area of the least value may be a background that few photons reach."""
    around = ndi.binary_dilation(own, SQUARE, iterations=FADING_WIDTH) & free
    if around.any() and equal[around].mean() <= FADED:
        return False
    for area, other in ((own, free & ~equal), (own.T, (free & ~equal).T)):
        for inner, outer in ((area[:, :-1], other[:, 1:]), (area[:, 1:], other[:, :-1])):
            if (inner & outer).sum(0).max(initial=0) >= ABRUPT_PIXELS:
                return False
    return True


def _local_share(equal: Mask, free: Mask, own: Mask, reach: int) -> float:
    """Return the highest local frequency of the value next to an area."""
    size = 2 * (reach // 2) + 1
    some = ndi.uniform_filter(free.astype(np.float32), size)
    shares = ndi.uniform_filter((equal & free).astype(np.float32), size) / np.maximum(some, 1e-6)
    around = ndi.maximum_filter(own, 2 * reach + 1) & free & (some > COVERED)
    return float(np.quantile(shares[around], QUANTILE)) if around.any() else 0.0


def _next_values(value: Any, values: NDArray[Any], picture: NDArray[Any]) -> Mask:
    """Find the pixels that have a value, or the next smaller or larger one that occurs."""
    low = values[values < value].max(initial=value)
    high = values[values > value].min(initial=value)
    similar: Mask = (picture >= low) & (picture <= high)
    return similar


def _lines(picture: NDArray[Any], known: Mask) -> Mask:
    """Find rows and columns, or long segments of them, of one value."""
    found = np.zeros(picture.shape, bool)
    for image, valid, into in ((picture, known, found), (picture.T, known.T, found.T)):
        equal = (image[:, 1:] == image[:, :-1]) & valid[:, 1:] & valid[:, :-1]
        padded = np.pad(equal, ((0, 0), (1, 1))).astype(np.int8)
        steps = np.diff(padded, axis=1)
        rows, starts = np.nonzero(steps == 1)
        _, ends = np.nonzero(steps == -1)
        long = ends - starts + 1 >= SHORTEST
        for row, start, end in zip(rows[long], starts[long], ends[long], strict=True):
            high = slice(max(0, row - 3), row + 4)
            near = image[high, start : end + 1] == image[row, start]
            around = valid[high, start : end + 1].copy()
            around[row - high.start] = False
            share = max(near[around].mean(), 0.01) if around.any() else 0.5
            if (end + 1 - start) * -log(share) > log(image.size) + CHANCE:
                into[row, start : end + 1] = True
    return found


def _thin_writing(picture: NDArray[Any], known: Mask, areas: Mask) -> Mask:
    """Find connected pixels of the largest or smallest value if no other value is near it."""
    found = np.zeros(picture.shape, bool)
    values = picture[known].astype(np.float64)
    for value, others in (
        (values.max(), values[values < values.max()]),
        (values.min(), values[values > values.min()]),
    ):
        if not others.size:
            continue
        low, high = others.min(), others.max()
        if max(low - value, value - high) <= GAP * (high - low):
            continue
        equal = (picture == value) & known
        labels, _ = ndi.label(equal, SQUARE)
        sizes = np.bincount(labels.ravel())
        found |= equal & (sizes[labels] >= FEWEST)
        found |= _connected(equal, areas & equal)
    return found


def _connected(equal: Mask, seeds: Mask) -> Mask:
    """Return the equal pixels that are connected with seeds."""
    labels, _ = ndi.label(equal, SQUARE)
    return equal & np.isin(labels, np.unique(labels[seeds & equal])) if seeds.any() else seeds


def _gather(picture: NDArray[np.floating], at: NDArray[np.intp], reach: int) -> NDArray[Any]:
    """Gather the neighbourhoods of pixels, ``(pixels, neighbours)``; NaN beyond the borders."""
    padded = np.pad(picture.astype(np.float64), reach, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1,) * 2)
    around: NDArray[Any] = windows[tuple(at.T)].reshape(len(at), -1)
    return around


def _middle(around: NDArray[Any]) -> NDArray[np.float64]:
    """Take lower medians of rows, NaN left out; NaN if there is nothing else."""
    ordered = np.sort(around, axis=1)
    last = np.maximum(np.isfinite(ordered).sum(1) - 1, 0)
    middle: NDArray[np.float64] = ordered[np.arange(len(around)), last // 2]
    return middle
