"""Signals that end the command: what is half-written is removed, and one sentence is said."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_last_words: list[Callable[[], str]] = []


def heed_signals() -> None:
    """End at Ctrl-C, SIGTERM and SIGHUP at once, without anything half-written.

    An exception would not do: in the middle of an import or of a callback it is lost, or turned
    into another.
    """
    for each in _signals():
        if signal.getsignal(each) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(each, _end)


@contextmanager
def last_words(words: Callable[[], str]) -> Iterator[None]:
    """Have something said besides if the process is ended meanwhile."""
    _last_words.append(words)
    try:
        yield
    finally:
        _last_words.remove(words)


def _signals() -> list[signal.Signals]:
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def _end(number: int, _frame: object) -> None:
    for each in _signals():
        signal.signal(each, signal.SIG_IGN)
    files = sys.modules.get("napari_n2s.io.temporary_files")
    if remove_all := getattr(files, "remove_all", None):
        remove_all()
    name = signal.Signals(number).name
    lines = ["given up." if number == signal.SIGINT else f"ended by {name}."]
    with suppress(OSError):
        lines += [words() for words in _last_words]
    with suppress(OSError):  # written past Python's buffers, which may be in use
        start = "\n" if os.isatty(2) else ""
        text = f"{start}napari-n2s: {' '.join(filter(None, lines))}\n"
        os.write(2, text.encode("ascii", "backslashreplace"))
    os._exit(128 + number)


def stop_heeding() -> None:
    """Leave the end, which takes a moment, to Python: the work is done."""
    for each in _signals():
        if signal.getsignal(each) is _end:
            signal.signal(each, signal.SIG_IGN if each == signal.SIGINT else signal.SIG_DFL)
