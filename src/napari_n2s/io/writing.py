"""Writing results: as TIFF, OME-Zarr, MRC or PNG, whole or in parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from napari_n2s.io import reading
from napari_n2s.io.file_image import FileImage
from napari_n2s.io.output_paths import (
    atomic_path,
    check_free_space,
    is_mrc,
    is_zarr,
    lock_output,
    write_atomically,
)
from napari_n2s.io.tiff import writing as tiff_writing


@contextmanager
def open_output(path: Path, dtype: np.dtype[Any], source: FileImage) -> Iterator[Any]:
    """Yield an array to write a result to; it is a complete file at the end.

    The array is in memory, or the file itself if that is large, OME-Zarr or MRC.

    Parameters
    ----------
    path : Path
        The output; its suffix determines the format.
    dtype : dtype
    source : FileImage
        Determines the shape, axes, pixel size and other metadata.

    Raises
    ------
    FileError
        If the output cannot be written, before the work where that can be known; no part of it is
        left then.
    """
    shape = source.image.shape
    size = prod(shape) * dtype.itemsize
    if is_zarr(path):
        from napari_n2s.io.ome_zarr.writing import ZarrOutput

        with atomic_path(path) as part:
            yield ZarrOutput(part, source, dtype)
        return
    check_free_space(path, size)
    if is_mrc(path):
        from napari_n2s.io.other import mrc

        mrc.check_dtype_and_axes(path, dtype, source)
        with mrc.map_mrc(path, dtype, source) as out:
            yield out
        return
    # Metadata that cannot be written must not fail after the training.
    options = tiff_writing.choose_options(path, dtype, source)
    if size > reading.LARGE:
        with tiff_writing.map_tiff(path, dtype, source, options) as out:
            yield out
    else:
        with lock_output(path):
            image = np.empty(shape, dtype)
            yield image
            tiff_writing.write_tiff(path, image, options)


def lost_metadata(path: Path, dtype: np.dtype[Any], source: FileImage) -> tuple[str, ...]:
    """Name the metadata of the source that an output of this name cannot hold, in sentences."""
    if is_zarr(path) or is_mrc(path):
        return ()
    return tiff_writing.choose_options(path, dtype, source).notes


def write_image(path: Path, image: NDArray[np.generic], source: FileImage) -> None:
    """Write an image as TIFF, with the axes and metadata of another.

    The TIFF format is that of `source` if it can hold the image, or OME if the name ends in
    .ome.tif.

    Raises
    ------
    FileError
        If it cannot be written; no part of it is left then.
    """
    source = replace(source, image=image)
    options = tiff_writing.choose_options(path, image.dtype, source)
    tiff_writing.write_tiff(path, image, options)


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write an image ``(Y, X)`` or ``(Y, X, 3)`` as PNG."""
    write_atomically(path, lambda part: iio.imwrite(part, image, extension=".png"))
