"""MRC files, of electron microscopy: read and written by mrcfile, with the size of their voxels."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from napari_n2s.core.errors import FileError
from napari_n2s.io.formats import require_library
from napari_n2s.io.paths import beside
from napari_n2s.io.recording import Recording

COUNTED = 2**28
"""Bytes up to which the statistics in the header are computed, which takes thrice the memory."""
PACKAGE = "mrcfile"
LETTERS = "XYZ"
KEPT = ("origin", "nxstart", "nystart", "nzstart", "mapc", "mapr", "maps", "ispg", "exttyp")
"""What is kept of the header beside the size of a voxel and the labels."""
MODES: dict[str, int] = {"int8": 0, "int16": 1, "float32": 2, "uint16": 6, "float16": 12}
"""Types that MRC knows, and their numbers."""


def read_mrc(path: Path) -> Recording:
    """Open an MRC file; its pixels are mapped into memory.

    Raises
    ------
    FileError
        If it is damaged, or not of this kind.
    """
    mrcfile = require_library(PACKAGE, path, PACKAGE)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            with mrcfile.mmap(path, mode="r", permissive=True) as file:
                image, header = file.data, file.header.copy()
                extended = np.array(file.extended_header)
                stack = file.is_image_stack() if image is not None and image.ndim == 3 else False
                voxel = [float(file.voxel_size[each]) for each in "xyz"]
        except Exception as error:  # of every type, on damaged files
            raise _damaged(path) from error
    if image is None or image.ndim < 2:
        raise _damaged(path)
    notes = [
        f"{' '.join(str(each.message).split()).rstrip('.')}."
        for each in heard
        if issubclass(each.category, RuntimeWarning)
    ]
    axes = "Q" * (image.ndim - 3) + _order(header, notes)[-image.ndim :]
    if stack:
        axes = "Q" + axes[1:]
    sound = all(isfinite(each) and each >= 0 for each in voxel)
    if not sound:
        notes.append("Its voxel size makes no sense and is left out.")
    metadata = {
        "voxel": voxel if sound else [0.0] * 3,
        "header": {name: header[name].copy() for name in KEPT},
        "labels": header["label"][: min(max(int(header["nlabl"]), 0), 10)].copy(),
        "extended": extended,
    }
    return Recording(image, axes, "mrc", metadata, notes=tuple(notes))


def _damaged(path: Path) -> FileError:
    return FileError(f"{path} is no MRC file that can be read; it is damaged or incomplete.")


def _order(header: Any, notes: list[str]) -> str:
    """Name the axes of a volume, slowest first, by what its header says of their order."""
    numbers = [int(header[each]) for each in ("maps", "mapr", "mapc")]
    if sorted(numbers) == [1, 2, 3]:
        return "".join(LETTERS[each - 1] for each in numbers)
    if any(numbers):
        notes.append("Its order of axes makes no sense and is taken for Z, Y, X.")
    return "ZYX"


def check_kind(path: Path, kind: np.dtype[Any], like: Recording) -> None:
    """Make sure, before any work is done, that a result can be MRC.

    Raises
    ------
    FileError
        If MRC has no place for its type or axes.
    """
    require_library(PACKAGE, path, PACKAGE)
    if kind.name not in MODES:
        raise FileError(
            f"MRC knows no {kind}; choose --dtype float32, or a name that ends in .tif, for {path}."
        )
    if len(like.axes) > 4 or (len(like.axes) == 4 and like.flavour != "mrc") or "S" in like.axes:
        raise FileError(
            f"MRC has no place for the axes {like.axes}; choose a name that ends in .tif for it."
        )


@contextmanager
def map_mrc(path: Path, kind: np.dtype[Any], like: Recording) -> Iterator[Any]:
    """Give an array to fill that is an MRC file of an image's shape and voxel size.

    Raises
    ------
    FileError
        If it cannot be written; no part of it is left then.
    """
    mrcfile = require_library(PACKAGE, path, PACKAGE)
    with beside(path) as part:
        shape = tuple(like.image.shape)
        with mrcfile.new_mmap(part, shape, MODES[kind.name], overwrite=True) as file:
            _describe(file, like)
            if hasattr(os, "posix_fallocate"):  # a disk that is full must say so now
                with part.open("r+b") as opened:
                    os.posix_fallocate(opened.fileno(), 0, part.stat().st_size)
            yield file.data
            if file.data.nbytes > COUNTED:
                file.reset_header_stats()  # which says that they are not known
                return
            with np.errstate(all="ignore"):
                file.update_header_stats()


def _describe(file: Any, like: Recording) -> None:
    """Say what the source said; of other kinds of files, the size of a voxel."""
    if like.flavour == "mrc":
        said = like.metadata
        if said["extended"].size:
            file.set_extended_header(said["extended"])
        for name, value in said["header"].items():
            file.header[name] = value
        for text in said["labels"]:
            file.add_label(bytes(text).decode("ascii", "replace").strip("\0 "))
        file.voxel_size = tuple(said["voxel"])
        return
    if len(like.axes) == 3 and "Z" not in like.axes:
        file.set_image_stack()
    steps = [like.sizes.get(letter, (0.0, "nm")) for letter in LETTERS]
    file.voxel_size = tuple(10 * in_nanometres(*step) for step in steps)


def in_nanometres(step: float, unit: str) -> float:
    """Give a length in nanometres."""
    from napari_n2s.io.pixel_size import CENTIMETRES

    return step * CENTIMETRES[unit] / CENTIMETRES["nm"]
