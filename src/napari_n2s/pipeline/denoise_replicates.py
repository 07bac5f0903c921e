"""Noise2Noise from start to end: learn readings from each other, denoise each, and average."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.device import memory_in_words
from napari_n2s.core.errors import ImageError
from napari_n2s.core.generators import share
from napari_n2s.core.progress import PAUSE, Applying, Preview
from napari_n2s.core.settings import Settings
from napari_n2s.core.system import require_memory
from napari_n2s.images.dtypes import to_dtype
from napari_n2s.images.sources import Box
from napari_n2s.inference.tile_size import applying
from napari_n2s.pipeline.denoise_one import Denoised
from napari_n2s.pipeline.report import account_of
from napari_n2s.preparation.streaming import require_writable
from napari_n2s.replicates.replicates import Replicates
from napari_n2s.training.preview import PreviewPacer, TrainingMonitor, denoise_preview
from napari_n2s.training.progress import Progress
from napari_n2s.training.train import resume, training

AT_WORK = 24
"""Bytes for each value of a reading while all are averaged."""


def denoising_replicates(
    replicates: Replicates,
    *,
    settings: Settings,
    dtype: Any = None,
    stop: Callable[[], bool] = lambda: False,
    rest: Callable[[], bool] = lambda: False,
    view: Callable[[], Box | None] = lambda: None,
    preview_pause: float = PAUSE,
    since: Progress | None = None,
    out: Any = None,
) -> Generator[Progress | Preview | Applying, None, Denoised]:
    """Denoise several readings of one thing into one image, yielding how far it is.

    Parameters
    ----------
    readings : Replicates
    settings : Settings
    dtype : dtype, optional
        Type of the result, as for `denoise`.
    stop, rest, preview_pause, since
        As for `denoising`; what is taken up again was learnt from the same readings.
    view : callable
        The part to show while training of the image that the readings come from, if any; one that
        shows all of them shows the first.
    out : array_like, optional
        Where to write the result, of the first reading's shape; its type is then the result's.

    Returns
    -------
    tuple of array_like and Report
        Where a reading has no value, the others are averaged; where none has, NaN.
    """
    replicates = replicates.as_volume(settings.volume)
    first = replicates.images[0]
    if out is not None:
        dtype = require_writable(out, first.shape)
    kind = first.result_dtype(dtype, settings.nan_policy)
    with memory_in_words():
        require_memory(AT_WORK * first.size)
        watch = TrainingMonitor(partial(_glimpse, replicates), view, PreviewPacer(preview_pause))
        total, count = np.zeros(first.shape), np.zeros(first.shape, np.uint16)
        try:
            work = resume(since) if since else training(replicates, settings)
            progress = yield from watch.follow(work, stop, rest, since)
            device = progress.trainer.device
            for number, offset in enumerate(replicates.offsets):
                image = replicates.images[number]
                passes = _shares(applying(progress.best, device, image))
                clean = yield from share(passes, number, len(replicates.images), Applying)
                _add(clean, offset, total, count)
        finally:
            if last := watch.progress or since:
                last.trainer.release_gpu()
    with np.errstate(invalid="ignore"):
        mean = replicates.intensity_factor * total / count
    if kind.kind in "iu" and not count.all():
        raise ImageError(f"The result has NaN pixels, which {kind} cannot hold; ask for float32.")
    result = to_dtype(mean, kind)
    if out is not None:
        out[(slice(None),) * result.ndim] = result
    return (result if out is None else out), account_of(progress, readings=replicates.description)


def _glimpse(replicates: Replicates, progress: Progress, box: Box) -> NDArray[np.generic]:
    """Denoise a part of the first reading quickly, with as many axes as the box has."""
    averaged_axis = replicates.averaged_axis
    its = box if averaged_axis is None else (*box[:averaged_axis], *box[averaged_axis + 1 :])
    clean = replicates.intensity_factor * denoise_preview(replicates.images[0], progress, its)
    return clean if averaged_axis is None else np.expand_dims(clean, averaged_axis)


def _add(
    clean: NDArray[np.floating],
    offset: tuple[int, ...],
    total: NDArray[np.float64],
    count: NDArray[np.uint16],
) -> None:
    """Add what a reading has a value for to the image, at its place."""
    sizes = list(zip(offset, clean.shape, strict=True))
    there = tuple(slice(max(0, o), size + min(0, o)) for o, size in sizes)
    here = tuple(slice(max(0, -o), size + min(0, -o)) for o, size in sizes)
    values = clean[here]
    known = np.isfinite(values)
    total[there] += np.where(known, values, 0)
    count[there] += known


def _shares(work: Generator[Applying, None, Any]) -> Generator[float, None, Any]:
    while True:
        try:
            state = next(work)
        except StopIteration as end:
            return end.value
        yield state.done
