"""Training on one noisy image, as a generator that a script, the shell and a dock all run."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from napari_n2s.core.device import choose_device, short_of_memory, working_threads
from napari_n2s.core.errors import SettingsError
from napari_n2s.core.settings import Settings
from napari_n2s.images.axes import layout
from napari_n2s.images.guides import guide
from napari_n2s.images.image import open_image
from napari_n2s.images.labels import take_off
from napari_n2s.inference.model import Model
from napari_n2s.nn import pretrained
from napari_n2s.replicates.replicates import Readings
from napari_n2s.training.progress import Progress
from napari_n2s.training.replicate_data import gather_readings
from napari_n2s.training.schedule import Clock
from napari_n2s.training.trainer import Learner
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
    image : array_like or Readings
        Any number of axes, integers or floats. It is not changed. Of a large dask, zarr or xarray
        array, only what is learnt from is read. Readings of one thing are learnt from each other.
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
        a model like any other, and `go_on` takes it up again. A number sent back is taken for
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
    clock = Clock()
    settings = replace(settings or Settings(), **changes)
    device = choose_device(settings.device)
    if isinstance(image, Readings):
        settings = replace(settings, channels="together", head_start=False)
        material = gather_readings(image.guided(guides), settings, size)
    else:
        if settings.loss != Settings().loss:
            raise SettingsError(
                f"The loss {settings.loss} is for readings that are learnt from each other; leave "
                "it out, or add another reading."
            )
        image, axes = take_off(image, axes)
        image = guide(open_image(image), axes, guides)
        if "C" not in layout(image.shape, axes).axes:
            settings = replace(settings, channels="together")
        material = gather(image, axes, settings, size)
    fits = pretrained.fits(settings, material.channels, material.ndim)
    # Having learnt to do without guides, a network is slow to take them up.
    if material.constant or material.guide_scale or not fits:
        settings = replace(settings, head_start=False)
    clock.plan(settings, material.constant)
    return _begin(Learner(material, settings, device, clock))


def go_on(progress: Progress) -> Training:
    """Take up a training where it ended, with the same held-out pixels.

    Ended before its time, it is finished; finished, it is trained for as long again. What else was
    done in between does not count.

    Parameters
    ----------
    progress : Progress
        The last that the training yielded.
    """
    learner = progress.learner
    learner.move(learner.device)
    take_up(progress)
    if progress.done >= 1:
        learner.clock.extend()
    return _rounds(learner)


def take_up(progress: Progress) -> None:
    """Let the clock of a training that has ended go on from its last snapshot."""
    clock = progress.learner.clock
    clock.skip(clock.seconds - progress.seconds)


def _begin(learner: Learner) -> Training:
    """Train; from scratch instead, if a few steps of that predict better than a head start does."""
    if learner.settings.head_start:
        ahead = _score(learner)
        yield from _snapshot(learner, ahead)
        other = replace(learner.settings, head_start=False)
        rival = Learner(learner.material, other, learner.device, learner.clock)
        begin = learner.clock.seconds
        while not learner.clock.tried(rival.step, begin):
            _step(rival, done=0)
            if learner.clock.snapshot_due():
                yield from _snapshot(learner, None)
        if rival.step and _score(rival).score.loss < ahead.score.loss:
            learner = rival
    return (yield from _rounds(learner))


def _rounds(learner: Learner) -> Training:
    learner.clock.begin()
    best = yield from _steps(learner)
    while learner.settings.converge and not learner.material.constant and learner.improved():
        learner.clock.extend()
        best = yield from _steps(learner)
    return best


def _steps(learner: Learner) -> Training:
    clock, done = learner.clock, learner.clock.done(learner.step)
    while learner.best is None or done < 1:
        if not _step(learner, done):
            continue
        done = clock.done(learner.step)
        due = clock.score_due(learner.step, done)
        scored = _score(learner, ends=done >= 1) if due else None
        if done >= 1:
            learner.weigh()
        if learner.best and (scored or clock.snapshot_due()):
            yield from _snapshot(learner, scored)
    return learner.best


def _step(learner: Learner, done: float) -> bool:
    """Take one step; if memory is short for it, take none, and make steps smaller."""
    failed: str | None = None
    with working_threads():
        try:
            learner.learn(done)
        except (MemoryError, RuntimeError) as error:
            if not short_of_memory(error):
                raise
            failed = str(error)
    if failed is not None and not learner.shrink():  # the step has let go of its memory by now
        raise MemoryError(failed)
    return failed is None


def _score(learner: Learner, ends: bool = False) -> Model:
    with working_threads():
        return learner.score(ends)


def _snapshot(learner: Learner, scored: Model | None) -> Generator[Progress, float | None, None]:
    """Yield where a training stands; what is sent back are seconds that do not count."""
    assert learner.best is not None
    assert learner.last is not None
    clock = learner.clock
    idle = yield Progress(
        step=learner.step,
        seconds=clock.seconds,
        begun=clock.begun,
        done=clock.done(learner.step),
        loss=learner.loss,
        score=scored.score if scored else None,
        best=learner.best,
        last=learner.last,
        baselines=learner.baselines,
        learner=learner,
    )
    clock.skip(idle or 0.0)
