"""Where results go: written beside their place, and moved there when they are complete."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from napari_n2s.core.errors import FileError
from napari_n2s.io import part_files
from napari_n2s.io.part_files import part_of

TIFF_SUFFIXES = (".tif", ".tiff")
ZARR_SUFFIX = ".zarr"
MRC_SUFFIXES = (".mrc", ".mrcs", ".rec", ".map", ".st")
"""Micrographs, stacks and volumes of electron microscopy."""
RESULTS = (*TIFF_SUFFIXES, ZARR_SUFFIX, *MRC_SUFFIXES)
CUT = "no space left on device, or it takes no files of this size"


def beside_input(path: Path, flavour: str) -> Path:
    """Name a result that nobody has named: beside its source, and of its kind."""
    path = path if path.name.strip(".") else path.resolve()
    if flavour == "mrc":
        return path.with_name(f"{path.stem}_n2s{path.suffix}")
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
        there = _is_there(path)
    except OSError as error:
        raise in_words(path, error, "; choose another name") from error
    if there:
        raise FileError(f"{path} exists and is left as it is; choose another name.")
    if not path.parent.is_dir():
        raise FileError(f"There is no folder {path.parent}; make it first.")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise FileError(
            f"The folder {path.parent} cannot be written to ({reason(error)}); choose another."
        ) from error
    part_files.tidy(path.parent)
    with claim(path):
        pass


def require_space(path: Path, need: int) -> None:
    """Make sure that the disk on which a file is to be written has so many bytes left.

    Raises
    ------
    FileError
    """
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:  # not every file system says
        return
    if need > free:
        raise FileError(
            f"There is no space left for {path}: it takes {need / 1e9:.3g} GB, and "
            f"{free / 1e9:.3g} GB are free there; make room, or choose another disk."
        )


@contextmanager
def folder(path: Path) -> Iterator[None]:
    """Make a folder unless it is there; it is removed at the end if it is empty still.

    Raises
    ------
    FileError
        If it cannot be made.
    """
    with ExitStack() as made:
        try:
            made.enter_context(part_files.folder(path))
        except OSError as error:
            raise FileError(f"The folder {path} cannot be made: {reason(error)}.") from error
        yield


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
    try:
        with claim(path), part_of(path) as part:
            yield part
            if part.is_file():
                _flush(part)
            move(part, path)
    except OSError as error:
        raise in_words(path, error) from error


@contextmanager
def claim(path: Path) -> Iterator[None]:
    """Keep other processes from writing the same file or folder meanwhile.

    Raises
    ------
    FileError
        If one of them does, or nothing can be written there.
    """
    with ExitStack() as held:
        try:
            held.enter_context(part_files.claim(path))
        except OSError as error:
            raise in_words(path, error) from error
        yield


def move(part: Path, path: Path) -> None:
    """Move what is complete to its place, if nothing is there.

    Raises
    ------
    FileError
    """
    if _is_there(path):
        raise FileError(f"{path} has come into being meanwhile and is left as it is.")
    part.rename(path)


def _flush(file: Path) -> None:
    """Have it written to the disk, where a power cut, or one that is full, would lose it else."""
    with file.open("r+b") as opened:
        os.fsync(opened.fileno())


def _is_there(path: Path) -> bool:
    """Whether there is anything of this name, be it a symbolic link to nowhere."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def in_words(path: Path, error: OSError, then: str = "") -> FileError:
    """Say why something cannot be written."""
    if isinstance(error, FileError):
        return error
    return FileError(f"{path} cannot be written: {reason(error)}{then}.")


def is_zarr(path: Path) -> bool:
    """Whether a result of this name is written as zarr."""
    return path.suffix.lower() == ZARR_SUFFIX


def is_mrc(path: Path) -> bool:
    """Whether a result of this name is written as MRC."""
    return path.suffix.lower() in MRC_SUFFIXES


def reason(error: OSError) -> str:
    """Say why the system refused."""
    if error.errno is None and "written" in str(error):
        return CUT  # numpy counts what was written and does not say why that was not all
    return str(error.strerror or error).lower()
