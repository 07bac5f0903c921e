"""Working beside a window that stays alive: its thread goes first, torch is loaded gently."""

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
"""Of 19: how far this thread stands back where cores are scarce."""
REMEDY = "python -m pip install --force-reinstall torch"
"""Installs PyTorch anew."""


def give_way() -> None:
    """Let the window's thread go first, before this one and those that it will start.

    The system lets it be undone by no one but its administrator: for threads that end.
    """
    if sys.platform == "linux":  # elsewhere a priority belongs to a process as a whole
        thread = get_native_id()
        with suppress(OSError):  # not every system lets everybody do so
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
