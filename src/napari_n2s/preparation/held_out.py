"""One honest score without ground truth: the squared error on pixels that no method has seen.

With noise of mean zero that is independent from pixel to pixel, the squared error of a
𝒥-invariant prediction against the noisy pixels is its error against the truth plus the variance
of the noise (Batson & Royer 2019, Proposition 1): the same order of methods, shifted by a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError

WINDOWS = 8
PIXELS_PER_WINDOW = 128**2
PIXELS_PER_HELD_OUT = 25
FEWEST = 5


@dataclass(frozen=True)
class HeldOut:
    """Pixels set aside: never a target of training and never an input to it.

    Attributes
    ----------
    mask : ndarray of bool, shape (N, 1, *space)
        True where a pixel is held out.
    windows : tuple of tuple of slice
        Where they lie: boxes of one shape, each indexing an array ``(N, C, *space)``.
    """

    mask: NDArray[np.bool_]
    windows: tuple[tuple[slice, ...], ...]

    def places(self) -> tuple[NDArray[np.intp], ...]:
        """Give them as indices, ``(n, *space)``, window after window."""
        found = []
        for n, _, *space in self.windows:
            place = np.nonzero(self.mask[(n.start, 0, *space)])
            starts = (side.start for side in space)
            moved = [each + start for each, start in zip(place, starts, strict=True)]
            found.append([np.full_like(place[0], n.start), *moved])
        return tuple(np.concatenate(each) for each in zip(*found, strict=True))

    def cut(self, image: NDArray[Any]) -> NDArray[Any]:
        """Cut the windows from an array ``(N, C, *space)``; shape ``(windows, C, *window)``."""
        return np.concatenate([image[window] for window in self.windows])


@dataclass(frozen=True)
class Score:
    """A mean squared error on held-out pixels, in the image's intensity squared.

    Attributes
    ----------
    loss : float
        The mean.
    error : float
        Its standard error, from the spread between pixels.
    pixels : int
        How many pixels were held out.
    """

    loss: float
    error: float
    pixels: int


def draw_held_out(missing: NDArray[np.bool_], seed: int = 0) -> HeldOut:
    """Draw the held-out pixels of an image: one at random in each small cell of a few windows.

    Parameters
    ----------
    missing : ndarray of bool, shape (N, 1 or C, *space)
        Pixels without a value. Windows that have many of them are left aside.
    seed : int
        The same seed and shape always give the same pixels.

    Raises
    ------
    ImageError
        If the image has too few pixels with a value.
    """
    rng = np.random.default_rng(seed)
    missing = np.any(missing, axis=1, keepdims=True)
    space = missing.shape[2:]
    side = [min(size, int(PIXELS_PER_WINDOW ** (1 / len(space)) + 1e-9)) for size in space]
    starts = [range(0, size - edge + 1, edge) for size, edge in zip(space, side, strict=True)]
    boxes = [
        (slice(n, n + 1), slice(None), *(slice(a, a + s) for a, s in zip(at, side, strict=True)))
        for n, *at in product(range(missing.shape[0]), *starts)
    ]
    usable = np.array([missing[box].size - missing[box].sum() for box in boxes])
    boxes = [box for box, count in zip(boxes, usable, strict=True) if 2 * count >= usable.max()]
    picked = sorted(rng.choice(len(boxes), min(WINDOWS, len(boxes)), replace=False))
    windows = tuple(boxes[i] for i in picked)
    usual = max(2, round(PIXELS_PER_HELD_OUT ** (1 / len(space))))
    cell = np.minimum(usual, side).reshape(-1, *(1,) * len(space))
    cells = tuple(edge // min(usual, edge) for edge in side)
    mask = np.zeros_like(missing)
    for window in windows:
        where = np.indices(cells) * cell + rng.integers(cell, size=(len(cells), *cells))
        mask[window][(0, 0, *where)] = True
    mask &= ~missing
    if mask.sum() < FEWEST:
        raise ImageError("The image has too few pixels that are not NaN; take a fuller part of it.")
    return HeldOut(mask, windows)


def pick(image: NDArray[Any], held_out: NDArray[np.bool_]) -> NDArray[Any]:
    """Pick the held-out pixels ``(pixels, C)`` from an image ``(B, C, *space)``."""
    return np.moveaxis(image, 1, -1)[held_out[:, 0]]


def squared_errors(
    prediction: NDArray[np.floating],
    noisy: NDArray[np.floating],
    worth: NDArray[np.floating] | float = 1.0,
) -> NDArray[np.float64]:
    """Give the squared error of each pixel, for a prediction that has not seen it.

    Parameters
    ----------
    prediction, noisy : ndarray, shape (pixels, C)
        Several channels count as their mean.
    worth : ndarray, shape (C,), or float
        What a squared error of 1 is worth in each channel, in intensity squared.

    Returns
    -------
    ndarray, shape (pixels,)
    """
    squares: NDArray[np.float64] = ((prediction.astype(np.float64) - noisy) ** 2 * worth).mean(1)
    return squares


def score(squares: NDArray[np.float64]) -> Score:
    """Sum squared errors ``(pixels,)`` up."""
    return Score(
        float(squares.mean()), float(squares.std(ddof=1) / np.sqrt(squares.size)), squares.size
    )


def best_share(
    errors: NDArray[np.floating], apart: NDArray[np.floating], usual: float, doubt: float
) -> float:
    """Find what another prediction should count beside one, that the held-out error be least.

    Parameters
    ----------
    errors : ndarray, shape (pixels,)
        The noisy pixels less the one prediction, which has not seen them.
    apart : ndarray, shape (pixels,)
        The other, which has not either, less the one.
    usual, doubt : float
        What it counts elsewhere, and by how much that varies: as much as the pixels leave open is
        decided by that.

    Returns
    -------
    float
        0 to 1.
    """
    squares = float(np.mean(apart**2))
    if not squares:
        return usual
    products = errors * apart / squares
    known, prior = products.size / max(float(products.var()), 1e-30), doubt**-2
    found = (known * float(products.mean()) + prior * usual) / (known + prior)
    return min(max(found, 0.0), 1.0)


def improved(before: NDArray[np.float64], now: NDArray[np.float64], errors: float = 1.0) -> bool:
    """Whether squared errors ``(pixels,)`` of the same pixels fell by more than chance explains.

    The noise of a pixel counts in both, so that the error of their difference is far below the
    error of either: the mean difference is held against so many of its own standard errors.
    """
    gain = before - now
    return bool(gain.mean() > errors * gain.std(ddof=1) / np.sqrt(gain.size))
