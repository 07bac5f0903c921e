"""Workers in background threads that release all memory once they have ended."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isgeneratorfunction
from threading import Thread
from typing import Any
from weakref import ref

from napari.qt.threading import FunctionWorker, GeneratorWorker, thread_worker


class _ShortLived:
    """A worker that can be garbage collected, and whose thread ends with its work.

    A window of napari keeps a reference to `quit` of every worker, and napari keeps every window:
    a bound method would keep the images, the network and the dock alive as well.

    A thread of Qt's pool waits half a minute for more work, and OpenMP threads that torch started
    from it live as long. While they do, GNU's OpenMP counts more threads than cores and lets those
    of the next work sleep at each barrier: a training took nearly twice as long.
    """

    @property
    def quit(self) -> Callable[[], None]:
        """Return a function that asks the worker to end at its next yield."""
        found = ref(self)

        def ask() -> None:
            if worker := found():
                super(_ShortLived, worker).quit()  # type: ignore[misc]

        return ask

    def run(self) -> None:
        """Run the work in a thread of its own."""
        thread = Thread(target=super().run, daemon=True)  # type: ignore[misc]
        thread.start()
        thread.join()


class _FunctionWorker(_ShortLived, FunctionWorker): ...


class _GeneratorWorker(_ShortLived, GeneratorWorker): ...


def in_background(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function so that a call returns a worker that runs it, as `thread_worker` does."""
    kind = _GeneratorWorker if isgeneratorfunction(function) else _FunctionWorker
    return thread_worker(function, worker_class=kind)
