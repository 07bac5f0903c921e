"""Training on one noisy image, as a generator that a script, the shell and a dock all run."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from napari_n2s.core.device import choose_device, short_of_memory, working_threads
from napari_n2s.core.errors import SettingsError
from napari_n2s.core.settings import Settings
from napari_n2s.images.image import Image, open_image
from napari_n2s.inference.model import Model
from napari_n2s.nn import pretrained
from napari_n2s.replicates.replicates import Replicates
from napari_n2s.training.progress import Progress
from napari_n2s.training.replicate_data import prepare_replicates
from napari_n2s.training.schedule import Schedule
from napari_n2s.training.trainer import Trainer
from napari_n2s.training.training_data import gather

Training = Generator[Progress, float | None, Model]


def train(
    image: Any,
    *,
    axes: str | None = None,
    settings: Settings | None = None,
    size: int | None = None,
    guides: Sequence[Any] = (),
    **changes: Any,
) -> Training:
    """Train a network on one noisy image, without clean data.

    Parameters
    ----------
    image : array_like or Replicates
        Any number of axes, integers or floats. It is not changed. Of a large dask, zarr or xarray
        array, only what is learnt from is read. Replicates of one thing are learnt from each other.
    axes : str, optional
        One letter for each axis, as ``"TYX"`` or ``"YXC"``; guessed from the shape if left out.
    settings : Settings, optional
    size : int, optional
        Number of values that will be denoised, for which time is kept; those of the image if left
        out.
    guides : sequence of array_like
        Images of the same field that the network sees besides, as for `denoise`.
    **changes
        Settings by name, as ``seconds=30``.

    Yields
    ------
    Progress
        At most about ten times a second. It may be abandoned at any of them: ``progress.best`` is
        a model like any other, and `resume` takes it up again. A number sent back is taken for
        seconds in which nothing was done, and does not count.

    Returns
    -------
    Model
        The last, unless one before scored better on the held-out pixels by more than chance
        explains.

    Raises
    ------
    ImageError, SettingsError, DeviceError
        At once, before the first step; SettingsError later if the training diverges.

    Notes
    -----
    The method is Noise2Self's (Batson & Royer 2019). Weights are averaged over the last hundred
    steps or so, of a short training over its last fifth, and it is the average that is scored and
    kept.
    """
    settings = replace(settings or Settings(), **changes)
    if isinstance(image, Replicates):
        return training(image.guided(guides).as_volume(settings.volume), settings, size)
    return training(open_image(image, axes, guides, volume=settings.volume), settings, size)


def training(image: Image | Replicates, settings: Settings, size: int | None = None) -> Training:
    """Do as `train` with an image that is open, or with replicates.

    Parameters
    ----------
    image : Image or Replicates
        With Z as an axis of space if the settings say so.
    settings : Settings
    size : int, optional
        As for `train`.
    """
    schedule = Schedule()
    device = choose_device(settings.device, volume=settings.volume)
    if isinstance(image, Replicates):
        settings = replace(settings, channels="joint", pretrained=False)
        data = prepare_replicates(image, settings, size)
    else:
        if settings.loss != Settings().loss:
            raise SettingsError(
                f"The loss {settings.loss} is for readings that are learnt from each other; leave "
                "it out, or add another reading."
            )
        if "C" not in image.axes:
            settings = replace(settings, channels="joint")
        data = gather(image, settings, size)
    fits = pretrained.fits(settings, data.channels, data.ndim)
    # Having learnt to do without guides, a network is slow to take them up.
    if data.constant or data.guide_scale or not fits:
        settings = replace(settings, pretrained=False)
    schedule.plan(settings, data.constant)
    return _begin(Trainer(data, settings, device, schedule))


def resume(progress: Progress) -> Training:
    """Take up a training where it ended, with the same held-out pixels.

    Ended before its time, it is finished; finished, it is trained for as long again. What else was
    done in between does not count.

    Parameters
    ----------
    progress : Progress
        The last that the training yielded.
    """
    trainer = progress.trainer
    trainer.move(trainer.device)
    restore(progress)
    if progress.done >= 1:
        trainer.schedule.extend()
    return _rounds(trainer)


def restore(progress: Progress) -> None:
    """Let the schedule of a training that has ended go on from its last snapshot."""
    schedule = progress.trainer.schedule
    schedule.skip(schedule.seconds - progress.seconds)


def _begin(trainer: Trainer) -> Training:
    """Train; from scratch, if a few steps of that predict better than pretrained weights."""
    if trainer.settings.pretrained:
        ahead = _score(trainer)
        yield from _snapshot(trainer, ahead)
        other = replace(trainer.settings, pretrained=False)
        rival = Trainer(trainer.material, other, trainer.device, trainer.schedule)
        begin = trainer.schedule.seconds
        while not trainer.schedule.tried(rival.step, begin):
            _step(rival, done=0)
            if trainer.schedule.snapshot_due():
                yield from _snapshot(trainer, None)
        if rival.step and _score(rival).score.loss < ahead.score.loss:
            trainer = rival
    return (yield from _rounds(trainer))


def _rounds(trainer: Trainer) -> Training:
    trainer.schedule.begin()
    best = yield from _steps(trainer)
    while trainer.settings.converge and not trainer.material.constant and trainer.improved():
        trainer.schedule.extend()
        best = yield from _steps(trainer)
    return best


def _steps(trainer: Trainer) -> Training:
    schedule, done = trainer.schedule, trainer.schedule.done(trainer.step)
    while trainer.best is None or done < 1:
        if not _step(trainer, done):
            continue
        done = schedule.done(trainer.step)
        due = schedule.score_due(trainer.step, done)
        scored = _score(trainer, ends=done >= 1) if due else None
        if done >= 1:
            trainer.weigh()
        if trainer.best and (scored or schedule.snapshot_due()):
            yield from _snapshot(trainer, scored)
    return trainer.best


def _step(trainer: Trainer, done: float) -> bool:
    """Take one step; if memory is short for it, take none, and make steps smaller."""
    failed: str | None = None
    with working_threads():
        try:
            trainer.learn(done)
        except (MemoryError, RuntimeError) as error:
            if not short_of_memory(error):
                raise
            failed = str(error)
    if failed is not None and not trainer.shrink():  # the step has let go of its memory by now
        raise MemoryError(failed)
    return failed is None


def _score(trainer: Trainer, ends: bool = False) -> Model:
    with working_threads():
        return trainer.score(ends)


def _snapshot(trainer: Trainer, scored: Model | None) -> Generator[Progress, float | None, None]:
    """Yield where a training stands; what is sent back are seconds that do not count."""
    assert trainer.best is not None
    assert trainer.last is not None
    schedule = trainer.schedule
    idle = yield Progress(
        step=trainer.step,
        seconds=schedule.seconds,
        begun=schedule.begun,
        done=schedule.done(trainer.step),
        loss=trainer.loss,
        score=scored.score if scored else None,
        best=trainer.best,
        last=trainer.last,
        baselines=trainer.baselines,
        trainer=trainer,
    )
    schedule.skip(idle or 0.0)
