"""The main job: train on an image, apply what was learnt to it, and give an account."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import torch

from napari_n2s.ideas.axes import layout
from napari_n2s.ideas.compatibility import Fit
from napari_n2s.ideas.guides import guide, plain, take_part
from napari_n2s.ideas.image import Box, check_dtype, open_image, read_box
from napari_n2s.ideas.labelled import put_on, take_off
from napari_n2s.ideas.settings import Settings
from napari_n2s.work.device import free_memory, memory_in_words, short_of_memory
from napari_n2s.work.elsewhere import look
from napari_n2s.work.machine import require_memory
from napari_n2s.work.model import TILE, Model, check
from napari_n2s.work.pieces import ENOUGH
from napari_n2s.work.preview import PAUSE, Pace
from napari_n2s.work.progress import Applying, Preview, Progress
from napari_n2s.work.readings import find_readings
from napari_n2s.work.report import Report, account_of
from napari_n2s.work.safeguard import contradicted, safest
from napari_n2s.work.steps import finish
from napari_n2s.work.stream import require_room
from napari_n2s.work.train import go_on, take_up, train
from napari_n2s.work.watch import Watch, glimpse

TILES = (TILE, TILE // 2, TILE // 4)
"""Sides of tiles in pixels: the largest that fits is taken, the next where memory runs short."""
PER_PIXEL = 1600
"""Bytes that a pixel of a tile takes at most: with the widest network, for one channel."""

Denoised = tuple[Any, Report]


def denoise(
    image: Any,
    *,
    axes: str | None = None,
    settings: Settings | None = None,
    dtype: Any = None,
    out: Any = None,
    pair: Any = None,
    pairs_axis: str | None = None,
    pairing: str = "neighbours",
    thin: bool = False,
    register: bool = False,
    guides: Sequence[Any] = (),
    **changes: Any,
) -> Denoised:
    """Denoise an image with a network trained on it alone, or on further readings of its content.

    Parameters
    ----------
    image : array_like
        Any number of axes, integers or floats. It is not changed. A dask, zarr or xarray array, or
        a file mapped into memory, is read piece by piece. Masked pixels are missing ones, as NaN
        is.
    axes : str, optional
        One letter for each axis, as ``"TYX"`` or ``"YXC"``; if left out, what the dimensions of an
        xarray.DataArray are called, or else guessed from the shape.
    settings : Settings, optional
    dtype : dtype, optional
        Type of the result; of an integer type, it is rounded and clipped into its range. If left
        out, float32, or float64 where that has too few digits for the image's differences.
    out : array_like, optional
        Where to write the result: an array of the image's shape in memory or in a file, as zarr's.
        Its type is then the result's.
    pair : array_like or sequence of array_like, optional
        Another recording of the same thing, or several: each is learnt from the others
        (Noise2Noise), and the result is the mean of all of them denoised.
    pairs_axis : str, optional
        The letter of an axis along which the image itself holds such readings.
    pairing : {"neighbours", "halves", "repeats"}
        What lies along it: frames, each learnt from the ones beside it; or exposures of one thing,
        of which the averages of the even and of the odd, or each and all others, are learnt from
        each other and made into one picture, without that axis.
    thin : bool
        Whether the image holds counted photons, to be shared out at random into two readings.
    register : bool
        Whether readings that are shifted are moved back, by whole pixels.
    guides : sequence of array_like
        Images of the same field that the network sees besides and does not predict, as a clean
        channel or a transmitted-light image: each of the image's size along Y and X and along every
        other axis that it has too, with channels of its own first or colours last.
    **changes
        Settings by name, as ``seconds=30``.

    Returns
    -------
    tuple of array_like and Report
        The denoised image, of the same shape and axes and on the same intensity scale, and an
        account of what was done and how it compares with a median and a blur. From an
        xarray.DataArray or a masked array comes another, with the same labels or mask.

    Raises
    ------
    ImageError, SettingsError, DeviceError
        With one sentence that says what is wrong and what to do.

    Examples
    --------
    >>> clean, report = denoise(noisy, seconds=60)  # doctest: +SKIP
    >>> clean, report = denoise(one, pair=two, seconds=60)  # doctest: +SKIP
    """
    settings = replace(settings or Settings(), **changes)
    bare, axes = take_off(image, axes)
    asked = {"pair": pair, "along": pairs_axis, "how": pairing, "thinned": thin}
    if readings := find_readings(bare, axes, **asked, register=register, seed=settings.seed):
        from napari_n2s.work.denoise_readings import denoising_readings

        readings = readings.guided(guides)
        work = denoising_readings(readings, settings=settings, dtype=dtype, out=out)
    else:
        guided = guide(bare, axes, guides)
        work = denoising(guided, axes=axes, settings=settings, dtype=dtype, out=out)
    clean, report = finish(work)
    return (put_on(clean, image) if out is None else out), report


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
    watch = Watch(partial(glimpse, image, axes), view, Pace(preview_pause))
    try:
        with memory_in_words():
            piece = wanted if part is None else take_part(wanted, part)
            if out is not None:
                dtype = require_room(out, piece.shape)
            kind = check_dtype(dtype, plain(piece), settings.missing)
            lies = layout(piece.shape, its_axes, volume=volume)
            if out is None:
                require_memory(prod(piece.shape) * kind.itemsize)
            check(plain(piece), its_axes, here.canonical_shape[1], settings)
            if since and since.best.context:
                there.beside(since.best.context)
            asked = {"axes": axes, "settings": settings, "size": prod(piece.shape)}
            if learn or since is None:
                training = go_on(since) if since else train(source, **asked)
                progress = yield from watch.follow(training, stop, rest, since)
            else:
                take_up(since)
                progress = since
            device = progress.learner.device
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
            last.learner.rest()
    account = account_of(
        progress,
        region=None if region is None else tuple((side.start, side.stop) for side in region),
        sampled=prod(source.shape) > ENOUGH,
        applied_elsewhere=elsewhere,
        instead=safe.reason,
    )
    return result, replace(account, findings=(*account.findings, *fit.findings))


def applying(
    model: Model,
    device: torch.device,
    image: Any,
    axes: str | None,
    dtype: Any = None,
    part: Box | None = None,
    out: Any = None,
    invariant: bool | None = None,
) -> Generator[Applying, None, Any]:
    """Apply a model in tiles that fit into free memory; if in none, on the processor."""
    free = free_memory(device)
    fitting = [tile for tile in TILES if PER_PIXEL * tile**2 <= free] or TILES[-1:]
    ways = [(device, tile) for tile in fitting]
    if device.type != "cpu":
        ways.append((torch.device("cpu"), TILES[0]))
    for where, tile in ways:
        try:
            return (
                yield from model.applying(
                    image,
                    axes=axes,
                    dtype=dtype,
                    invariant=invariant,
                    tile=tile,
                    device=where,
                    part=part,
                    out=out,
                )
            )
        except (MemoryError, RuntimeError) as error:
            if not short_of_memory(error) or (where, tile) == ways[-1]:
                raise
    raise AssertionError("the last way returns or raises")
