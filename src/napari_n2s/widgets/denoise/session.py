"""The trainings of a dock, one at a time: the worker in the background and its last snapshot."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject

from napari_n2s.widgets.jobs import JobControl
from napari_n2s.widgets.viewer import layers
from napari_n2s.widgets.viewer.gc_freeze import GcFreeze

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer
    from qtpy.QtWidgets import QWidget

    from napari_n2s.pipeline.denoise_one import Denoised
    from napari_n2s.training.progress import Progress
    from napari_n2s.widgets.jobs import Failure, Task
    from napari_n2s.widgets.request import Request

    Show = Callable[[Any], None]
    End = Callable[[Denoised | Failure | None], None]

REPLACED = "{0} was changed or removed since the training; press Train to start again."
EDITED = "Pixels of {0}, or of its guides or pairs, were edited since; press Train to start again."
OTHER_IMAGE = (
    "This training is of {0} as it was; choose that image again, or press Train to start again."
)
OTHER_PAIRS = (
    "This training is of {0} and its pairs as they were; choose them again, or press Train to "
    "start again."
)
OTHER_GUIDES = (
    "This training is with other guides than those that are ticked now; tick them again, or press "
    "Train to start again."
)


class _Run(QObject):
    """A worker while it runs; Qt disconnects its signals when the dock is deleted.

    Parameters
    ----------
    dock : QWidget
    worker : object
        As napari's `thread_worker` makes it.
    show, end
        As for `TrainingSession`.
    """

    def __init__(self, dock: QWidget, worker: Any, show: Show, end: End) -> None:
        super().__init__(dock)
        self._worker, self._show, self._end = worker, show, end
        self._outcome: Denoised | Failure | None = None
        self._ended = False
        self.faulty = False
        worker.yielded.connect(self._take_state)
        worker.returned.connect(self._take_outcome)
        worker.errored.connect(self._take_fault)
        worker.finished.connect(self._finish)

    def quit(self) -> None:
        """Ask the worker to end when it yields next."""
        self._worker.quit()

    def abandon(self) -> None:
        """End without an outcome now, though the worker goes on until it yields next."""
        self._worker.quit()
        self._outcome = None
        self._finish()

    def _take_state(self, state: Any) -> None:
        if not self._ended:
            self._show(state)

    def _take_outcome(self, outcome: Denoised | Failure) -> None:
        self._outcome = outcome

    def _take_fault(self, _: object) -> None:
        self.faulty = True

    def _finish(self) -> None:
        if not self._ended:
            self._ended = True
            self.deleteLater()
            self._end(self._outcome)


class TrainingSession:
    """Runs tasks in the background, and keeps the training that a later task can continue.

    A new training replaces the one before only with its first snapshot: one that is refused or
    stopped before that leaves the earlier one in place.

    Parameters
    ----------
    dock : QWidget
    viewer : napari.viewer.Viewer
    show : callable
        Called with whatever a worker yields.
    end : callable
        Called with the outcome when a task has ended; None if it was given up or a fault ended it.

    Attributes
    ----------
    task : Task or None
        The last task.
    request : Request or None
        What the training that can be continued is of.
    progress : Progress or None
        Its last snapshot.
    control : JobControl
        That of the last task.
    """

    def __init__(
        self,
        dock: QWidget,
        viewer: Viewer,
        show: Show,
        end: End,
    ) -> None:
        self._dock, self._viewer, self._show, self._end = dock, viewer, show, end
        self._run: _Run | None = None
        self._earlier: tuple[Request | None, Progress | None] = None, None
        self.task: Task | None = None
        self.request: Request | None = None
        self.progress: Progress | None = None
        self.control = JobControl()

    @property
    def running(self) -> bool:
        """Whether a task is running."""
        return self._run is not None

    def start(self, task: Task, control: JobControl, worker: Any) -> None:
        """Run the worker of a task, which obeys the control."""
        self._earlier = (None, None) if task.since else (self.request, self.progress)
        self.task, self.request, self.progress = task, task.request, task.since
        self.control = control
        self._run = _Run(self._dock, worker, self._show, self._finish)
        freeze = GcFreeze(self._viewer)
        worker.finished.connect(partial(GcFreeze.end, freeze))  # also once the dock is deleted
        freeze.begin()
        worker.start()

    def stop(self, *, applying: bool) -> None:
        """End the training and have its best network applied; give up what is being applied.

        Before its first snapshot a new training has no network: it is given up at once, and its
        thread ends when the engine yields for the first time.

        Parameters
        ----------
        applying : bool
            Whether the network is already being applied.
        """
        assert self.task is not None
        assert self._run is not None
        self.control.stop()
        if self.progress is None:
            self._run.abandon()
        elif applying or not self.task.learn:
            self._run.quit()

    def quit(self) -> None:
        """Give up the running task, if any, when its worker yields next."""
        if self._run:
            self._run.quit()

    def keep(self, progress: Progress) -> None:
        """Keep a snapshot, which the earlier training gives way to."""
        self.progress = progress
        self._earlier = None, None

    def forget(self) -> None:
        """Forget the last task and all trainings."""
        self.request = self.progress = self.task = None
        self._earlier = None, None

    def resume_error(self, chosen: Image | None, guides: tuple[Any, ...]) -> str | None:
        """Explain why the training cannot be continued with the chosen image and guides.

        Returns
        -------
        str or None
            A sentence; None if it can be continued.
        """
        request = self.request
        assert request is not None
        name = request.source.name
        if not (request.is_current and layers.is_there(self._viewer, request.source)):
            return REPLACED.format(name)
        if chosen is not request.source:
            return OTHER_IMAGE.format(name)
        if set(map(id, request.guides)) != set(map(id, guides)):
            return OTHER_GUIDES
        return EDITED.format(name) if request.edited else None

    def _finish(self, outcome: Denoised | Failure | None) -> None:
        run, self._run = self._run, None
        if run and run.faulty:  # a training cannot be continued after a fault of the program
            self.progress = None
        elif self.progress is None:
            self.request, self.progress = self._earlier
        self._earlier = None, None
        self._end(outcome)
