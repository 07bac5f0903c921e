"""Which files are images, by their names and first bytes, and what reads them."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from napari_n2s.core.errors import FileError
from napari_n2s.io.paths import MRC_SUFFIXES
from napari_n2s.io.tiff.guard import is_tiff

PICTURES = (".png", ".jpg", ".jpeg")
PLUGINS = {
    ".czi": "bioio-czi",
    ".nd2": "bioio-nd2",
    ".lif": "bioio-lif",
    ".dm3": "bioio-bioformats",
    ".dm4": "bioio-bioformats",
}
"""What reads a microscope maker's own files beside bioio."""
MARKS = ("zarr.json", ".zgroup", ".zarray")
"""Files of which a folder of zarr holds one."""


def is_zarr_folder(path: Path) -> bool:
    """Whether a folder holds zarr."""
    return path.is_dir() and any((path / each).exists() for each in MARKS)


def images_in(folder: Path) -> list[Path]:
    """List the images in a folder, hidden ones left out, in the order of the numbers in names.

    Raises
    ------
    FileError
        If the folder cannot be read.
    """
    try:
        every = [each for each in folder.iterdir() if not each.name.startswith(".")]
    except OSError as error:
        raise FileError(f"The folder {folder} cannot be read; choose another.") from error
    return sorted((each for each in every if _is_image(each)), key=natural)


def natural(path: Path) -> list[tuple[int, str]]:
    """Give a key that sorts names by the numbers in them: 2 before 10."""
    parts = re.split(r"([0-9]+)", path.name.lower())
    return [(int(each), each) if each.isdecimal() else (-1, each) for each in parts]


def _is_image(path: Path) -> bool:
    try:
        if path.is_dir():
            return is_zarr_folder(path)
        known = path.suffix.lower() in (*PICTURES, *MRC_SUFFIXES, *PLUGINS)
        return path.is_file() and (known or is_tiff(path))
    except OSError:
        return False


def require_library(name: str, path: Path, package: str) -> Any:
    """Import a library that only some files need.

    Raises
    ------
    FileError
        If it is not there.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise FileError(
            f"{path} needs {package} to be read or written; install it: python -m pip install "
            f"{package}"
        ) from error
