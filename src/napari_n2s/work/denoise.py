"""The main job: train on an image, apply what was learnt to it, and give an account."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.ideas.errors import DeviceError
from napari_n2s.ideas.image import as_image, check_dtype
from napari_n2s.ideas.settings import Settings
from napari_n2s.work.apply import finish
from napari_n2s.work.device import choose_device, describe
from napari_n2s.work.progress import Applying, Progress
from napari_n2s.work.report import Report, versions
from napari_n2s.work.train import train

Denoised = tuple[NDArray[np.generic], Report]


def denoise(
    image: Any,
    *,
    axes: str | None = None,
    settings: Settings | None = None,
    dtype: Any = np.float32,
    **changes: Any,
) -> Denoised:
    """Denoise an image with a network trained on it alone.

    Parameters
    ----------
    image : array_like
        Any number of axes, integers or floats. It is not changed.
    axes : str, optional
        One letter for each axis, as ``"TYX"`` or ``"YXC"``; guessed from the shape if left out.
    settings : Settings, optional
    dtype : dtype
        Type of the result: float32, or an integer type, rounded and clipped into its range.
    **changes
        Settings by name, as ``seconds=30``.

    Returns
    -------
    tuple of ndarray and Report
        The denoised image, of the same shape and axes and on the same intensity scale, and an
        account of what was done and how it compares with a median and a blur.

    Raises
    ------
    ImageError, SettingsError, DeviceError
        With one sentence that says what is wrong and what to do.

    Examples
    --------
    >>> clean, report = denoise(noisy, seconds=60)  # doctest: +SKIP
    """
    settings = replace(settings or Settings(), **changes)
    return finish(denoising(image, axes=axes, settings=settings, dtype=dtype))


def denoising(
    image: Any,
    *,
    axes: str | None = None,
    settings: Settings,
    dtype: Any = np.float32,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Progress | Applying, None, Denoised]:
    """Do as `denoise`, yielding how far it is.

    As soon as `stop` says so, the training ends and the best model so far is applied.
    """
    started = time.monotonic()
    image = as_image(image)
    check_dtype(dtype, image, settings.missing)
    try:
        for progress in train(image, axes=axes, settings=settings):
            yield progress
            if stop():
                break
        result = yield from progress.best.applying(image, axes=axes, dtype=dtype)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "memory" in str(error):
            raise DeviceError(
                "There is not enough memory; close other programs, or denoise a part of the image."
            ) from error
        raise
    return result, Report(
        settings=settings,
        device=describe(choose_device(settings.device)),
        steps=progress.best.step,
        seconds=time.monotonic() - started,
        network=progress.best.score,
        baselines=progress.baselines,
        versions=versions(),
    )
