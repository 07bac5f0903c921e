"""MRC files of electron microscopy, read and written by mrcfile with their voxel size."""

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
from napari_n2s.io.file_image import FileImage
from napari_n2s.io.formats import import_optional
from napari_n2s.io.output_paths import atomic_path
from napari_n2s.io.pixel_size import convert_length

STATISTICS_LIMIT = 2**28
"""Size in bytes up to which the header's statistics are computed, which needs three times as much
memory."""
PACKAGE = "mrcfile"
LETTERS = "XYZ"
HEADER_KEPT = ("origin", "nxstart", "nystart", "nzstart", "mapc", "mapr", "maps", "ispg", "exttyp")
"""Header fields that are copied, besides voxel size and labels."""
MODES: dict[str, int] = {"int8": 0, "int16": 1, "float32": 2, "uint16": 6, "float16": 12}
"""MRC's mode for each dtype that it supports."""


def read_mrc(path: Path) -> FileImage:
    """Open an MRC file with its pixels memory-mapped.

    Raises
    ------
    FileError
        If it is damaged, or no MRC file.
    """
    mrcfile = import_optional(PACKAGE, path, PACKAGE)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with mrcfile.mmap(path, mode="r", permissive=True) as file:
                image, header = file.data, file.header.copy()
                extended = np.array(file.extended_header)
                stack = file.is_image_stack() if image is not None and image.ndim == 3 else False
                voxel = [float(file.voxel_size[each]) for each in "xyz"]
        except Exception as error:  # of any type, on damaged files
            raise _damaged(path) from error
    if image is None or image.ndim < 2:
        raise _damaged(path)
    notes = [
        f"{' '.join(str(each.message).split()).rstrip('.')}."
        for each in caught
        if issubclass(each.category, RuntimeWarning)
    ]
    axes = "Q" * (image.ndim - 3) + _axis_order(header, notes)[-image.ndim :]
    if stack:
        axes = "Q" + axes[1:]
    valid = all(isfinite(each) and each >= 0 for each in voxel)
    if not valid:
        notes.append("Its voxel size is invalid and ignored.")
    metadata = {
        "voxel": voxel if valid else [0.0] * 3,
        "header": {name: header[name].copy() for name in HEADER_KEPT},
        "labels": header["label"][: min(max(int(header["nlabl"]), 0), 10)].copy(),
        "extended": extended,
    }
    return FileImage(image, axes, "mrc", metadata, notes=tuple(notes))


def _damaged(path: Path) -> FileError:
    return FileError(f"{path} is no readable MRC file; it is damaged or incomplete.")


def _axis_order(header: Any, notes: list[str]) -> str:
    """Return the axes of a volume, slowest first, by its header's mapc, mapr and maps."""
    numbers = [int(header[each]) for each in ("maps", "mapr", "mapc")]
    if sorted(numbers) == [1, 2, 3]:
        return "".join(LETTERS[each - 1] for each in numbers)
    if any(numbers):
        notes.append("Its order of axes is invalid; Z, Y, X is assumed.")
    return "ZYX"


def check_dtype_and_axes(path: Path, dtype: np.dtype[Any], source: FileImage) -> None:
    """Check, before any work is done, that MRC can hold a result.

    Raises
    ------
    FileError
        If MRC cannot hold its dtype or axes.
    """
    import_optional(PACKAGE, path, PACKAGE)
    if dtype.name not in MODES:
        raise FileError(
            f"MRC cannot hold {dtype}; for {path}, choose --dtype float32 or a name that ends "
            "in .tif."
        )
    axes = source.axes
    if len(axes) > 4 or (len(axes) == 4 and source.file_format != "mrc") or "S" in axes:
        raise FileError(f"MRC cannot hold the axes {axes}; choose a name that ends in .tif.")


@contextmanager
def map_mrc(path: Path, dtype: np.dtype[Any], source: FileImage) -> Iterator[Any]:
    """Yield a memory-mapped MRC file to write an image to, with the source's shape and voxel size.

    Raises
    ------
    FileError
        If it cannot be written; no part of it is left then.
    """
    mrcfile = import_optional(PACKAGE, path, PACKAGE)
    with atomic_path(path) as part:
        shape = tuple(source.image.shape)
        with mrcfile.new_mmap(part, shape, MODES[dtype.name], overwrite=True) as file:
            _write_header(file, source)
            if hasattr(os, "posix_fallocate"):  # fails now if the disk is full
                with part.open("r+b") as opened:
                    os.posix_fallocate(opened.fileno(), 0, part.stat().st_size)
            yield file.data
            if file.data.nbytes > STATISTICS_LIMIT:
                file.reset_header_stats()  # marks them as unknown
                return
            with np.errstate(all="ignore"):
                file.update_header_stats()


def _write_header(file: Any, source: FileImage) -> None:
    """Copy the header of an MRC source; of any other, the voxel size."""
    if source.file_format == "mrc":
        metadata = source.metadata
        if metadata["extended"].size:
            file.set_extended_header(metadata["extended"])
        for name, value in metadata["header"].items():
            file.header[name] = value
        for text in metadata["labels"]:
            file.add_label(bytes(text).decode("ascii", "replace").strip("\0 "))
        file.voxel_size = tuple(metadata["voxel"])
        return
    if len(source.axes) == 3 and "Z" not in source.axes:
        file.set_image_stack()
    steps = [source.pixel_sizes.get(letter, (0.0, "nm")) for letter in LETTERS]
    file.voxel_size = tuple(10 * convert_length(step, "nm") for step in steps)
