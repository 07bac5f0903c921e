"""Which files are images, by suffix and first bytes, and which optional library reads them."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from napari_n2s.core.errors import FileError
from napari_n2s.io.output_paths import MRC_SUFFIXES
from napari_n2s.io.tiff.validation import is_tiff

PILLOW_SUFFIXES = (".png", ".jpg", ".jpeg")
BIOIO_PLUGINS = {
    ".czi": "bioio-czi",
    ".nd2": "bioio-nd2",
    ".lif": "bioio-lif",
    ".dm3": "bioio-bioformats",
    ".dm4": "bioio-bioformats",
}
"""The bioio plugin for each vendor format."""
ZARR_METADATA_FILES = ("zarr.json", ".zgroup", ".zarray")
"""A zarr folder contains at least one of these."""


def is_zarr_folder(path: Path) -> bool:
    """Whether a path is a folder of zarr."""
    return path.is_dir() and any((path / each).exists() for each in ZARR_METADATA_FILES)


def list_image_files(folder: Path) -> list[Path]:
    """List the image files in a folder in natural order, without hidden ones.

    Raises
    ------
    FileError
        If the folder cannot be read.
    """
    try:
        paths = [each for each in folder.iterdir() if not each.name.startswith(".")]
    except OSError as error:
        raise FileError(f"The folder {folder} cannot be read; choose another.") from error
    return sorted((each for each in paths if _is_image(each)), key=natural_sort_key)


def natural_sort_key(path: Path) -> list[tuple[int, str]]:
    """Return a sort key that compares numbers in names by value: 2 before 10."""
    parts = re.split(r"([0-9]+)", path.name.lower())
    return [(int(each), each) if each.isdecimal() else (-1, each) for each in parts]


def _is_image(path: Path) -> bool:
    try:
        if path.is_dir():
            return is_zarr_folder(path)
        known = path.suffix.lower() in (*PILLOW_SUFFIXES, *MRC_SUFFIXES, *BIOIO_PLUGINS)
        return path.is_file() and (known or is_tiff(path))
    except OSError:
        return False


def import_optional(name: str, path: Path, package: str) -> Any:
    """Import an optional library.

    Parameters
    ----------
    name : str
        Of the module.
    path : Path
        The file that needs it.
    package : str
        What to install.

    Raises
    ------
    FileError
        If it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise FileError(
            f"{path} needs {package} to be read or written; install it: python -m pip install "
            f"{package}"
        ) from error
