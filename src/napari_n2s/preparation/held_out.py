"""Held-out pixels and the score on them: a validation error without ground truth.

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
"""Maximum number of windows in which pixels are held out."""
PIXELS_PER_WINDOW = 128**2
"""Maximum number of pixels of a window."""
PIXELS_PER_HELD_OUT = 25
"""Pixels of a cell, in each of which one pixel is held out."""
MIN_PIXELS = 5
"""Minimum number of held-out pixels."""


@dataclass(frozen=True)
class HeldOut:
    """Held-out pixels: never a target of training and never an input to it.

    Attributes
    ----------
    mask : ndarray of bool, shape (N, 1, *space)
        True where a pixel is held out.
    windows : tuple of tuple of slice
        The boxes that contain them, all of one shape, each indexing an array ``(N, C, *space)``.
    """

    mask: NDArray[np.bool_]
    windows: tuple[tuple[slice, ...], ...]

    def indices(self) -> tuple[NDArray[np.intp], ...]:
        """Return the held-out pixels as indices ``(n, *space)``, window by window."""
        found = []
        for n, _, *space in self.windows:
            place = np.nonzero(self.mask[(n.start, 0, *space)])
            starts = (side.start for side in space)
            moved = [each + start for each, start in zip(place, starts, strict=True)]
            found.append([np.full_like(place[0], n.start), *moved])
        return tuple(np.concatenate(each) for each in zip(*found, strict=True))

    def crop_windows(self, image: NDArray[Any]) -> NDArray[Any]:
        """Crop the windows from an array ``(N, C, *space)``; shape ``(windows, C, *window)``."""
        return np.concatenate([image[window] for window in self.windows])


@dataclass(frozen=True)
class Score:
    """Mean squared error on the held-out pixels, in squared intensity units of the image.

    Attributes
    ----------
    loss : float
        Mean squared error.
    error : float
        Standard error of `loss`, from the spread between pixels.
    pixels : int
        Number of held-out pixels.
    """

    loss: float
    error: float
    pixels: int


def draw_held_out(missing: NDArray[np.bool_], seed: int = 0) -> HeldOut:
    """Draw the held-out pixels of an image: one at random in each small cell of a few windows.

    Parameters
    ----------
    missing : ndarray of bool, shape (N, 1 or C, *space)
        Pixels without a usable value. Windows with many of them are not used.
    seed : int
        The same seed and shape always give the same pixels.

    Raises
    ------
    ImageError
        If the image has too few usable pixels.
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
    if mask.sum() < MIN_PIXELS:
        raise ImageError("The image has too few pixels that are not NaN; take a fuller part of it.")
    return HeldOut(mask, windows)


def pick(image: NDArray[Any], held_out: NDArray[np.bool_]) -> NDArray[Any]:
    """Select the held-out pixels ``(pixels, C)`` of an image ``(B, C, *space)``."""
    return np.moveaxis(image, 1, -1)[held_out[:, 0]]


def squared_errors(
    prediction: NDArray[np.floating],
    noisy: NDArray[np.floating] | float,
    variance: NDArray[np.floating] | float = 1.0,
) -> NDArray[np.float64]:
    """Compute the squared error of each held-out pixel, averaged over channels.

    Parameters
    ----------
    prediction, noisy : ndarray, shape (pixels, C)
        A 𝒥-invariant prediction of the pixels, and their noisy values.
    variance : ndarray, shape (C,), or float
        Squared intensity units of the image per unit of the error, for each channel.

    Returns
    -------
    ndarray, shape (pixels,)
    """
    squares: NDArray[np.float64] = ((prediction.astype(np.float64) - noisy) ** 2 * variance).mean(1)
    return squares


def score(squares: NDArray[np.float64]) -> Score:
    """Summarise squared errors ``(pixels,)`` as mean and standard error."""
    return Score(
        float(squares.mean()), float(squares.std(ddof=1) / np.sqrt(squares.size)), squares.size
    )


def best_weight(
    residuals: NDArray[np.floating],
    differences: NDArray[np.floating],
    prior: float,
    prior_deviation: float,
) -> float:
    """Estimate the weight of a second prediction in the average that minimises the held-out error.

    Parameters
    ----------
    residuals : ndarray, shape (pixels,)
        Noisy pixels minus a first 𝒥-invariant prediction.
    differences : ndarray, shape (pixels,)
        A second 𝒥-invariant prediction minus the first.
    prior, prior_deviation : float
        Mean and standard deviation of the weight over other images: a Gaussian prior.

    Returns
    -------
    float
        Posterior mean of the weight, clipped to 0 to 1.
    """
    power = float(np.mean(differences**2))
    if not power:
        return prior
    products = residuals * differences / power
    precision = products.size / max(float(products.var()), 1e-30)
    prior_precision = prior_deviation**-2
    weight = (precision * float(products.mean()) + prior_precision * prior) / (
        precision + prior_precision
    )
    return min(max(weight, 0.0), 1.0)


def improved(
    before: NDArray[np.float64], now: NDArray[np.float64], standard_errors: float = 1.0
) -> bool:
    """Test whether squared errors ``(pixels,)`` of the same pixels fell significantly.

    It is a paired test: the noise of a pixel contributes to both errors, so that the standard error
    of their mean difference is far below that of either mean. The decrease has to exceed
    `standard_errors` of them.
    """
    gain = before - now
    return bool(gain.mean() > standard_errors * gain.std(ddof=1) / np.sqrt(gain.size))
