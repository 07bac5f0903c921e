"""Calibrating a denoiser without ground truth, by the error of its blind prediction."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import inf, sqrt
from typing import Any

import numpy as np

from napari_n2s.calibration.result import Calibration, Tried
from napari_n2s.core.errors import SettingsError
from napari_n2s.core.generators import finish
from napari_n2s.core.settings import Settings
from napari_n2s.core.system import require_memory
from napari_n2s.filters.catalogue import Denoiser, choose_denoiser
from napari_n2s.filters.masked_filters import Function
from napari_n2s.images.image import open_image
from napari_n2s.preparation.prepared import PreparedImage, prepare
from napari_n2s.preparation.sampling import sample_pieces

AT_WORK = 12
"""Bytes of memory per value of the image during calibration."""
ROUNDS = 2
"""Number of times that the grid is refined around the best values."""


def calibrate(
    image: Any,
    method: str | Function = "median",
    grid: Mapping[str, Sequence[Any]] | None = None,
    *,
    axes: str | None = None,
    z_step: float | None = None,
    refine: bool = True,
    nan_policy: str = "raise",
    seed: int = 0,
) -> Calibration:
    """Find the parameters at which a denoiser's error is least, from the noisy image alone.

    Parameters
    ----------
    image : array_like
        Any number of axes, integers or floats. It is not changed.
    method : str or callable
        median, mean or gaussian (without the centre pixel); nlm, wavelet, tv, bilateral or
        butterworth (scikit-image's); or a function of your own, which takes a 2-D image in the
        original intensities as float32, and its parameters by name. It is calibrated on parts
        about 160 pixels wide.
    grid : mapping of str to sequence, optional
        The values of each parameter; all combinations are tried. Required for a function.
    axes : str, optional
        One letter for each axis, as ``"TYX"``; guessed from the shape if left out.
    z_step : float, optional
        Distance of the slices of an axis Z, in pixels: filters without the centre pixel then use
        its neighbours in a ball and not in a disk.
    refine : bool
        Whether to also try values between the best and its neighbours, if they are floats, and
        beyond the ends of the grid if the best lies there.
    nan_policy : {"raise", "omit"}
        What to do with pixels that are NaN or infinite.
    seed : int
        For drawing the held-out pixels.

    Returns
    -------
    Calibration
        All values tried with their errors, the best, and `apply`.

    Raises
    ------
    ImageError, SettingsError, DenoiserError
        With one sentence that says what is wrong and what to do.

    Notes
    -----
    The method is Noise2Self's (Batson & Royer 2019, section 3): with noise that is independent from
    pixel to pixel, the expected squared error of a blind prediction against the noisy pixels is
    that against the truth plus the variance of the noise, which does not depend on the
    parameters.

    Examples
    --------
    >>> found = calibrate(noisy, "nlm")  # doctest: +SKIP
    >>> clean = found.apply(noisy)  # doctest: +SKIP
    """
    denoiser = choose_denoiser(method, grid, spacing_of(z_step))
    ready = get_ready(image, axes, nan_policy=nan_policy, seed=seed, volume=z_step is not None)
    return finish(calibrating(ready, denoiser, refine=refine))


def spacing_of(z_step: float | None) -> tuple[float, ...]:
    """Return the pixel spacing along Z, Y and X, or along Y and X alone.

    Raises
    ------
    SettingsError
        If the distance is not positive and finite.
    """
    if z_step is None:
        return (1.0, 1.0)
    if not 0 < z_step < inf:
        raise SettingsError(f"z_step is {z_step}; it must be a number of pixels above 0.")
    return (float(z_step), 1.0, 1.0)


def get_ready(
    image: Any,
    axes: str | None = None,
    *,
    nan_policy: str = "raise",
    seed: int = 0,
    volume: bool = False,
) -> PreparedImage:
    """Prepare an image, or pieces of a large one, if there is enough memory.

    Raises
    ------
    ImageError, DeviceError, SettingsError
    """
    if seed < 0:
        raise SettingsError(f"seed is {seed}; it must be 0 or more.")
    drawn, unread = sample_pieces(open_image(image, axes, volume=volume), seed)
    require_memory(AT_WORK * drawn.size)
    settings = Settings(nan_policy=nan_policy, seed=seed)
    return replace(prepare(drawn, settings), unread=unread)


def calibrating(
    ready: PreparedImage, denoiser: Denoiser, *, refine: bool = True
) -> Generator[Tried, None, Calibration]:
    """Calibrate as `calibrate` does, yielding each result; it may be stopped after any."""
    grid = {name: [_plain(value) for value in values] for name, values in denoiser.grid.items()}
    if not grid or not all(grid.values()):
        raise SettingsError("The grid is empty; give at least one value for each parameter.")
    blind, visible = (denoiser.predictor(ready, blind=each) for each in (True, False))
    tried: list[tuple[tuple[Any, ...], Tried]] = []
    coming = list(product(*grid.values()))
    for _ in range(1 + ROUNDS * (refine and denoiser.refines)):
        for point in coming:
            values = dict(zip(grid, point, strict=True))
            scored, ordinary = ready.score(blind(values)), ready.score(visible(values))
            tried.append((point, Tried(values, scored, ordinary.loss)))
            yield tried[-1][1]
        known = [point for point, _ in tried]
        best, _ = min(tried, key=lambda each: each[1].score.loss)
        coming = [point for point in _around(best, known, denoiser.limit) if point not in known]
    lists = list(grid.values())

    def order(each: tuple[tuple[Any, ...], Tried]) -> tuple[float, ...]:
        return tuple(
            value if isinstance(value, int | float) else lists[axis].index(value)
            for axis, value in enumerate(each[0])
        )

    in_order = tuple(found for _, found in sorted(tried, key=order))
    return Calibration(denoiser.name, in_order, denoiser, ready)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _around(
    best: tuple[Any, ...], known: list[tuple[Any, ...]], limit: float
) -> Iterator[tuple[Any, ...]]:
    """Return midpoints of the best and its neighbours for each float; at an end, one beyond it."""
    for axis, value in enumerate(best):
        others = {
            point[axis]
            for point in known
            if point[:axis] == best[:axis] and point[axis + 1 :] == best[axis + 1 :]
        }
        if len(others) < 2 or not all(isinstance(each, float) for each in others):
            continue
        below = max((each for each in others if each < value), default=None)
        above = min((each for each in others if each > value), default=None)
        scale = min(others) > 0
        for near, far in ((below, above), (above, below)):
            if near is not None:
                middle = sqrt(value * near) if scale else (value + near) / 2
            else:
                assert far is not None
                middle = value * value / far if scale else 2 * value - far
            yield (*best[:axis], min(middle, limit), *best[axis + 1 :])
