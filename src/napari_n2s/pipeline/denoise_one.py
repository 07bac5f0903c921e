"""The main job: train on an image, apply what was learnt to it, and give an account."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

from napari_n2s.core.device import memory_in_words
from napari_n2s.core.progress import PAUSE, Applying, Preview
from napari_n2s.core.settings import Settings
from napari_n2s.core.system import require_memory
from napari_n2s.images.axes import layout
from napari_n2s.images.guides import plain, take_part
from napari_n2s.images.image import Box, check_dtype, open_image, read_box
from napari_n2s.images.sampling import ENOUGH
from napari_n2s.inference.compatibility import Fit
from napari_n2s.inference.model import check
from napari_n2s.inference.tile_size import applying
from napari_n2s.inference.transfer import look
from napari_n2s.pipeline.report import Report, account_of
from napari_n2s.pipeline.safeguard import contradicted, safest
from napari_n2s.preparation.streaming import require_room
from napari_n2s.training.preview import PreviewPacer, TrainingMonitor, glimpse
from napari_n2s.training.progress import Progress
from napari_n2s.training.train import restore, resume, train

Denoised = tuple[Any, Report]


def denoising(
    image: Any,
    *,
    axes: str | None = None,
    settings: Settings,
    dtype: Any = None,
    stop: Callable[[], bool] = lambda: False,
    rest: Callable[[], bool] = lambda: False,
    view: Callable[[], Box | None] = lambda: None,
    preview_pause: float = PAUSE,
    since: Progress | None = None,
    learn: bool = True,
    region: Box | None = None,
    target: tuple[Any, str | None] | None = None,
    part: Box | None = None,
    out: Any = None,
) -> Generator[Progress | Preview | Applying, None, Denoised]:
    """Do as `denoise`, yielding how far it is; the time until it is asked to go on does not count.

    While it rests, the same snapshot comes again and again.

    Parameters
    ----------
    image, axes, settings, dtype
        As for `denoise`; an image may be `Guided`.
    stop : callable
        As soon as it says so, the training ends and the best model so far is applied.
    rest : callable
        Asked again and again, waits a moment and says whether to wait longer.
    view : callable
        The part of the image to show while training, if any.
    preview_pause : float
        Seconds between two previews, at least.
    since : Progress, optional
        The last snapshot of a training on this image, to be taken up where it ended. The settings
        are then that training's.
    learn : bool
        Whether to train; if not, what was learnt until `since` is applied.
    region : tuple of slice, optional
        The part of the image to learn from, if not all of it.
    target : tuple of array_like and str, optional
        The image to denoise with what was learnt, and its axes, if not that one.
    part : tuple of slice, optional
        The part of it to denoise, if not all of it.
    out : array_like, optional
        Where to write the result, of that part's shape.
    """
    image = open_image(image)
    source = image if region is None else take_part(image, region)
    wanted, its_axes = (image, axes) if target is None else (open_image(target[0]), target[1])
    volume = settings.volume if since is None else since.best.settings.volume
    here = layout(source.shape, axes, volume=volume)
    there = layout(wanted.shape, its_axes, volume=volume)
    if not set(here.sample_axes) <= set(there.sample_axes):
        settings = replace(settings, context=0)  # what would be beside a picture is not there
    watch = TrainingMonitor(partial(glimpse, image, axes), view, PreviewPacer(preview_pause))
    try:
        with memory_in_words():
            piece = wanted if part is None else take_part(wanted, part)
            if out is not None:
                dtype = require_room(out, piece.shape)
            kind = check_dtype(dtype, plain(piece), settings.nan_policy)
            lies = layout(piece.shape, its_axes, volume=volume)
            if out is None:
                require_memory(prod(piece.shape) * kind.itemsize)
            check(plain(piece), its_axes, here.canonical_shape[1], settings)
            if since and since.best.context:
                there.beside(since.best.context)
            asked = {"axes": axes, "settings": settings, "size": prod(piece.shape)}
            if learn or since is None:
                training = resume(since) if since else train(source, **asked)
                progress = yield from watch.follow(training, stop, rest, since)
            else:
                restore(since)
                progress = since
            device = progress.trainer.device
            safe, fit = safest(progress), Fit()
            model, elsewhere = safe.model, region is not None or target is not None
            if elsewhere:
                model, fit = look(model, wanted, its_axes)
            where = (device, wanted, its_axes, kind, part, out)
            result = yield from applying(model, *where)
            if not safe.reason and prod(piece.shape) <= ENOUGH:
                whole = tuple(slice(0, size) for size in piece.shape)
                noisy, clean = (read_box(each, whole) for each in (plain(piece), result))
                safe = contradicted(model, noisy, clean, lies, progress.baselines)
                if safe.reason:
                    result = yield from applying(safe.model, *where)
    finally:
        if last := watch.progress or since:
            last.trainer.rest()
    account = account_of(
        progress,
        region=None if region is None else tuple((side.start, side.stop) for side in region),
        sampled=prod(source.shape) > ENOUGH,
        applied_elsewhere=elsewhere,
        fallback=safe.reason,
    )
    return result, replace(account, findings=(*account.findings, *fit.findings))
