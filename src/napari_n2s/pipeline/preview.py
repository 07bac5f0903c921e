"""Previews of the result during training, within a fixed fraction of the time."""

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

MAX_SHARE = 0.03
"""Maximum fraction of the time that is spent on previews."""
ADVANCE = 0.5
"""Seconds by which it may be exceeded, so that the first previews come early."""
EARLY_SECONDS, EARLY_FRACTION = 5.0, 0.2
"""Time in seconds, and fraction of a training, in which results worse than a filter's are not
shown."""


class PreviewPacer:
    """Decides when a preview is due: when there is a new result and time for it.

    Parameters
    ----------
    pause : float
        Minimum time between two previews in seconds.
    """

    def __init__(self, pause: float = PAUSE) -> None:
        self._pause = pause
        self._spent = self._cost = self._last = 0.0
        self._seen: tuple[Box, int] | None = None

    def is_new(self, box: Box, step: int) -> bool:
        """Whether the last preview was of another box or of the model at another step."""
        return (box, step) != self._seen

    def due(self, box: Box, step: int, seconds: float) -> bool:
        """Whether a preview of a box by the model at a step is due, `seconds` after the start."""
        return (
            self.is_new(box, step)
            and seconds >= self._last + self._pause
            and self._spent + self._cost <= ADVANCE + MAX_SHARE * seconds
        )

    def shown(self, box: Box, step: int, seconds: float, cost: float) -> None:
        """Record a preview, made `seconds` after the start at a cost in seconds."""
        self._seen, self._last, self._cost = (box, step), seconds, cost
        self._spent += cost


class TrainingMonitor:
    """Runs a training and yields its snapshots with previews of a part of the image.

    Parameters
    ----------
    denoise : callable
        Denoises a part of the image with the current network; it may run out of memory, or raise
        an error if there is no such part.
    view : callable
        Returns the part to show, or None.
    pace : PreviewPacer

    Attributes
    ----------
    progress : Progress or None
        The last snapshot.
    """

    def __init__(
        self,
        denoise: Callable[[Progress, Box], NDArray[np.generic]],
        view: Callable[[], Box | None],
        pace: PreviewPacer,
    ) -> None:
        self._denoise, self._view, self._pace = denoise, view, pace
        self.progress: Progress | None = None

    def follow(
        self,
        training: Training,
        stop: Callable[[], bool],
        rest: Callable[[], bool],
        since: Progress | None = None,
    ) -> Generator[Progress | Preview, None, Progress]:
        """Run a training to its end or until it is stopped; return its last snapshot.

        Parameters
        ----------
        training : Training
        stop : callable
            Whether to stop.
        rest : callable
            Whether to pause; called repeatedly while paused.
        since : Progress, optional
            The last snapshot of a resumed training, which may end without yielding another.
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
        """Yield a preview if it is due; return the seconds until the caller asked for more."""
        box, step, seconds = self._view(), progress.last.step, progress.seconds
        due = self._pace.is_new if resting else partial(self._pace.due, seconds=seconds)
        if not box or not due(box, step) or not (resting or is_presentable(progress)):
            return 0.0
        begin = time.monotonic()
        clean = self._try_denoise(progress, box)
        cost = 0.0 if resting else time.monotonic() - begin
        self._pace.shown(box, step, seconds, cost)
        if clean is None:
            return 0.0
        begin = time.monotonic()
        yield Preview(box, clean)
        return time.monotonic() - begin

    def _try_denoise(self, progress: Progress, box: Box) -> NDArray[np.generic] | None:
        """Denoise a part; None after an error, which must not end the training."""
        try:
            return self._denoise(progress, box)
        except (ImageError, DeviceError):
            return None
        except (MemoryError, RuntimeError) as error:
            if short_of_memory(error):
                return None
            raise


def is_presentable(progress: Progress) -> bool:
    """Whether the network is better than a filter, or has been trained for some time."""
    to_beat = max(each.score.loss for each in progress.baselines)
    early = progress.seconds < EARLY_SECONDS and progress.done < EARLY_FRACTION
    return progress.last.score.loss < to_beat or not early


def denoise_preview(image: Image, progress: Progress, box: Box) -> NDArray[np.generic]:
    """Denoise a part of an image with the current network, quickly."""
    device = progress.trainer.device
    work = progress.last.applying(image, quick=True, device=device, part=box)
    clean: NDArray[np.generic] = finish(work)
    return clean
