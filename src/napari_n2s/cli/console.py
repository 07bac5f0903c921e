"""Standard output and error, of which neither what they are nor what is printed ends the work."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TextIO

from napari_n2s.core.errors import N2SError
from napari_n2s.io.output_paths import os_reason

TRACEBACK = "NAPARI_N2S_TRACEBACK"
"""Environment variable that has the traceback of an unexpected error shown."""
KEPT = "\n\r\t"
"""What a terminal is sent besides printable characters."""


def printable(text: str, kept: str = "") -> str:
    r"""Write what would end a line, move a cursor or change colours as an escape, as ``\x1b``."""
    return "".join(
        each if each.isprintable() or each in kept else each.encode("unicode_escape").decode()
        for each in text
    )


def say(text: str) -> None:
    """Print a line, with the names of files in it as they may be shown."""
    print(printable(text), flush=True)


@contextmanager
def tolerant_streams() -> Iterator[None]:
    """Let printing do nothing where standard output or error are closed, full or gone."""
    with redirect_stderr(Tolerant(sys.stderr)), redirect_stdout(Tolerant(sys.stdout)):
        yield


class Tolerant(io.TextIOBase):
    """A stream that is written to as far as that is possible, at once.

    Parameters
    ----------
    stream : text stream, optional
        None where the shell has closed it.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of its bytes; a character that it does not have is written as an escape."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, text: str) -> int:
        """Write all that can be written; after an error, nothing more."""
        shown = printable(text, KEPT).encode(self.encoding, "backslashreplace")
        if self._stream is not None:
            try:
                self._stream.write(shown.decode(self.encoding))
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._give_up(error)
        return len(text)

    def _give_up(self, error: OSError | ValueError) -> None:
        stream, self._stream = self._stream, None
        with suppress(OSError, ValueError, AttributeError):
            # What it still holds would be written, and fail, when Python ends.
            empty = os.open(os.devnull, os.O_WRONLY)
            os.dup2(empty, stream.fileno())  # type: ignore[union-attr]
            os.close(empty)
        # A reader that has seen enough, as head, is no trouble.
        if self is sys.stdout and isinstance(error, OSError) and type(error) is not BrokenPipeError:
            print(f"napari-n2s: Nothing more can be printed: {os_reason(error)}.", file=sys.stderr)


def in_a_sentence(error: Exception) -> str:
    """Say what went wrong, whatever it is."""
    if isinstance(error, N2SError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory; close other programs, or denoise a part of the image."
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be read or written: {os_reason(error)}."
    return (
        f"Something went wrong that should not ({type(error).__name__}: {error}); with the "
        f"environment variable {TRACEBACK}=1 it is shown where, for a report."
    )
