"""How far the work is, on a terminal or in plain lines; Ctrl-C ends the training, not the work."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from threading import Event, current_thread, main_thread
from typing import TYPE_CHECKING, Any

from napari_n2s.core.progress import Applying, Preview

if TYPE_CHECKING:
    from napari_n2s.training.progress import Progress

GIVES_UP = "The network is being applied; Ctrl-C once more gives up, and nothing is kept."


def show(start: Callable[..., Generator[Any, None, Any]], second: str = GIVES_UP) -> Any:
    """Do some work with a bar on a terminal, or a plain line now and then.

    While the network is applied, the first Ctrl-C has it said what a second one would do.
    """
    with _interrupt() as stop:
        work = start(stop=stop.is_set)
        terminal, shown, told = sys.stderr.isatty(), -1, {""}
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
            if (news := _news(state, second if stop.is_set() else "")) not in told:
                told.add(news)
                print(terminal * "\n" + news, file=sys.stderr, flush=True)


@contextmanager
def _interrupt() -> Iterator[Event]:
    """Let the first Ctrl-C set an event; the second does what it did before."""
    stop, before = Event(), signal.getsignal(signal.SIGINT)

    def note(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    # Only the main thread may, and what runs in the background is not to be stopped.
    heeded = current_thread() is main_thread() and before is not signal.SIG_IGN
    if heeded:
        signal.signal(signal.SIGINT, note)
    try:
        yield stop
    finally:
        if heeded:
            signal.signal(signal.SIGINT, before)


def _news(state: Progress | Applying, interrupted: str) -> str:
    """Say what there is to be said beside the bar, if anything."""
    if isinstance(state, Applying):
        return interrupted
    material = state.trainer.data
    return "" if material.paired else " ".join(material.findings)  # of pairs it was said before


def _line(state: Progress | Applying) -> str:
    """Say where the work stands."""
    if isinstance(state, Applying):
        return "applying the network"
    left = state.seconds_left
    time = f"{state.seconds:.0f} s" if left is None else f"{left:.0f} s left"
    short = ", memory is short" if state.trainer.memory_reduced else ""
    return (
        f"training, {time}{short}, step {state.step}, "
        f"error {state.best.score.loss:.4g} (median {state.baselines[0].score.loss:.4g})"
    )
