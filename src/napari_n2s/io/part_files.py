"""Files that are being written: hidden beside their place, locked, and removed if left behind.

What is to become ``clean.tif`` is written to a file or folder ``.n2s-NAME-HOST-PROCESS.part`` in
the same folder. NAME is a digest of ``clean.tif``, so that it is short enough whatever the file is
called. Meanwhile its process holds a lock on ``.n2s-NAME.lock``. The system lets go of a lock when
a process ends, however it ends: what is not locked was left by one that was killed.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_ident

from napari_n2s.core.errors import FileError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

TRIES, PAUSE = 10, 0.05
"""How often a lock is asked for, and seconds between: a run that tidies up holds it for moments."""
_parts: set[Path] = set()
_folders: list[list[Path]] = []
_locks: dict[tuple[str, int], int] = {}
"""The open file of each lock that is held, by its path and the thread that asked for it."""


@contextmanager
def claim(path: Path) -> Iterator[None]:
    """Hold the right to write a file or a folder; within one thread it may be claimed again.

    Raises
    ------
    FileError
        If another process holds it.
    """
    lock = _lock_of(path.parent, digest(path.name))
    key = os.path.abspath(lock), get_ident()  # noqa: PTH100 (symbolic links stay as they are)
    if key in _locks:
        yield
        return
    for _ in range(TRIES):
        found = _open_locked(lock)
        if found is not None:
            break
        time.sleep(PAUSE)
    else:
        raise FileError(
            f"Another process is writing {path}; wait until it is done, or choose another name."
        )
    _locks[key] = found[0]
    try:
        yield
    finally:
        del _locks[key]
        _let_go(lock, found[0])


@contextmanager
def part_of(path: Path) -> Iterator[Path]:
    """Give a hidden path beside another, whose file or folder is gone at the end, moved or not."""
    name = f".n2s-{digest(path.name)}-{_host()}-{os.getpid()}.part"
    part = path.with_name(name).absolute()
    _parts.add(part)
    try:
        yield part
    finally:
        _remove(part)
        _parts.discard(part)


@contextmanager
def folder(path: Path) -> Iterator[None]:
    """Make a folder, and those above it, unless they are there; keep none that stays empty."""
    made = [each for each in (path, *path.parents) if not each.exists()]
    _folders.append(made)
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        _folders.remove(made)
        _remove_empty(made)


def tidy(folder: Path) -> None:
    """Remove what processes of this computer that were killed have left in a folder."""
    matches = (re.match(r"\.n2s-([0-9a-f]{12})[-.]", each.name) for each in folder.glob(".n2s-*"))
    for name in {match[1] for match in matches if match}:
        lock = _lock_of(folder, name)
        with suppress(OSError):
            found = _open_locked(lock)
            if found is None:
                continue
            file, certain = found
            if certain:
                for part in folder.glob(f".n2s-{name}-{_host()}-*.part"):
                    _remove(part)
            _let_go(lock, file)


def abandon() -> None:
    """Remove all that this process has begun to write: it is about to end."""
    for part in list(_parts):
        _remove(part)
    for (lock, _), file in list(_locks.items()):
        _let_go(Path(lock), file)
    for made in _folders:
        _remove_empty(made)


def digest(name: str) -> str:
    """Give twelve characters for a name: the same for names that are one to the file system."""
    if sys.platform in ("darwin", "win32"):
        name = unicodedata.normalize("NFC", name).casefold()
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:12]


def _host() -> str:
    """Tell this computer from others that see the same folder: their locks may not reach here."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def _lock_of(folder: Path, name: str) -> Path:
    return folder / f".n2s-{name}.lock"


def _open_locked(lock: Path) -> tuple[int, bool] | None:
    """Open and lock a file; whether the file system knows locks; None if another holds this one."""
    while True:
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        certain = True
        try:
            if sys.platform == "win32":
                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            os.close(file)
            return None
        except OSError:
            certain = False
        with suppress(OSError):
            if os.path.samestat(os.fstat(file), lock.stat()):
                return file, certain
        os.close(file)  # its holder has removed it since it was opened


def _let_go(lock: Path, file: int) -> None:
    """Remove a lock while it is held, so that no two processes hold files of one name."""
    with suppress(OSError):
        if sys.platform == "win32":  # which removes no open file
            os.close(file)
            lock.unlink()
        else:
            lock.unlink()
            os.close(file)


def _remove(part: Path) -> None:
    with suppress(OSError):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def _remove_empty(folders: list[Path]) -> None:
    with suppress(OSError):
        for each in folders:
            each.rmdir()
