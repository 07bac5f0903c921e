"""Training on one noisy image, as a generator that a script, the shell and a dock all run."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from napari_n2s.ideas.image import open_image
from napari_n2s.ideas.settings import Settings
from napari_n2s.work.clock import Clock
from napari_n2s.work.device import choose_device, short_of_memory, working_threads
from napari_n2s.work.learner import Learner
from napari_n2s.work.material import gather
from napari_n2s.work.model import Model
from napari_n2s.work.paired import gather_readings
from napari_n2s.work.progress import Progress
from napari_n2s.work.readings import Readings

Training = Generator[Progress, float | None, Model]


def train(
    image: Any,
    *,
    axes: str | None = None,
    settings: Settings | None = None,
    size: int | None = None,
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
        The one that scored best on the held-out pixels.

    Raises
    ------
    ImageError, SettingsError, DeviceError
        At once, before the first step; SettingsError later if the training diverges.

    Notes
    -----
    The method is Noise2Self's (Batson & Royer 2019). Weights are averaged over the last hundred
    steps or so, and it is the average that is scored and kept.
    """
    clock = Clock()
    settings = replace(settings or Settings(), **changes)
    device = choose_device(settings.device)
    if isinstance(image, Readings):
        material = gather_readings(image, settings, size)
    else:
        material = gather(open_image(image), axes, settings, size)
    clock.plan(settings, material.constant)
    return _rounds(Learner(material, settings, device, clock))


def go_on(progress: Progress) -> Training:
    """Take up a training where it ended, with the same held-out pixels.

    Ended before its time, it is finished; finished, it is trained for as long again. What else was
    done in between does not count.

    Parameters
    ----------
    progress : Progress
        The last that the training yielded.
    """
    take_up(progress)
    learner = progress.learner
    if progress.done >= 1:
        learner.clock.extend()
    learner.move(learner.device)
    return _rounds(learner)


def take_up(progress: Progress) -> None:
    """Let the clock of a training that has ended go on from its last snapshot."""
    clock = progress.learner.clock
    clock.skip(clock.seconds - progress.seconds)


def _rounds(learner: Learner) -> Training:
    best = yield from _steps(learner)
    while learner.settings.converge and not learner.material.constant and learner.improved():
        learner.clock.extend()
        best = yield from _steps(learner)
    return best


def _steps(learner: Learner) -> Training:
    clock, done = learner.clock, learner.clock.done(learner.step)
    while learner.best is None or done < 1:
        with working_threads():
            failed: str | None = None
            try:
                learner.learn(done)
            except (MemoryError, RuntimeError) as error:
                if not short_of_memory(error):
                    raise
                failed = str(error)
            if failed is not None:  # by now the step that failed has let go of its memory
                if not learner.shrink():
                    raise MemoryError(failed)
                continue
            done = clock.done(learner.step)
            scored = learner.score() if clock.score_due(learner.step, done) else None
        if learner.best and learner.last and (scored or clock.snapshot_due()):
            idle = yield Progress(
                step=learner.step,
                seconds=clock.seconds,
                done=done,
                loss=learner.loss,
                score=scored.score if scored else None,
                best=learner.best,
                last=learner.last,
                baselines=learner.baselines,
                learner=learner,
            )
            clock.skip(idle or 0.0)
    return learner.best
