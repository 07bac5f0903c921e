"""Work in a background thread that leaves nothing behind once it has ended."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isgeneratorfunction
from threading import Thread
from typing import Any
from weakref import ref

from napari.qt.threading import FunctionWorker, GeneratorWorker, thread_worker


class _Forgotten:
    """A worker that goes when nobody needs it any more, and its thread as soon as it is done.

    A window of napari keeps `quit` of every worker for good, and napari keeps every window: with
    the method itself that would be the images, the network and the dock, too.

    A thread of Qt's pool waits half a minute for more to do, and those that torch has computed on
    with it as long. While they live, GNU's OpenMP counts more threads than cores, and lets those of
    the next work fall asleep whenever they wait for each other: a training took nearly twice as
    long.
    """

    @property
    def quit(self) -> Callable[[], None]:
        """Ask the thread to end."""
        found = ref(self)

        def ask() -> None:
            if worker := found():
                super(_Forgotten, worker).quit()  # type: ignore[misc]

        return ask

    def run(self) -> None:
        """Work in a thread of its own."""
        thread = Thread(target=super().run, daemon=True)  # type: ignore[misc]
        thread.start()
        thread.join()


class _FunctionWorker(_Forgotten, FunctionWorker): ...


class _GeneratorWorker(_Forgotten, GeneratorWorker): ...


def in_background(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make calls of a function give a worker that runs it, as napari's `thread_worker` does."""
    kind = _GeneratorWorker if isgeneratorfunction(function) else _FunctionWorker
    return thread_worker(function, worker_class=kind)
