"""Temporary files of outputs: hidden in the output's folder, locked, removed if left behind.

An output ``clean.tif`` is first written to a file or folder ``.n2s-NAME-HOST-PROCESS.part`` in the
same folder, where NAME is a hash of ``clean.tif``, short for any file name. Meanwhile the process
holds a lock on ``.n2s-NAME.lock``. The operating system releases a lock when its process ends, so a
temporary file without a lock was left by a killed process.
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

LOCK_ATTEMPTS, LOCK_INTERVAL = 10, 0.05
"""Number of attempts to lock, and seconds between them: a process that removes stale files holds
each lock briefly."""
_temporary_paths: set[Path] = set()
_created_folders: list[list[Path]] = []
_locks: dict[tuple[str, int], int] = {}
"""File descriptor of each lock held, by its path and the thread that holds it."""


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Lock an output file or folder; reentrant within a thread.

    Raises
    ------
    FileError
        If another process holds the lock.
    """
    lock_file = _lock_path(path.parent, name_hash(path.name))
    key = os.path.abspath(lock_file), get_ident()  # noqa: PTH100 (must not resolve symbolic links)
    if key in _locks:
        yield
        return
    for _ in range(LOCK_ATTEMPTS):
        locked = _open_locked(lock_file)
        if locked is not None:
            break
        time.sleep(LOCK_INTERVAL)
    else:
        raise FileError(
            f"Another process is writing {path}; wait for it to finish, or choose another name."
        )
    _locks[key] = locked[0]
    try:
        yield
    finally:
        del _locks[key]
        _release(lock_file, locked[0])


@contextmanager
def temporary_path(path: Path) -> Iterator[Path]:
    """Yield a hidden path in the same folder; what is still there at the end is removed."""
    name = f".n2s-{name_hash(path.name)}-{_host_hash()}-{os.getpid()}.part"
    part = path.with_name(name).absolute()
    _temporary_paths.add(part)
    try:
        yield part
    finally:
        _remove(part)
        _temporary_paths.discard(part)


@contextmanager
def created_folder(path: Path) -> Iterator[None]:
    """Create a folder and its parents where missing; remove those that are empty at the end."""
    created = [each for each in (path, *path.parents) if not each.exists()]
    _created_folders.append(created)
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        _created_folders.remove(created)
        _remove_empty(created)


def remove_stale(folder: Path) -> None:
    """Remove temporary files that killed processes of this computer have left in a folder."""
    matches = (re.match(r"\.n2s-([0-9a-f]{12})[-.]", each.name) for each in folder.glob(".n2s-*"))
    for name in {match[1] for match in matches if match}:
        lock_file = _lock_path(folder, name)
        with suppress(OSError):
            locked = _open_locked(lock_file)
            if locked is None:
                continue
            descriptor, supported = locked
            if supported:
                for part in folder.glob(f".n2s-{name}-{_host_hash()}-*.part"):
                    _remove(part)
            _release(lock_file, descriptor)


def remove_all() -> None:
    """Remove all temporary files, locks and empty folders of this process, before it exits."""
    for part in list(_temporary_paths):
        _remove(part)
    for (lock_file, _), descriptor in list(_locks.items()):
        _release(Path(lock_file), descriptor)
    for created in _created_folders:
        _remove_empty(created)


def name_hash(name: str) -> str:
    """Hash a file name to 12 characters; names that are equal to the file system hash equally."""
    if sys.platform in ("darwin", "win32"):
        name = unicodedata.normalize("NFC", name).casefold()
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:12]


def _host_hash() -> str:
    """Identify this computer among those that share a folder: locks may not work between them."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def _lock_path(folder: Path, name: str) -> Path:
    return folder / f".n2s-{name}.lock"


def _open_locked(lock_file: Path) -> tuple[int, bool] | None:
    """Open and lock a file.

    Returns
    -------
    tuple of int and bool, or None
        Its descriptor, and whether the file system supports locks; None if another process holds
        the lock.
    """
    while True:
        file = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o666)
        supported = True
        try:
            if sys.platform == "win32":
                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            os.close(file)
            return None
        except OSError:
            supported = False
        with suppress(OSError):
            if os.path.samestat(os.fstat(file), lock_file.stat()):
                return file, supported
        os.close(file)  # its holder removed it after it was opened here


def _release(lock_file: Path, descriptor: int) -> None:
    """Remove a lock file while it is locked, so that no two processes lock files of one name."""
    with suppress(OSError):
        if sys.platform == "win32":  # which cannot remove an open file
            os.close(descriptor)
            lock_file.unlink()
        else:
            lock_file.unlink()
            os.close(descriptor)


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
