"""One denoising in a background thread, and what can be said to it from the window."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

from napari.qt.threading import thread_worker

from napari_n2s.ideas.errors import MissingPixelsError, N2SError
from napari_n2s.ideas.settings import Settings
from napari_n2s.work.load import load_torch
from napari_n2s.work.progress import Applying

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_n2s.ideas.image import Box
    from napari_n2s.work.denoise import Denoised
    from napari_n2s.work.progress import Preview, Progress

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


@dataclass(frozen=True)
class Order:
    """What to denoise.

    Attributes
    ----------
    source : Image
        The layer to learn from.
    image : array_like
        What it held when the order was given.
    axes : str
    region : tuple of slice or None
        The part to learn from, if not all of it.
    onto : Image
        The layer to denoise.
    target : array_like or None
        What of that layer's image; None for `image` itself.
    target_axes : str
    corner : list of int
        Where in the layer that begins.
    """

    source: Image
    image: Any
    axes: str
    region: Box | None
    onto: Image
    target: Any
    target_axes: str
    corner: list[int]

    @property
    def dtype(self) -> Any:
        """Type of the result: what the layer can show."""
        target = self.image if self.target is None else self.target
        return target.dtype if self.onto.rgb else "float32"


@dataclass
class Reins:
    """How the window leads a denoising, from another thread than its own.

    Attributes
    ----------
    view : tuple of slice or None
        The part of the image to show while training.
    """

    view: Box | None = None
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

    def rest(self, seconds: float) -> bool:
        """Wait for at most so long; whether it still rests."""
        return not self._running.wait(seconds)

    @property
    def stopped(self) -> bool:
        """Whether the training is to end."""
        return self._stopped.is_set()


@thread_worker
def denoise_job(
    order: Order,
    settings: Settings,
    reins: Reins,
    since: Progress | None = None,
) -> Generator[Progress | Preview | Applying | None, None, Denoised | Failure]:
    """Carry out an order, or go on with it since a snapshot, as far as the reins let it.

    Yields None while it rests.
    """
    try:
        load_torch()
        from napari_n2s.work.denoise import denoising

        work = denoising(
            order.image,
            axes=order.axes,
            settings=settings,
            dtype=order.dtype,
            stop=lambda: reins.stopped,
            view=lambda: reins.view,
            since=since,
            region=order.region,
            target=None if order.target is None else (order.target, order.target_axes),
        )
        while True:
            try:
                state = next(work)
            except StopIteration as end:
                result: Denoised = end.value
                return result
            yield state
            while not isinstance(state, Applying) and reins.rest(PATIENCE):
                yield None  # napari ends threads between two states only
    except N2SError as error:
        return Failure(str(error), missing=isinstance(error, MissingPixelsError))
    except RuntimeError as error:
        raise UnexpectedError(f"Denoising failed: {error}") from error


@thread_worker
def device_job() -> tuple[str, str | None]:
    """Find out what will be computed on, in words, and what to install if that could be better."""
    load_torch()
    from napari_n2s.work.device import account

    return account()
