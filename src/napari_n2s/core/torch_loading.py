"""Background threads that keep the window responsive: their priority, and importing torch."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import get_native_id

from napari_n2s.core.errors import DeviceError

NICENESS = 10
"""Nice value of background threads, of at most 19."""
REMEDY = "python -m pip install --force-reinstall torch"
"""Reinstalls PyTorch."""


def give_way() -> None:
    """Lower the priority of this thread, and of those that it will start, below the window's.

    Only an administrator could raise it again: this is for threads that end.
    """
    if sys.platform == "linux":  # elsewhere priorities are those of processes
        thread = get_native_id()
        with suppress(OSError):  # not permitted everywhere
            nice = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, nice))


def load_torch() -> None:
    """Import torch in a background thread without blocking the window for long.

    Python holds the interpreter lock while it loads torch's shared library. Loaded beforehand,
    through a foreign function that releases the lock, it blocks another thread for 0.2 s at most
    instead of 1.0 s (`benchmarks/overheads.py`, two busy cores).

    Raises
    ------
    DeviceError
        If it is not installed or cannot be loaded.
    """
    if "torch" in sys.modules:
        return
    try:
        if sys.platform != "win32":
            _load_library()
        import_module("torch")
    except (ImportError, OSError) as error:
        why = " ".join(str(error).split()).rstrip(".")
        also = " and Microsoft's Visual C++ Redistributable" if sys.platform == "win32" else ""
        raise DeviceError(
            f"PyTorch cannot be loaded ({why}); reinstall it{also}: {REMEDY}"
        ) from error


def _load_library() -> None:
    """Let the dynamic linker load torch's library, without the interpreter lock."""
    spec = find_spec("torch")
    suffix = "dylib" if sys.platform == "darwin" else "so"
    for folder in (spec.submodule_search_locations or []) if spec else []:
        library = Path(folder, "lib", f"libtorch_python.{suffix}")
        dlopen = ctypes.CDLL(None).dlopen
        dlopen.argtypes, dlopen.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
        dlopen(os.fsencode(library), os.RTLD_NOW | os.RTLD_LOCAL)
