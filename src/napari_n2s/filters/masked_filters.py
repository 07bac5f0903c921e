"""Calibrating any denoiser, by replacing held-out pixels by the mean of their neighbours.

The original is `skimage.restoration.calibrate_denoiser`, by the authors of Noise2Self, which
denoises the whole image for one mask or for all masks of a grid. Here windows around the held-out
pixels are denoised, the same on which networks are scored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve, generate_binary_structure

from napari_n2s.core.errors import DenoiserError
from napari_n2s.core.system import threads
from napari_n2s.preparation.prepared import PreparedImage

MARGIN = 16
"""Width in pixels of the margin around a window that a denoiser is given as well."""

Picture = NDArray[np.floating]
Function = Callable[..., Any]
Predictor = Callable[[dict[str, Any]], Picture]
"""Takes parameters by name, returns the predicted held-out pixels ``(pixels, C)``."""


class MaskedWindow(NamedTuple):
    """A channel of a window with its margin, as a denoiser is given it.

    Attributes
    ----------
    picture : ndarray, shape (height, width)
    wanted : ndarray of bool, shape (height, width)
        The window's held-out pixels.
    channel : int
    """

    picture: Picture
    wanted: NDArray[np.bool_]
    channel: int


@dataclass(frozen=True)
class MaskedFilter:
    """Any other denoiser, made blind by replacing the held-out pixels.

    Attributes
    ----------
    name : str
    function : callable
        Takes a 2-D image and its parameters by name, returns the denoised image.
    grid : mapping of str to sequence
    own : bool
        Whether it is the user's function: it is given intensities, in one thread.
    refines : bool
        Whether values between those of the grid may be tried.
    limit : float
        Largest value that may be tried beyond the grid.
    """

    name: str
    function: Function
    grid: Mapping[str, Sequence[Any]]
    own: bool = False
    refines: bool = True
    limit: float = inf
    blind = False

    def reach_of_slices(self, values: dict[str, Any]) -> int:
        """Return 0: slices are filtered one by one."""
        return 0

    def predictor(self, ready: PreparedImage, *, blind: bool) -> Predictor:
        """Denoise windows around the held-out pixels, which are replaced if blind."""
        windows = mask_windows(ready, blind=blind)

        def predict(values: dict[str, Any]) -> Picture:
            def denoise(window: MaskedWindow) -> Picture:
                return self._call(window.picture, values, ready, window.channel)[window.wanted]

            with ThreadPoolExecutor(1 if self.own else threads()) as pool:
                return join_windows(list(pool.map(denoise, windows)), ready)

        return predict

    def run(self, picture: Picture, values: dict[str, Any], ready: PreparedImage) -> Picture:
        """Denoise each channel by itself."""
        return np.stack([self._call(each, values, ready, c) for c, each in enumerate(picture)])

    def for_preview(self) -> MaskedFilter:
        """Return itself: there is no approximation."""
        return self

    def _call(
        self, picture: Picture, values: dict[str, Any], ready: PreparedImage, channel: int
    ) -> Picture:
        spread, shift = ready.scale.spread[channel] or 1.0, ready.scale.shift[channel]
        shown = (
            (picture * spread + shift).astype(np.float32) if self.own else picture - picture.min()
        )
        given = shown.copy()
        try:
            clean = np.asarray(self.function(given, **values))
        except Exception as error:
            raise self.failure(values, error) from error
        if clean.shape != picture.shape:
            raise DenoiserError(
                f"{self._what(values)} made an image of {_times(clean.shape)} from one of "
                f"{_times(picture.shape)}; it must keep the shape."
            )
        if clean.dtype.kind not in "iuf" or not np.isfinite(clean).all():
            raise DenoiserError(
                f"{self._what(values)} returned values that are not finite numbers."
            )
        if not np.array_equal(given, shown):
            raise DenoiserError(
                f"{self._what(values)} changes the image that it is given; let it work on a copy."
            )
        result: Picture = (clean - shift) / spread if self.own else clean + picture.min()
        return result

    def failure(self, values: dict[str, Any], error: Exception) -> DenoiserError:
        """Describe a failure in one sentence."""
        return DenoiserError(f"{self._what(values)} failed: {_line(error)}.")

    def _what(self, values: dict[str, Any]) -> str:
        return f"{self.name}({', '.join(f'{name}={value}' for name, value in values.items())})"


def mask_windows(ready: PreparedImage, *, blind: bool) -> list[MaskedWindow]:
    """Cut out the windows, channel by channel, with the held-out pixels replaced if blind."""
    shown = []
    for (n, _, *space), channel in product(ready.held_out.windows, range(ready.x.shape[1])):
        wide = [slice(max(0, side.start - MARGIN), side.stop + MARGIN) for side in space]
        place = (n.start, 0, *wide)
        own = min(channel, ready.missing.shape[1] - 1)
        gaps = ready.missing[(n.start, own, *wide)] | (ready.held_out.mask[place] & blind)
        picture = ready.x[(n.start, channel, *wide)]
        wanted = np.zeros(picture.shape, bool)
        inner = tuple(
            slice(side.start - more.start, side.stop - more.start)
            for side, more in zip(space, wide, strict=True)
        )
        wanted[inner] = ready.held_out.mask[(n.start, 0, *space)]
        shown.append(
            MaskedWindow(fill_hidden(picture, gaps) if gaps.any() else picture, wanted, channel)
        )
    return shown


def join_windows(parts: Sequence[Picture], ready: PreparedImage) -> Picture:
    """Collect the predictions of all windows, ``(pixels, C)``."""
    channels = ready.x.shape[1]
    return np.concatenate(
        [np.stack(parts[i : i + channels], 1) for i in range(0, len(parts), channels)]
    )


def fill_hidden(picture: Picture, hidden: NDArray[np.bool_]) -> Picture:
    """Replace hidden pixels by the mean of their visible neighbours.

    Borders are mirrored, so that no pixel is its own neighbour. Face neighbours are used, or all
    adjacent pixels where those are hidden, or the mean of the image where these are, too.
    """
    filled, open_ = picture.copy(), hidden
    for reach in (1, picture.ndim, None):
        if reach is None:
            filled[open_] = picture[~hidden].mean() if not hidden.all() else 0
            break
        around = generate_binary_structure(picture.ndim, reach).astype(picture.dtype)
        around[(1,) * picture.ndim] = 0
        count = convolve((~hidden).astype(picture.dtype), around, mode="mirror")
        total = convolve(np.where(hidden, 0, picture), around, mode="mirror")
        known = open_ & (count > 0.5)
        filled[known] = (total / np.maximum(count, 1))[known]
        open_ = open_ & ~known
        if not open_.any():
            break
    return filled


def _line(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [""])[0].rstrip(".")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
