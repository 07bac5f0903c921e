"""Signals that end the command: temporary files are removed and one sentence is printed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_exit_messages: list[Callable[[], str]] = []


def install_handlers() -> None:
    """Exit at once on Ctrl-C, SIGTERM and SIGHUP, without leaving temporary files.

    An exception could be lost, or turned into another, during an import or a callback.
    """
    for each in _signals():
        if signal.getsignal(each) is not signal.SIG_IGN:  # as set by nohup
            signal.signal(each, _exit)


@contextmanager
def exit_message(message: Callable[[], str]) -> Iterator[None]:
    """Print an additional message if a signal ends the process meanwhile."""
    _exit_messages.append(message)
    try:
        yield
    finally:
        _exit_messages.remove(message)


def _signals() -> list[signal.Signals]:
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def _exit(number: int, _frame: object) -> None:
    for each in _signals():
        signal.signal(each, signal.SIG_IGN)
    files = sys.modules.get("napari_n2s.io.temporary_files")
    if remove_all := getattr(files, "remove_all", None):
        remove_all()
    name = signal.Signals(number).name
    lines = ["interrupted." if number == signal.SIGINT else f"ended by {name}."]
    with suppress(OSError):
        lines += [message() for message in _exit_messages]
    with suppress(OSError):  # not through Python's buffers, which may be locked
        start = "\n" if os.isatty(2) else ""
        text = f"{start}napari-n2s: {' '.join(filter(None, lines))}\n"
        os.write(2, text.encode("ascii", "backslashreplace"))
    os._exit(128 + number)


def remove_handlers() -> None:
    """Leave the exit, which takes a moment, to Python, when the work is done."""
    for each in _signals():
        if signal.getsignal(each) is _exit:
            signal.signal(each, signal.SIG_IGN if each == signal.SIGINT else signal.SIG_DFL)
