"""The background jobs of the Denoise dock, and their control from the window's thread."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

from napari_n2s.core.errors import MissingPixelsError, N2SError
from napari_n2s.core.progress import PAUSE
from napari_n2s.core.settings import Settings
from napari_n2s.core.torch_loading import REMEDY, give_way, load_torch
from napari_n2s.widgets.worker import in_background

if TYPE_CHECKING:
    from napari_n2s.core.progress import Applying, Preparing, Preview
    from napari_n2s.images.sources import Box
    from napari_n2s.pipeline.denoise_one import Denoised
    from napari_n2s.training.progress import Progress
    from napari_n2s.widgets.request import Request

POLL_INTERVAL = 0.05
"""Seconds between two checks whether a paused job should resume or end."""


@dataclass(frozen=True)
class Failure:
    """The reason why there is no result, in a sentence for the user.

    Attributes
    ----------
    sentence : str
    missing : bool
        Whether the reason is NaN or infinite pixels, which could be omitted instead.
    """

    sentence: str
    missing: bool = False


class UnexpectedError(Exception):
    """A bug in the program, often a RuntimeError, which napari's worker would swallow."""


@dataclass(frozen=True)
class Task:
    """What a worker is to do.

    Attributes
    ----------
    request : Request
    settings : Settings
    since : Progress or None
        Last snapshot of the training to continue; None for a new one.
    learn : bool
        Whether to train; if not, the network of `since` is applied.
    """

    request: Request
    settings: Settings
    since: Progress | None = None
    learn: bool = True


@dataclass
class JobControl:
    """Control of a job from another thread: pause, resume, stop, and what to preview.

    Attributes
    ----------
    view : tuple of slice or None
        The part of the image to preview while training.
    preview_pause : float
        Minimum time between two previews, in seconds.
    """

    view: Box | None = None
    preview_pause: float = PAUSE
    _running: Event = field(default_factory=Event)
    _stopped: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        """Start in the state of running."""
        self._running.set()

    def pause(self) -> None:
        """Pause at the next snapshot."""
        self._running.clear()

    def resume(self) -> None:
        """Resume after a pause."""
        self._running.set()

    def stop(self) -> None:
        """End the training at the next snapshot and apply the best network so far."""
        self._stopped.set()
        self._running.set()

    def rest(self) -> bool:
        """Wait for `POLL_INTERVAL` if the job is paused; return whether it still is."""
        return not self._running.wait(POLL_INTERVAL)

    @property
    def stopped(self) -> bool:
        """Whether the training was asked to end."""
        return self._stopped.is_set()


@in_background
def denoise_job(
    task: Task, control: JobControl
) -> Generator[Preparing | Progress | Preview | Applying, None, Denoised | Failure]:
    """Train and apply a network, or continue from a snapshot, under the control of the dock.

    While it is paused it yields the same snapshot again and again, since napari can end a worker
    only when it yields.
    """
    return (yield from run_with_torch(partial(_denoise, task, control)))


def _denoise(
    task: Task, control: JobControl
) -> Generator[Preparing | Progress | Preview | Applying, None, Denoised]:
    from napari_n2s.pipeline.denoise_one import denoising

    request = task.request
    return denoising(
        request.opened,
        settings=task.settings,
        dtype=request.dtype,
        stop=lambda: control.stopped,
        rest=control.rest,
        view=lambda: control.view,
        preview_pause=control.preview_pause,
        since=task.since,
        learn=task.learn,
        region=request.region,
        target=None if request.target is None else request.opened_target,
        part=request.part,
    )


def run_with_torch(
    work: Callable[[], Generator[Any, None, Denoised]],
) -> Generator[Any, None, Denoised | Failure]:
    """Load torch, run a job and return its result, or the reason why there is none.

    Raises
    ------
    UnexpectedError
        If the work raises a RuntimeError.
    """
    try:
        give_way()
        load_torch()
        result: Denoised = yield from work()
        return result
    except N2SError as error:
        return Failure(str(error), missing=isinstance(error, MissingPixelsError))
    except RuntimeError as error:
        raise UnexpectedError(f"Denoising failed: {error}") from error


@in_background
def first_look_job(request: Request, box: Box, device: str) -> Preview | None:
    """Denoise what is in view with the pretrained network; None where that is not possible."""
    give_way()
    try:
        load_torch()
        from napari_n2s.core.progress import Preview
        from napari_n2s.pipeline.first_look import first_look

        clean = first_look(request.opened, box, device)
    except (N2SError, MemoryError, RuntimeError):
        return None  # the training will report what is wrong
    return None if clean is None else Preview(box, clean)


@in_background
def device_job(name: str) -> tuple[str, str | None]:
    """Describe the device that a setting selects, and give the command for a better torch."""
    try:
        load_torch()
    except N2SError as error:
        return str(error), REMEDY
    from napari_n2s.core.device import account

    try:
        return account(name)
    except N2SError as error:
        return str(error), None
