"""The main job: train on an image, apply what was learnt to it, and give an account."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_n2s.ideas.errors import DeviceError
from napari_n2s.ideas.image import Box, as_image, check_dtype
from napari_n2s.ideas.settings import Settings
from napari_n2s.work.apply import finish
from napari_n2s.work.device import describe, short_of_memory
from napari_n2s.work.preview import Pace
from napari_n2s.work.progress import Applying, Preview, Progress
from napari_n2s.work.report import Report, versions
from napari_n2s.work.train import Training, go_on, train

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
    view: Callable[[], Box | None] = lambda: None,
    since: Progress | None = None,
    region: Box | None = None,
    target: tuple[Any, str | None] | None = None,
) -> Generator[Progress | Preview | Applying, None, Denoised]:
    """Do as `denoise`, yielding how far it is; the time until it is asked to go on does not count.

    Parameters
    ----------
    image, axes, settings, dtype
        As for `denoise`.
    stop : callable
        As soon as it says so, the training ends and the best model so far is applied.
    view : callable
        The part of the image to show while training, if any.
    since : Progress, optional
        The last snapshot of a training on this image, to be taken up where it ended. The settings
        are then that training's.
    region : tuple of slice, optional
        The part of the image to learn from, if not all of it.
    target : tuple of array_like and str, optional
        The image to denoise with what was learnt, and its axes, if not that one.
    """
    image = as_image(image)
    wanted, its_axes = (image, axes) if target is None else (as_image(target[0]), target[1])
    check_dtype(dtype, wanted, settings.missing)
    progress = since
    try:
        source = image[region] if region else image
        training = go_on(since) if since else train(source, axes=axes, settings=settings)
        progress = yield from _watch(training, image, axes, stop, view)
        result = yield from progress.best.applying(wanted, axes=its_axes, dtype=dtype)
    except (MemoryError, RuntimeError) as error:
        if short_of_memory(error):
            raise DeviceError(
                "There is not enough memory; close other programs, or denoise a part of the image."
            ) from error
        raise
    finally:
        if progress and progress.learner.device.type == "cuda":
            progress.learner.move(torch.device("cpu"))
            torch.cuda.empty_cache()
    return result, Report(
        settings=progress.best.settings,
        device=describe(progress.learner.device),
        steps=progress.best.step,
        seconds=progress.learner.clock.seconds,
        network=progress.best.score,
        baselines=progress.baselines,
        versions=versions(),
    )


def _watch(
    training: Training,
    image: NDArray[np.generic],
    axes: str | None,
    stop: Callable[[], bool],
    view: Callable[[], Box | None],
) -> Generator[Progress | Preview, None, Progress]:
    """Run a training to its end or until it is to stop, with previews; give its last snapshot."""
    pace, idle = Pace(), None
    while True:
        try:
            progress = training.send(idle)
        except StopIteration:
            return progress
        begin = time.monotonic()
        yield progress
        idle = time.monotonic() - begin
        if stop():
            return progress
        box, step = view(), progress.last.step
        if box and pace.due(box, step, progress.seconds):
            begin = time.monotonic()
            clean = finish(progress.last.applying(image[box], axes=axes, quick=True))
            pace.shown(box, step, progress.seconds, time.monotonic() - begin)
            yield Preview(box, clean)
