"""One denoising in a background thread, and what can be said to it from the window."""

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
    from napari_n2s.core.progress import Applying, Preview
    from napari_n2s.images.sources import Box
    from napari_n2s.pipeline.denoise_one import Denoised
    from napari_n2s.training.progress import Progress
    from napari_n2s.widgets.request import Request

PATIENCE = 0.05
"""Seconds between two looks whether it is to end while it rests."""


@dataclass(frozen=True)
class Failure:
    """Why there is no result, in a sentence for the user.

    Attributes
    ----------
    sentence : str
    missing : bool
        Whether it is for pixels that are NaN, which might be left as they are.
    """

    sentence: str
    missing: bool = False


class UnexpectedError(Exception):
    """A fault of the program; the worker would swallow it as the RuntimeError that it often is."""


@dataclass
class JobControl:
    """How the window leads a denoising, from another thread than its own.

    Attributes
    ----------
    view : tuple of slice or None
        The part of the image to show while training.
    preview_pause : float
        Seconds between two previews, at least.
    """

    view: Box | None = None
    preview_pause: float = PAUSE
    _running: Event = field(default_factory=Event)
    _stopped: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        """Let it run."""
        self._running.set()

    def pause(self) -> None:
        """Rest at the next snapshot."""
        self._running.clear()

    def resume(self) -> None:
        """Take it up again."""
        self._running.set()

    def stop(self) -> None:
        """End the training and apply the best so far."""
        self._stopped.set()
        self._running.set()

    def rest(self) -> bool:
        """Wait for a moment, unless it is to run; whether it still rests."""
        return not self._running.wait(PATIENCE)

    @property
    def stopped(self) -> bool:
        """Whether the training is to end."""
        return self._stopped.is_set()


@in_background
def denoise_job(
    order: Request,
    settings: Settings,
    reins: JobControl,
    since: Progress | None = None,
    *,
    learn: bool = True,
) -> Generator[Progress | Preview | Applying, None, Denoised | Failure]:
    """Carry out an order, or go on with it since a snapshot, as far as the reins let it.

    While it rests it yields the same again and again: napari ends threads between two states only.
    """
    return (yield from carry_out(partial(_denoise, order, settings, reins, since, learn)))


def _denoise(
    order: Request, settings: Settings, reins: JobControl, since: Progress | None, learn: bool
) -> Generator[Progress | Preview | Applying, None, Denoised]:
    from napari_n2s.pipeline.denoise_one import denoising

    return denoising(
        order.opened,
        settings=settings,
        dtype=order.dtype,
        stop=lambda: reins.stopped,
        rest=reins.rest,
        view=lambda: reins.view,
        preview_pause=reins.preview_pause,
        since=since,
        learn=learn,
        region=order.region,
        target=None if order.target is None else order.opened_target,
        part=order.part,
    )


def carry_out(
    work: Callable[[], Generator[Any, None, Denoised]],
) -> Generator[Any, None, Denoised | Failure]:
    """Begin a work with torch at hand, and follow it to its result or to why there is none."""
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
def look_job(order: Request, box: Box) -> Preview | None:
    """Denoise what is in view without learning from it; None where that cannot be."""
    give_way()
    try:
        load_torch()
        from napari_n2s.core.progress import Preview
        from napari_n2s.pipeline.first_look import first_look

        clean = first_look(order.opened, box)
    except (N2SError, MemoryError, RuntimeError):
        return None  # training will say what is wrong, if it comes to that
    return None if clean is None else Preview(box, clean)


@in_background
def device_job(name: str) -> tuple[str, str | None]:
    """Say what a setting has computed on, and what to install if that could be better."""
    try:
        load_torch()
    except N2SError as error:
        return str(error), REMEDY
    from napari_n2s.core.device import account

    try:
        return account(name)
    except N2SError as error:
        return str(error), None
