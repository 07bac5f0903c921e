"""Background threads that keep the window responsive: their priority, and importing torch."""

from __future__ import annotations

import ctypes
import gc
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
    """Import torch from a background thread with as little standstill of the others as can be.

    Two things would stop a window for a tenth of a second or more. Python holds its interpreter
    lock while it loads torch's shared library: here the system is asked to load it beforehand,
    through a foreign function, for which the lock is given up. And the thousands of objects that
    the import makes set off the garbage collector, again and again: here it waits for the end.

    Raises
    ------
    DeviceError
        If it is not there or cannot be loaded.
    """
    if "torch" in sys.modules:
        return
    collecting = gc.isenabled()
    gc.disable()
    try:
        if sys.platform != "win32":
            _load_library()
        import_module("torch")
    except (ImportError, OSError) as error:
        why = " ".join(str(error).split()).rstrip(".")
        also = " and Microsoft's Visual C++ Redistributable" if sys.platform == "win32" else ""
        raise DeviceError(
            f"PyTorch cannot be loaded ({why}); install it anew{also}: {REMEDY}"
        ) from error
    finally:
        if collecting:
            gc.enable()


def _load_library() -> None:
    spec = find_spec("torch")
    suffix = "dylib" if sys.platform == "darwin" else "so"
    for folder in (spec.submodule_search_locations or []) if spec else []:
        library = Path(folder, "lib", f"libtorch_python.{suffix}")
        dlopen = ctypes.CDLL(None).dlopen
        dlopen.argtypes, dlopen.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
        dlopen(os.fsencode(library), os.RTLD_NOW | os.RTLD_LOCAL)
