"""Printing that never fails, to whatever standard output and error are, and error messages."""

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
"""Environment variable: if set, the traceback of an unexpected error is shown."""
CONTROL_CHARACTERS = "\n\r\t"
"""Control characters that are sent to a terminal as they are."""


def printable(text: str, kept: str = "") -> str:
    r"""Escape unprintable characters, as ``\x1b``, except those in `kept`."""
    return "".join(
        each if each.isprintable() or each in kept else each.encode("unicode_escape").decode()
        for each in text
    )


def say(text: str) -> None:
    """Print a line; unprintable characters, as in file names, are escaped."""
    print(printable(text), flush=True)


@contextmanager
def tolerant_streams() -> Iterator[None]:
    """Ignore errors of printing where standard output or error is closed, full or gone."""
    with redirect_stderr(TolerantStream(sys.stderr)), redirect_stdout(TolerantStream(sys.stdout)):
        yield


class TolerantStream(io.TextIOBase):
    """An unbuffered text stream that ignores errors.

    Parameters
    ----------
    stream : text stream, optional
        None if the shell has closed it.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Its encoding; characters that it lacks are written as escapes."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Write as much as possible; after an error, nothing more."""
        shown = printable(text, CONTROL_CHARACTERS).encode(self.encoding, "backslashreplace")
        if self._stream is not None:
            try:
                self._stream.write(shown.decode(self.encoding))
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._detach(error)
        return len(text)

    def _detach(self, error: OSError | ValueError) -> None:
        stream, self._stream = self._stream, None
        with suppress(OSError, ValueError, AttributeError):
            # Its buffer would be flushed, and fail, when Python exits.
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())  # type: ignore[union-attr]
            os.close(null)
        # A reader that closes the pipe early, as head does, is no error.
        if self is sys.stdout and isinstance(error, OSError) and type(error) is not BrokenPipeError:
            print(f"napari-n2s: Nothing more can be printed: {os_reason(error)}.", file=sys.stderr)


def error_message(error: Exception) -> str:
    """Return one sentence for any exception."""
    if isinstance(error, N2SError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory; close other programs, or denoise a part of the image."
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be read or written: {os_reason(error)}."
    return (
        f"Unexpected error ({type(error).__name__}: {error}); please report it, with the traceback "
        f"that the environment variable {TRACEBACK}=1 shows."
    )
