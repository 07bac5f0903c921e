"""The training loop, as a generator that scripts, the shell and the docks run."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from napari_n2s.core.device import choose_device, short_of_memory, working_threads
from napari_n2s.core.errors import SettingsError
from napari_n2s.core.generators import finish
from napari_n2s.core.settings import Settings
from napari_n2s.images.image import Image, open_image
from napari_n2s.inference.model import Model
from napari_n2s.replicates.replicates import Replicates
from napari_n2s.training.progress import Progress
from napari_n2s.training.replicate_data import prepare_replicates
from napari_n2s.training.schedule import Schedule
from napari_n2s.training.trainer import Trainer
from napari_n2s.training.training_data import preparing_training_data

PERIODIC_STEPS = 250
"""Maximum number of steps within a budget in seconds if correlated noise is periodic. What of it is
not known is learnt in the end: a demosaiced image had 35.1 dB after 250 steps and 34.0 dB after
800, although the error on held-out pixels fell. Without a period, 0.3 to 0.9 dB are gained."""

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
        array, only the pieces that are trained on are read. Replicates are predicted from each
        other.
    axes : str, optional
        One letter for each axis, as ``"TYX"`` or ``"YXC"``; guessed from the shape if left out.
    settings : Settings, optional
    size : int, optional
        Number of values that will be denoised, for which time is reserved; that of the image if
        left out.
    guides : sequence of array_like
        Images of the same field that the network sees and does not predict, as for `denoise`.
    **changes
        Settings by name, as ``seconds=30``.

    Yields
    ------
    Progress
        At most about ten times a second. The training may be left at any of them:
        ``progress.best`` is a usable model, and `resume` continues the training. A number sent to
        the generator is the seconds that it was paused, which do not count.

    Returns
    -------
    Model
        The last, unless an earlier one scored significantly better on the held-out pixels.

    Raises
    ------
    ImageError, SettingsError, DeviceError
        Before the first step; SettingsError also later, if the training diverges.

    Notes
    -----
    The method is Noise2Self (Batson & Royer 2019). Weights are averaged over about the last hundred
    steps, or the last fifth of a short training; the averaged weights are scored and kept.
    """
    settings = replace(settings or Settings(), **changes)
    if isinstance(image, Replicates):
        return training(image.guided(guides).as_volume(settings.volume), settings, size)
    return training(open_image(image, axes, guides, volume=settings.volume), settings, size)


def training(image: Image | Replicates, settings: Settings, size: int | None = None) -> Training:
    """Train as `train` does, on an open image or on replicates.

    Parameters
    ----------
    image : Image or Replicates
        With Z as an axis of space if the settings say so.
    settings : Settings
    size : int, optional
        As for `train`.
    """
    schedule, device = Schedule(), choose_device(settings.device, volume=settings.volume)
    if isinstance(image, Replicates):
        data = prepare_replicates(image, settings, size)
    else:
        data = finish(preparing_training_data(image, settings, size))
    return run(Trainer(data, data.settings, device, schedule))


def resume(progress: Progress) -> Training:
    """Continue a training where it ended, with the same held-out pixels.

    An interrupted training is completed; a completed one is extended by its budget. The time in
    between does not count.

    Parameters
    ----------
    progress : Progress
        The last snapshot that the training yielded.
    """
    trainer = progress.trainer
    trainer.move(trainer.device)
    restore(progress)
    if progress.done >= 1:
        trainer.schedule.extend()
    return _train_until_converged(trainer)


def conclude(progress: Progress) -> Progress:
    """Make the estimates that a training makes at its end, for one that ended early."""
    if progress.done >= 1 or progress.trainer.diverged:
        return progress
    with _threads(progress.trainer):
        progress.trainer.estimate_nonlocal_weight()
    estimated = progress.trainer.best
    if estimated is None or estimated.step != progress.best.step:
        return progress
    best = replace(progress.best, nonlocal_weight=estimated.nonlocal_weight)
    return replace(progress, best=best)


def restore(progress: Progress) -> None:
    """Set the clock of an ended training back to its last snapshot."""
    schedule = progress.trainer.schedule
    schedule.exclude(schedule.seconds - progress.seconds)


def run(trainer: Trainer) -> Training:
    """Train, from scratch if a short trial of that predicts better than the pretrained weights."""
    noise = trainer.data.recorruption
    most = PERIODIC_STEPS if noise and noise.periodic else None
    trainer.schedule.set_budget(trainer.settings, trainer.data.constant, most)
    if trainer.settings.pretrained:
        initial = _score(trainer)
        yield from _snapshot(trainer, initial)
        other = replace(trainer.settings, pretrained=False)
        trial = Trainer(trainer.data, other, trainer.device, trainer.schedule)
        begin = trainer.schedule.seconds
        while not trainer.schedule.trial_done(trial.step, begin):
            _step(trial, done=0)
            if trainer.schedule.snapshot_due():
                yield from _snapshot(trainer, None)
        if trial.step and _is_better(trial, initial):
            trainer = trial
    return (yield from _train_until_converged(trainer))


def _is_better(trial: Trainer, initial: Model) -> bool:
    """Whether a trial from scratch predicts better than a model; not if it diverges."""
    try:
        return _score(trial).score.loss < initial.score.loss
    except SettingsError:
        return False


def _train_until_converged(trainer: Trainer) -> Training:
    trainer.schedule.begin()
    best = yield from _train_to_budget(trainer)
    while trainer.settings.converge and not trainer.data.constant and trainer.improved():
        if trainer.diverged:
            break
        trainer.schedule.extend()
        best = yield from _train_to_budget(trainer)
    return best


def _train_to_budget(trainer: Trainer) -> Training:
    schedule, done = trainer.schedule, trainer.schedule.done(trainer.step)
    while trainer.best is None or done < 1:
        if not _step(trainer, done):
            continue
        done = schedule.done(trainer.step)
        due = schedule.score_due(trainer.step, done)
        scored = _score(trainer, final=done >= 1) if due else None
        if done >= 1 or trainer.diverged:
            trainer.estimate_nonlocal_weight()
        if trainer.best and (scored or schedule.snapshot_due()):
            yield from _snapshot(trainer, scored)
        if trainer.diverged:
            break
    assert trainer.best is not None
    return trainer.best


def _step(trainer: Trainer, done: float) -> bool:
    """Take a training step; if out of memory, take none and reduce the size of steps."""
    out_of_memory: str | None = None
    with _threads(trainer):
        try:
            trainer.train_step(done)
        except (MemoryError, RuntimeError) as error:
            if not short_of_memory(error):
                raise
            out_of_memory = str(error)
    # Outside of the except clause, where the exception no longer keeps the step's tensors alive.
    if out_of_memory is not None and not trainer.reduce_memory():
        raise MemoryError(out_of_memory)
    return out_of_memory is None


def _score(trainer: Trainer, final: bool = False) -> Model:
    with _threads(trainer):
        return trainer.score(final)


def _threads(trainer: Trainer) -> AbstractContextManager[None]:
    """Compute on free cores; with a budget in steps always on as many, for equal results."""
    return working_threads(steady=trainer.settings.steps is not None)


def _snapshot(trainer: Trainer, scored: Model | None) -> Generator[Progress, float | None, None]:
    """Yield a snapshot; exclude the seconds sent back from the training time."""
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
    schedule.exclude(idle or 0.0)
