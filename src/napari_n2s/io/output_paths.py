"""Output paths: default names, checks before the work, and atomic writing.

A result is written to a temporary path in the same folder and renamed when it is complete.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from napari_n2s.core.errors import FileError
from napari_n2s.io import temporary_files
from napari_n2s.io.temporary_files import temporary_path

TIFF_SUFFIXES = (".tif", ".tiff")
ZARR_SUFFIX = ".zarr"
MRC_SUFFIXES = (".mrc", ".mrcs", ".rec", ".map", ".st")
"""Micrographs, stacks and volumes from electron microscopy."""
OUTPUT_SUFFIXES = (*TIFF_SUFFIXES, ZARR_SUFFIX, *MRC_SUFFIXES)
DISK_FULL = "no space left on device, or the file is larger than the file system allows"


def default_output(path: Path, file_format: str) -> Path:
    """Return the default output path: next to the input, in the same kind of file if possible.

    Parameters
    ----------
    path : Path
        The input.
    file_format : {"imagej", "ome", "plain", "zarr", "mrc"}
        Its format; see `FileImage`.
    """
    path = named(path)
    if file_format == "mrc":
        return path.with_name(f"{path.stem}_n2s{path.suffix}")
    if file_format != "zarr":
        return path.with_name(f"{path.stem}_n2s.tif")
    name = path.name.removesuffix(ZARR_SUFFIX)
    stem = name.removesuffix(".ome")
    return path.with_name(f"{stem}_n2s{name[len(stem) :]}{ZARR_SUFFIX}")


def named(path: Path) -> Path:
    """Return a path that has a name of its own: "." and ".." are resolved.

    Raises
    ------
    FileError
        If it is the root folder.
    """
    path = path if path.name.strip(".") else path.resolve()
    if not path.name:
        raise FileError(f"{path} is the root folder; name an output with -o.")
    return path


def check_output(path: Path, suffixes: tuple[str, ...] = TIFF_SUFFIXES) -> None:
    """Check, before any work is done, that a new file can be written.

    Temporary files left in that folder by a killed process are removed.

    Raises
    ------
    FileError
        If the file exists, its folder does not exist or is not writable, or its name has another
        suffix.
    """
    if path.suffix.lower() not in suffixes:
        raise FileError(f"{path} must end in {' or '.join(suffixes)}; choose such a name.")
    try:
        exists = _exists(path)
    except OSError as error:
        raise write_error(path, error, "; choose another name") from error
    if exists:
        raise FileError(f"{path} exists and is not overwritten; choose another name.")
    if not path.parent.is_dir():
        raise FileError(f"There is no folder {path.parent}; create it first.")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise FileError(
            f"The folder {path.parent} cannot be written to ({os_reason(error)}); choose another."
        ) from error
    temporary_files.remove_stale(path.parent)
    with lock_output(path):
        pass


def check_free_space(path: Path, size: int) -> None:
    """Check that the disk on which a file is to be written has `size` bytes left.

    Raises
    ------
    FileError
        If it has less.
    """
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:  # not every file system reports it
        return
    if size > free:
        raise FileError(
            f"There is not enough space for {path}: it needs {size / 1e9:.3g} GB, and "
            f"{free / 1e9:.3g} GB are free; free some space, or choose another disk."
        )


@contextmanager
def output_folder(path: Path) -> Iterator[None]:
    """Create a folder if it does not exist; remove it at the end if it is still empty.

    Raises
    ------
    FileError
        If it cannot be created.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(temporary_files.created_folder(path))
        except OSError as error:
            raise FileError(f"The folder {path} cannot be created: {os_reason(error)}.") from error
        yield


def write_atomically(path: Path, writer: Callable[[Path], object]) -> None:
    """Write a file to a temporary path, then rename it.

    Parameters
    ----------
    path : Path
    writer : callable
        Called with the temporary path.

    Raises
    ------
    FileError
        If it cannot be written; no part of it is left then.
    """
    with atomic_path(path) as part:
        writer(part)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path for a file or folder that is renamed to `path` at the end.

    Raises
    ------
    FileError
        If it cannot be written; no part of it is left then.
    """
    try:
        with lock_output(path), temporary_path(path) as part:
            yield part
            if part.is_file():
                _sync(part)
            move_into_place(part, path)
    except OSError as error:
        raise write_error(path, error) from error


@contextmanager
def lock_output(path: Path) -> Iterator[None]:
    """Keep other processes from writing the same file or folder.

    Raises
    ------
    FileError
        If another process holds the lock, or the folder is not writable.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(temporary_files.lock(path))
        except OSError as error:
            raise write_error(path, error) from error
        yield


def move_into_place(part: Path, path: Path) -> None:
    """Rename a complete file or folder, unless the new name exists.

    Raises
    ------
    FileError
        If it exists.
    """
    if _exists(path):
        raise FileError(f"{path} was created by something else meanwhile and is not overwritten.")
    part.rename(path)


def _sync(file: Path) -> None:
    """Flush a file to disk: after a power cut, or if the disk is full, it could be lost."""
    with file.open("r+b") as opened:
        os.fsync(opened.fileno())


def _exists(path: Path) -> bool:
    """Whether something of this name exists, including a dangling symbolic link."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def write_error(path: Path, error: OSError, advice: str = "") -> FileError:
    """Turn an error of the operating system into a `FileError` that names the output."""
    if isinstance(error, FileError):
        return error
    return FileError(f"{path} cannot be written: {os_reason(error)}{advice}.")


def is_zarr(path: Path) -> bool:
    """Whether an output of this name is written as OME-Zarr."""
    return path.suffix.lower() == ZARR_SUFFIX


def is_mrc(path: Path) -> bool:
    """Whether an output of this name is written as MRC."""
    return path.suffix.lower() in MRC_SUFFIXES


def os_reason(error: OSError) -> str:
    """Return the operating system's reason, in lower case."""
    if error.errno is None and "written" in str(error):
        return DISK_FULL  # numpy reports an incomplete write without its reason
    return str(error.strerror or error).lower()
