"""Progress, as a bar on a terminal or in plain lines; Ctrl-C ends the training, not the work."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from threading import Event, current_thread, main_thread
from typing import TYPE_CHECKING, Any

from napari_n2s.core.progress import Applying, Preparing, Preview

if TYPE_CHECKING:
    from napari_n2s.training.progress import Progress

INTERRUPTIBLE = "The network is being applied; Ctrl-C once more stops, and nothing is kept."
"""Printed at the first Ctrl-C while a network is applied."""


def run_with_progress(
    start: Callable[..., Generator[Any, None, Any]], warning: str = INTERRUPTIBLE
) -> Any:
    """Run a generator with a progress bar on a terminal, or else a plain line every 10 %.

    Parameters
    ----------
    start : callable
        Called with ``stop``, a function that returns True after Ctrl-C; returns the generator.
    warning : str
        Printed at the first Ctrl-C while a network is applied: what a second one does.

    Returns
    -------
    object
        What the generator returns.
    """
    with _ctrl_c() as stop:
        work = start(stop=stop.is_set)
        terminal, shown, printed = sys.stderr.isatty(), -1, {""}
        while True:
            try:
                state = next(work)
            except StopIteration as end:
                if terminal:
                    print(file=sys.stderr)
                return end.value
            if isinstance(state, Preview):
                continue
            percent = int(100 * state.done)
            if terminal:
                line = f"[{'#' * (percent // 5):20}] {percent:3d} % {_line(state)}"
                width = shutil.get_terminal_size().columns - 1
                print(f"\r{line[:width]:{width}}", end="", file=sys.stderr, flush=True)
            elif percent // 10 != shown:
                shown = percent // 10
                print(f"{percent:3d} % {_line(state)}", file=sys.stderr, flush=True)
            if (message := _message(state, warning if stop.is_set() else "")) not in printed:
                printed.add(message)
                print(terminal * "\n" + message, file=sys.stderr, flush=True)


@contextmanager
def _ctrl_c() -> Iterator[Event]:
    """Yield an event that the first Ctrl-C sets; the second acts as it would without this."""
    stop, before = Event(), signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    # Only the main thread may set handlers; a process in the background ignores Ctrl-C.
    installed = current_thread() is main_thread() and before is not signal.SIG_IGN
    if installed:
        signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        if installed:
            signal.signal(signal.SIGINT, before)


def _message(state: Preparing | Progress | Applying, interrupted: str) -> str:
    """Return a message to print in addition to the bar, or an empty string."""
    if isinstance(state, Applying):
        return interrupted
    if isinstance(state, Preparing):
        return ""
    data = state.trainer.data
    if data.paired:  # findings on replicates are printed before the training
        return ""
    return " ".join(data.findings)


def _line(state: Preparing | Progress | Applying) -> str:
    """Describe the state of the work."""
    if isinstance(state, Applying):
        return "applying the network"
    if isinstance(state, Preparing):
        return "reading the image"
    left = state.seconds_left
    time = f"{state.seconds:.0f} s" if left is None else f"{left:.0f} s left"
    short = ", memory is low" if state.trainer.memory_reduced else ""
    return (
        f"training, {time}{short}, step {state.step}, "
        f"error {state.best.score.loss:.4g} (median {state.baselines[0].score.loss:.4g})"
    )
