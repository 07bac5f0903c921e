"""Where results go: written beside their place, and moved there when they are complete."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_n2s.ideas.errors import FileError

TIFF_SUFFIXES = (".tif", ".tiff")
ZARR_SUFFIX = ".zarr"
RESULTS = (*TIFF_SUFFIXES, ZARR_SUFFIX)


def beside_input(path: Path, flavour: str) -> Path:
    """Name a result that nobody has named: beside its source, and of its kind."""
    path = path if path.name.strip(".") else path.resolve()
    if flavour != "zarr":
        return path.with_name(f"{path.stem}_n2s.tif")
    name = path.name.removesuffix(ZARR_SUFFIX)
    stem = name.removesuffix(".ome")
    return path.with_name(f"{stem}_n2s{name[len(stem) :]}{ZARR_SUFFIX}")


def check_output(path: Path, suffixes: tuple[str, ...] = TIFF_SUFFIXES) -> None:
    """Make sure, before any work is done, that a new file can be written.

    Raises
    ------
    FileError
        If it exists, or its folder does not or cannot be written to, or its name has another end.
    """
    if path.suffix.lower() not in suffixes:
        raise FileError(f"{path} must end in {' or '.join(suffixes)}; choose such a name.")
    try:
        if path.exists():
            raise FileError(f"{path} exists and is left as it is; choose another name.")
    except OSError as error:
        raise FileError(f"{path} cannot be written: {reason(error)}.") from error
    if not path.parent.is_dir():
        raise FileError(f"There is no folder {path.parent}; make it first.")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise FileError(
            f"The folder {path.parent} cannot be written to; choose another."
        ) from error


def make_folder(path: Path) -> None:
    """Make a folder unless it is there.

    Raises
    ------
    FileError
        If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"The folder {path} cannot be made: {error.strerror}.") from error


def write_whole(path: Path, writer: Callable[[Path], object]) -> None:
    """Write a file beside its place and move it there when it is complete.

    Raises
    ------
    FileError
        If it cannot be written; nothing is left then.
    """
    with beside(path) as part:
        writer(part)


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Give a path to write a file or a folder to that is moved to its place at the end.

    Raises
    ------
    FileError
        If it cannot be written; nothing is left then.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        move(part, path)
    except OSError as error:
        raise in_words(path, error) from error
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        part.unlink(missing_ok=True)


def move(part: Path, path: Path) -> None:
    """Move what is complete to its place, if nothing is there.

    Raises
    ------
    FileError
    """
    if path.exists():
        raise FileError(f"{path} has come into being meanwhile and is left as it is.")
    part.replace(path)


def in_words(path: Path, error: OSError, then: str = "") -> FileError:
    """Say why something cannot be written."""
    if isinstance(error, FileError):
        return error
    return FileError(f"{path} cannot be written: {reason(error)}{then}.")


def is_zarr(path: Path) -> bool:
    """Whether a result of this name is written as zarr."""
    return path.suffix.lower() == ZARR_SUFFIX


def reason(error: OSError) -> str:
    """Say why the system refused."""
    return str(error.strerror or error).lower()
