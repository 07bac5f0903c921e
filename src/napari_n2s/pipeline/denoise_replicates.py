"""Denoising of replicates: Noise2Noise training, inference on each replicate, and their average."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.device import memory_in_words
from napari_n2s.core.errors import ImageError
from napari_n2s.core.generators import share
from napari_n2s.core.progress import PAUSE, Applying, Preparing, Preview
from napari_n2s.core.settings import Settings
from napari_n2s.core.system import require_memory
from napari_n2s.images.dtypes import to_dtype
from napari_n2s.images.sources import Box
from napari_n2s.inference.tile_size import applying
from napari_n2s.pipeline.denoise_one import Denoised
from napari_n2s.pipeline.preview import PreviewPacer, TrainingMonitor, denoise_preview
from napari_n2s.pipeline.reports.report import report_of
from napari_n2s.preparation.streaming import require_writable
from napari_n2s.replicates.replicates import Replicates
from napari_n2s.training.progress import Progress
from napari_n2s.training.train import resume, training

VALUE_BYTES = 24
"""Bytes per value of a replicate while they are averaged."""


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
) -> Generator[Preparing | Progress | Preview | Applying, None, Denoised]:
    """Denoise replicates to one image, yielding progress and previews.

    Parameters
    ----------
    replicates : Replicates
    settings : Settings
    dtype : dtype, optional
        Type of the result, as for `denoise`.
    stop, rest, preview_pause, since
        As for `denoising`; a training that is continued must be of the same replicates.
    view : callable
        Returns the part to preview during training, of the image that the replicates come from, or
        None. Of a part with several replicates the first is shown.
    out : array_like, optional
        Where to write the result, of the first replicate's shape; its type is then the result's.

    Yields
    ------
    Progress, Preview or Applying

    Returns
    -------
    tuple of array_like and Report
        Pixels missing in some replicates are the average of the others; pixels missing in all, NaN.
    """
    replicates = replicates.as_volume(settings.volume)
    first = replicates.images[0]
    if out is not None:
        dtype = require_writable(out, first.shape)
    kind = first.result_dtype(dtype, settings.nan_policy)
    with memory_in_words():
        require_memory(VALUE_BYTES * first.size)
        monitor = TrainingMonitor(partial(_preview, replicates), view, PreviewPacer(preview_pause))
        total, count = np.zeros(first.shape), np.zeros(first.shape, np.uint16)
        try:
            work = resume(since) if since else training(replicates, settings)
            progress = yield from monitor.follow(work, stop, rest, since)
            device = progress.trainer.device
            for number, offset in enumerate(replicates.offsets):
                image = replicates.images[number]
                passes = _shares(applying(progress.best, device, image))
                clean = yield from share(passes, number, len(replicates.images), Applying)
                _add(clean, offset, total, count)
        finally:
            if last := monitor.progress or since:
                last.trainer.release_gpu()
    with np.errstate(invalid="ignore"):
        mean = replicates.intensity_factor * total / count
    if kind.kind in "iu" and not count.all():
        raise ImageError(f"The result has NaN pixels, which {kind} cannot hold; ask for float32.")
    result = to_dtype(mean, kind)
    if out is not None:
        out[(slice(None),) * result.ndim] = result
    return (result if out is None else out), report_of(progress, replicates=replicates.description)


def _preview(replicates: Replicates, progress: Progress, box: Box) -> NDArray[np.generic]:
    """Denoise a part of the first replicate quickly, with as many axes as the box has."""
    averaged_axis = replicates.averaged_axis
    without_axis = (
        box if averaged_axis is None else (*box[:averaged_axis], *box[averaged_axis + 1 :])
    )
    clean = replicates.intensity_factor * denoise_preview(
        replicates.images[0], progress, without_axis
    )
    return clean if averaged_axis is None else np.expand_dims(clean, averaged_axis)


def _add(
    clean: NDArray[np.floating],
    offset: tuple[int, ...],
    total: NDArray[np.float64],
    count: NDArray[np.uint16],
) -> None:
    """Add the finite values of a denoised replicate to the sum, at its offset."""
    sizes = list(zip(offset, clean.shape, strict=True))
    in_sum = tuple(slice(max(0, o), size + min(0, o)) for o, size in sizes)
    in_replicate = tuple(slice(max(0, -o), size + min(0, -o)) for o, size in sizes)
    values = clean[in_replicate]
    known = np.isfinite(values)
    total[in_sum] += np.where(known, values, 0)
    count[in_sum] += known


def _shares(work: Generator[Applying, None, Any]) -> Generator[float, None, Any]:
    while True:
        try:
            state = next(work)
        except StopIteration as end:
            return end.value
        yield state.done
