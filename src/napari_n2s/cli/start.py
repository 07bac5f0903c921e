"""Entry point of the command: handles signals before anything that takes time is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from napari_n2s.cli.signals import install_handlers, remove_handlers


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    install_handlers()
    _open_streams()
    try:
        from napari_n2s.cli.main import main as run
    except ImportError as error:
        print(
            f"napari-n2s: The installation is incomplete ({error}); reinstall it.", file=sys.stderr
        )
        return 2
    try:
        return run(arguments)
    finally:
        remove_handlers()


def _open_streams() -> None:
    """Reopen closed standard streams, or the next file opened would take their place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
