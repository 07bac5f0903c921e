"""Denoising of a single image: training, inference and report, as a generator."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from napari_n2s.core.device import choose_device, memory_in_words
from napari_n2s.core.errors import StoppedError
from napari_n2s.core.generators import wrap
from napari_n2s.core.progress import PAUSE, Applying, Preparing, Preview
from napari_n2s.core.settings import Settings
from napari_n2s.core.system import require_memory
from napari_n2s.images.image import Image
from napari_n2s.images.sources import Box, read_box
from napari_n2s.inference.compatibility import Fit
from napari_n2s.inference.model import check
from napari_n2s.inference.tile_size import applying
from napari_n2s.inference.transfer import fit_to
from napari_n2s.offsets.removal import removing_offsets
from napari_n2s.pipeline.preview import PreviewPacer, TrainingMonitor, denoise_preview
from napari_n2s.pipeline.reports.report import Report, report_of
from napari_n2s.pipeline.safeguard import contradicted, safest
from napari_n2s.preparation.sampling import MAX_TRAINING_VALUES, is_large, loading
from napari_n2s.preparation.streaming import require_writable
from napari_n2s.training.progress import Progress
from napari_n2s.training.schedule import Schedule
from napari_n2s.training.train import conclude, restore, resume, run
from napari_n2s.training.trainer import Trainer
from napari_n2s.training.training_data import preparing_training_data

Denoised = tuple[Any, Report]


def denoising(
    image: Image,
    *,
    settings: Settings,
    dtype: Any = None,
    stop: Callable[[], bool] = lambda: False,
    rest: Callable[[], bool] = lambda: False,
    view: Callable[[], Box | None] = lambda: None,
    preview_pause: float = PAUSE,
    since: Progress | None = None,
    learn: bool = True,
    region: Box | None = None,
    target: Image | None = None,
    part: Box | None = None,
    out: Any = None,
) -> Generator[Preparing | Progress | Preview | Applying, None, Denoised]:
    """Denoise an image as `denoise` does, yielding progress and previews.

    The time until the generator is resumed does not count. While the training is paused, the same
    snapshot is yielded repeatedly.

    Parameters
    ----------
    image : Image
    settings, dtype
        As for `denoise`.
    stop : callable
        Whether to end the training and apply the best model so far.
    rest : callable
        Whether to pause; called repeatedly while paused, it should wait for a moment.
    view : callable
        Returns the part of the image to preview during training, or None.
    preview_pause : float
        Minimum time between two previews in seconds.
    since : Progress, optional
        The last snapshot of a training on this image, which is then continued with its settings.
    learn : bool
        Whether to train; if not, the best model of `since` is applied.
    region : tuple of slice, optional
        The part of the image to train on; all of it if left out.
    target : Image, optional
        The image to denoise, if another.
    part : tuple of slice, optional
        The part of that to denoise; all of it if left out.
    out : array_like, optional
        Where to write the result, of that part's shape.

    Yields
    ------
    Preparing, Progress, Preview or Applying

    Returns
    -------
    tuple of array_like and Report
    """
    volume = settings.volume if since is None else since.best.settings.volume
    image = image.as_volume(volume)
    if region is None and target is None and part is None and not is_large(image):
        # Nothing is read once for training and again for applying.
        image = yield from wrap(wrap(loading(image), Preparing), _unless(stop))
    removing = partial(removing_offsets, settings=settings)
    image, offset_findings = yield from wrap(wrap(removing(image), Preparing), _unless(stop))
    source = image if region is None else image.part(region)
    source.layout.require_size()
    wanted = image
    if target is not None:
        other = removing(target.as_volume(volume))
        wanted, _ = yield from wrap(wrap(other, Preparing), _unless(stop))
    piece = wanted if part is None else wanted.part(part)
    if not set(source.layout.sample_axes) <= set(wanted.layout.sample_axes):
        settings = replace(settings, context=0)  # the target lacks the axis of neighbours
    monitor = TrainingMonitor(partial(denoise_preview, image), view, PreviewPacer(preview_pause))
    try:
        with memory_in_words():
            kind = _check(piece, out, dtype, source.channels, settings)
            if since and since.best.context:
                wanted.layout.neighbours(since.best.context)
            if learn or since is None:
                if since:
                    work = resume(since)
                else:
                    schedule, device = Schedule(), choose_device(settings.device, volume=volume)
                    prepared = wrap(
                        preparing_training_data(source, settings, piece.size), Preparing
                    )
                    data = yield from wrap(prepared, _unless(stop))
                    work = run(Trainer(data, data.settings, device, schedule))
                progress = yield from monitor.follow(work, stop, rest, since)
            else:
                restore(since)
                progress = since
            progress = conclude(progress)
            device = progress.trainer.device
            safe, fit = safest(progress), Fit()
            model, is_transferred = safe.model, region is not None or target is not None
            if is_transferred:
                model, fit = fit_to(model, wanted)
            destination = (device, wanted, kind, part, out)
            result = yield from applying(model, *destination)
            if not safe.reason and piece.size <= MAX_TRAINING_VALUES:
                clean = read_box(result, piece.whole)
                safe = contradicted(model, piece.load(), clean, progress.baselines)
                if safe.reason:
                    result = yield from applying(safe.model, *destination)
    finally:
        if last := monitor.progress or since:
            last.trainer.release_gpu()
    account = report_of(
        progress,
        region=None if region is None else tuple((side.start, side.stop) for side in region),
        sampled=source.size > MAX_TRAINING_VALUES,
        applied_elsewhere=is_transferred,
        fallback=safe.reason,
    )
    findings = (*account.findings, *offset_findings, *fit.findings)
    return result, replace(account, findings=findings)


def _unless(stop: Callable[[], bool]) -> Callable[[Preparing], Preparing]:
    """Return a function that passes a state on, or raises StoppedError if it is time to stop."""

    def check_stop(state: Preparing) -> Preparing:
        if stop():
            raise StoppedError("Stopped before the network was trained; nothing was denoised.")
        return state

    return check_stop


def _check(piece: Image, out: Any, dtype: Any, channels: int, settings: Settings) -> np.dtype[Any]:
    """Check before training that the result can be computed and stored; return its type."""
    if out is not None:
        dtype = require_writable(out, piece.shape, piece)
    kind = piece.result_dtype(dtype, settings.nan_policy)
    if out is None:
        require_memory(piece.size * kind.itemsize)
    check(piece, channels, settings)
    return kind
