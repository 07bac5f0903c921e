"""Where the shell begins: signals are heeded before anything that takes time is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from napari_n2s.cli.signals import heed_signals, stop_heeding


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the shell command and return its exit status."""
    heed_signals()
    _open_streams()
    try:
        from napari_n2s.cli.main import main as run
    except ImportError as error:
        print(
            f"napari-n2s: It is not installed in full ({error}); install it anew.", file=sys.stderr
        )
        return 2
    try:
        return run(arguments)
    finally:
        stop_heeding()


def _open_streams() -> None:
    """Open what the shell has closed, or a file would be taken for standard output or error."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
