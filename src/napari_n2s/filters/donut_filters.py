"""Median, mean and Gaussian filters without the centre pixel.

They are 𝒥-invariant (Batson & Royer, ICML 2019, section 3): their error against the noisy image is
least at the strength at which their error against the truth is least.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_n2s.core.system import threads
from napari_n2s.filters.footprint import Footprint, disk, gaussian
from napari_n2s.filters.sorting_network import select

FOOTPRINTS: dict[str, Callable[..., Footprint]] = {
    "median": disk,
    "mean": disk,
    "gaussian": gaussian,
}
"""The footprint of each filter, from strength, spacing and blind-spot radius."""
STRIP = 2**22
"""Bytes of all shifted copies that are compared at once: they should fit into the cache."""


def donut_filter(
    image: NDArray[Any],
    kind: str,
    strength: float,
    spacing: tuple[float, ...] = (1, 1),
) -> NDArray[np.floating]:
    """Filter an image without the centre pixel.

    Parameters
    ----------
    image : ndarray
        Its last axes are those of space, the others are filtered independently. Borders are
        reflected, the last pixel repeated.
    kind : {"median", "mean", "gaussian"}
    strength : float
        Radius of the median and the mean, standard deviation of the Gaussian; in pixels.
    spacing : tuple of float
        Distance of pixels along each axis of space, in that unit: ``(1, 1)`` for 2-D
        images, ``(3, 1, 1)`` for a stack whose slices are three pixels apart.

    Returns
    -------
    ndarray
        Of float32, or of float64 where that is needed to hold the image's type.

    Notes
    -----
    The number of neighbours is even, and their median the mean of the middle two. The upper of
    these, which `scipy.ndimage.median_filter` takes, exceeds it by up to a third of the noise.
    """
    footprint = FOOTPRINTS[kind](strength, spacing)
    pictures = image.reshape(-1, *image.shape[-len(spacing) :])
    pictures = pictures.astype(np.result_type(np.float32, image.dtype), copy=False)
    work: Callable[[NDArray[Any], Footprint], NDArray[Any]] = _median
    if kind != "median":
        work = _mean if kind == "mean" else _gaussian(strength, spacing)
    return np.stack([work(picture, footprint) for picture in pictures]).reshape(image.shape)


def predict_at(
    image: NDArray[np.floating],
    where: tuple[NDArray[np.intp], ...],
    kind: str,
    footprint: Footprint,
    missing: NDArray[np.bool_] | None = None,
) -> NDArray[np.floating]:
    """Filter single pixels, from their neighbours inside the image alone.

    A reflection at the border could show a pixel to itself.

    Parameters
    ----------
    image : ndarray, shape (N, C, *space)
    where : tuple of ndarray of int
        The pixels: ``(n, *space)``.
    kind : {"median", "mean", "gaussian"}
    footprint : Footprint
    missing : ndarray of bool, shape (N, 1 or C, *space), optional
        Pixels without a value, if any.

    Returns
    -------
    ndarray, shape (pixels, C)
        0 where no neighbour has a value.
    """
    sizes = np.array(image.shape[2:])
    inside = [
        (c >= reach) & (c < size - reach)
        for c, reach, size in zip(where[1:], footprint.reach, sizes, strict=True)
    ]
    simple = np.all(inside, 0) & (missing is None)
    result = np.empty((where[0].size, image.shape[1]), image.dtype)
    for some, gather in ((simple, _gather_within), (~simple, gather_around)):
        if some.any():
            around = gather(image, tuple(each[some] for each in where), footprint, missing)
            result[some] = (
                _middle(around) if kind == "median" else _weigh(around, footprint.weights)
            )
    return result


def _gather_within(
    image: NDArray[np.floating],
    where: tuple[NDArray[np.intp], ...],
    footprint: Footprint,
    missing: NDArray[np.bool_] | None,
) -> NDArray[np.floating]:
    """Gather the neighbours ``(pixels, C, neighbours)`` of pixels away from borders and gaps."""
    n, *centre = where
    channels, *space = image.shape[1:]
    steps = np.array([prod(space[axis + 1 :]) for axis in range(len(space))])
    first = n * channels * prod(space) + np.stack(centre, 1) @ steps
    every = first[:, None] + np.arange(channels) * prod(space)
    around: NDArray[np.floating] = image.reshape(-1)[every[..., None] + footprint.offsets @ steps]
    return around


def gather_around(
    image: NDArray[np.floating],
    where: tuple[NDArray[np.intp], ...],
    footprint: Footprint,
    missing: NDArray[np.bool_] | None,
) -> NDArray[np.floating]:
    """Gather the neighbours ``(pixels, C, neighbours)`` of any pixels; NaN for missing ones."""
    n, *centre = where
    places = [c[:, None] + offset for c, offset in zip(centre, footprint.offsets.T, strict=True)]
    there = np.ones(places[0].shape, bool)
    for place, size in zip(places, image.shape[2:], strict=True):
        there &= (place >= 0) & (place < size)
        np.clip(place, 0, size - 1, out=place)
    shown = there[:, None]
    if missing is not None:
        gone = np.moveaxis(missing, 1, -1)[(n[:, None], *places)]
        shown = shown & ~np.moveaxis(gone, -1, 1)
    values = np.moveaxis(image, 1, -1)[(n[:, None], *places)]
    return np.where(shown, np.moveaxis(values, -1, 1), np.nan)


def _middle(around: NDArray[np.floating]) -> NDArray[np.floating]:
    count = around.shape[-1]
    parted = np.partition(around, ((count - 1) // 2, count // 2), axis=-1)
    result: NDArray[np.floating] = (parted[..., (count - 1) // 2] + parted[..., count // 2]) / 2
    gone = np.isnan(around)
    result[gone.all(-1)] = 0
    some = gone.any(-1) & ~gone.all(-1)
    if some.any():
        result[some] = np.nanmedian(around[some], axis=-1)
    return result


def _weigh(around: NDArray[np.floating], weights: NDArray[np.float64]) -> NDArray[np.floating]:
    there = ~np.isnan(around)
    total = np.maximum(there @ weights, 1e-30)
    mean: NDArray[np.floating] = (np.where(there, around, 0) @ weights) / total
    return mean


def _mean(picture: NDArray[np.floating], footprint: Footprint) -> NDArray[np.floating]:
    from scipy.signal import oaconvolve  # slow to import, and rarely needed

    padded = np.pad(picture, [(each, each) for each in footprint.reach], mode="symmetric")
    mean: NDArray[np.floating] = oaconvolve(
        padded, footprint.kernel().astype(picture.dtype), "valid"
    )
    return mean


def _gaussian(
    sigma: float, spacing: tuple[float, ...]
) -> Callable[[NDArray[np.floating], Footprint], NDArray[np.floating]]:
    """Blur with the centre pixel, which is separable, then subtract its contribution."""

    def blur(picture: NDArray[np.floating], footprint: Footprint) -> NDArray[np.floating]:
        sigmas = [sigma / each for each in spacing]
        middle = prod(map(_middle_of_line, sigmas, footprint.reach))
        whole = gaussian_filter(picture, sigmas, radius=footprint.reach)
        blurred: NDArray[np.floating] = (whole - middle * picture) / (1 - middle)
        return blurred

    return blur


def _middle_of_line(sigma: float, reach: int) -> float:
    line = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    return float(1 / line.sum())


def _median(picture: NDArray[np.floating], footprint: Footprint) -> NDArray[np.floating]:
    padded = np.pad(picture, [(each, each) for each in footprint.reach], mode="symmetric")
    result = np.empty_like(picture, order="C")
    *outer, height, width = picture.shape
    rows = max(1, STRIP // (width * picture.itemsize * len(footprint.offsets)))
    strips = [
        (*(slice(i, i + 1) for i in index), slice(top, min(top + rows, height)), slice(0, width))
        for index in product(*map(range, outer))
        for top in range(0, height, rows)
    ]
    starts = footprint.offsets + footprint.reach

    def fill(strip: tuple[slice, ...]) -> None:
        shifted = [
            padded[tuple(slice(s.start + a, s.stop + a) for s, a in zip(strip, start, strict=True))]
            for start in starts
        ]
        result[strip] = _middle_of(shifted)

    with ThreadPoolExecutor(threads()) as pool:
        list(pool.map(fill, strips))
    return result


def _middle_of(values: list[NDArray[np.floating]]) -> NDArray[np.floating]:
    """Compute the elementwise median of arrays, which are not changed.

    Footprints are symmetric: the number of neighbours is even.
    """
    above = len(values) // 2
    below = above - 1
    free = list(np.empty((len(values) + 1, *values[0].shape), values[0].dtype))
    held, own = list(values), [False] * len(values)
    for first, second, smaller, larger in select(len(values), below, above):
        a, b = held[first], held[second]
        if smaller and larger:
            low = np.minimum(a, b, out=free.pop())
            high = np.maximum(a, b, out=b if own[second] else free.pop())
            if own[first]:
                free.append(a)
            held[first], held[second] = low, high
            own[first] = own[second] = True
        else:
            at, compare = (first, np.minimum) if smaller else (second, np.maximum)
            held[at] = compare(a, b, out=held[at] if own[at] else free.pop())
            own[at] = True
    middle: NDArray[np.floating] = (held[below] + held[above]) / 2
    return middle
