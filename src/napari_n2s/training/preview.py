"""Previews of the result while the network trains, rare enough to cost little."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.device import short_of_memory
from napari_n2s.core.errors import DeviceError, ImageError
from napari_n2s.core.generators import finish
from napari_n2s.core.progress import PAUSE, Preview
from napari_n2s.images.image import Image
from napari_n2s.images.sources import Box
from napari_n2s.training.progress import Progress
from napari_n2s.training.train import Training

SHARE = 0.03
"""Of the time, for previews, at most."""
ADVANCE = 0.5
"""Seconds of it that may be taken ahead, so that the first previews come soon."""
YOUTH, YOUNG = 5.0, 0.2
"""Seconds, and share of a training, in which pictures worse than a filter's are kept from view."""


class PreviewPacer:
    """Decides when a preview is due: when there is something new to see and time for it.

    Parameters
    ----------
    pause : float
        Seconds between two, at least.
    """

    def __init__(self, pause: float = PAUSE) -> None:
        self._pause = pause
        self._spent = self._cost = self._last = 0.0
        self._seen: tuple[Box, int] | None = None

    def is_new(self, box: Box, step: int) -> bool:
        """Whether a box has not just been shown as the model of a step sees it."""
        return (box, step) != self._seen

    def due(self, box: Box, step: int, seconds: float) -> bool:
        """Whether to show a box, as the model of a step sees it, at a time since the start."""
        return (
            self.is_new(box, step)
            and seconds >= self._last + self._pause
            and self._spent + self._cost <= ADVANCE + SHARE * seconds
        )

    def shown(self, box: Box, step: int, seconds: float, cost: float) -> None:
        """Note a preview, the time since the start, and the seconds that it took."""
        self._seen, self._last, self._cost = (box, step), seconds, cost
        self._spent += cost


class TrainingMonitor:
    """Follows a training and shows a part of the image as it gets better.

    Parameters
    ----------
    glimpse : callable
        Denoises a part of the image as the network would now; it may run short of memory, or find
        that there is no such part.
    view : callable
        The part to show, if any.
    pace : PreviewPacer

    Attributes
    ----------
    progress : Progress or None
        The last that there was.
    """

    def __init__(
        self,
        glimpse: Callable[[Progress, Box], NDArray[np.generic]],
        view: Callable[[], Box | None],
        pace: PreviewPacer,
    ) -> None:
        self._denoise, self._view, self._pace = glimpse, view, pace
        self.progress: Progress | None = None

    def follow(
        self,
        training: Training,
        stop: Callable[[], bool],
        rest: Callable[[], bool],
        since: Progress | None = None,
    ) -> Generator[Progress | Preview, None, Progress]:
        """Run a training to its end or until it is to stop; give its last snapshot.

        One that goes on since a snapshot of its last moment may end without another.
        """
        idle, progress = None, since
        while True:
            try:
                progress = training.send(idle)
            except StopIteration:
                assert progress is not None
                return progress
            self.progress = progress
            begin = time.monotonic()
            yield progress
            while rest():
                yield from self._show(progress, resting=True)
                yield progress
            idle = time.monotonic() - begin
            if stop():
                return progress
            idle += yield from self._show(progress)

    def _show(self, progress: Progress, resting: bool = False) -> Generator[Preview, None, float]:
        """Show what is in view if that is due; give the seconds that the one who sees it took."""
        box, step, seconds = self._view(), progress.last.step, progress.seconds
        due = self._pace.is_new if resting else partial(self._pace.due, seconds=seconds)
        if not box or not due(box, step) or not (resting or is_presentable(progress)):
            return 0.0
        begin = time.monotonic()
        clean = self._glimpse(progress, box)
        cost = 0.0 if resting else time.monotonic() - begin
        self._pace.shown(box, step, seconds, cost)
        if clean is None:
            return 0.0
        begin = time.monotonic()
        yield Preview(box, clean)
        return time.monotonic() - begin

    def _glimpse(self, progress: Progress, box: Box) -> NDArray[np.generic] | None:
        """Denoise a part; None if that cannot be, which must not end the training."""
        try:
            return self._denoise(progress, box)
        except (ImageError, DeviceError):
            return None
        except (MemoryError, RuntimeError) as error:
            if short_of_memory(error):
                return None
            raise


def is_presentable(progress: Progress) -> bool:
    """Whether a network does better than a filter, or has had its time to."""
    to_beat = max(each.score.loss for each in progress.baselines)
    young = progress.seconds < YOUTH and progress.done < YOUNG
    return progress.last.score.loss < to_beat or not young


def glimpse(image: Image, progress: Progress, box: Box) -> NDArray[np.generic]:
    """Denoise a part of an image quickly, as the network would now."""
    device = progress.trainer.device
    work = progress.last.applying(image, quick=True, device=device, part=box)
    clean: NDArray[np.generic] = finish(work)
    return clean
