"""Image files: read with what they say of axes and pixel size, and written so that it stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import FileError
from napari_n2s.io.formats import PLUGINS
from napari_n2s.io.other.pictures import read_picture
from napari_n2s.io.paths import is_mrc, reason, write_whole
from napari_n2s.io.recording import Content, Recording
from napari_n2s.io.tiff import writing as tiff_writing
from napari_n2s.io.tiff.guard import is_tiff, require_file
from napari_n2s.io.tiff.reading import list_tiff, read_tiff

T = TypeVar("T")

LARGE = 2**30
"""Bytes beyond which a TIFF file is read and written piece by piece."""


def read(path: Path, series: int | None = None, level: int | None = None) -> Recording:
    """Read a TIFF or PNG file, or open a folder of zarr; what is large stays where it is.

    Parameters
    ----------
    path : Path
    series : int, optional
        Which of several images in one file.
    level : int, optional
        At which of its resolutions, 0 for the full one.

    Raises
    ------
    FileError
        If it is missing, damaged or not an image, or holds several and none was chosen.
    """
    if _holds_tiff(path):
        return _in_words(path, lambda: read_tiff(path, series, level, LARGE))
    if path.is_dir():
        from napari_n2s.io.ome_zarr.reading import read_zarr

        return _in_words(path, lambda: read_zarr(path, series, level))
    if path.suffix.lower() in PLUGINS:
        from napari_n2s.io.other.bioio import read_bioio

        return _in_words(path, lambda: read_bioio(path, series, level, LARGE))
    if series or level:
        raise FileError(f"{path} holds one image, of which --series and --level choose nothing.")
    if is_mrc(path):
        from napari_n2s.io.other.mrc import read_mrc

        return _in_words(path, lambda: read_mrc(path))
    return _in_words(path, lambda: read_picture(path))


def _holds_tiff(path: Path) -> bool:
    """Whether a path leads to a TIFF file.

    Raises
    ------
    FileError
        If nothing is there that can be read.
    """
    try:
        if path.is_dir():
            return False
        require_file(path)
        return is_tiff(path)
    except FileError:
        raise
    except FileNotFoundError:
        raise FileError(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:
        words = reason(error) if isinstance(error, OSError) else str(error)
        raise FileError(f"{path} cannot be read: {words}.") from error


def _in_words(path: Path, reader: Callable[[], T]) -> T:
    """Read, and turn what goes wrong into a sentence."""
    try:
        return reader()
    except FileError:
        raise
    except MemoryError:
        raise FileError(f"{path} does not fit into memory.") from None
    except Exception as error:  # readers raise errors of every type on damaged files
        raise FileError(
            f"{path} cannot be read as an image; it is damaged, incomplete or of another kind."
        ) from error


def contents(path: Path) -> list[Content]:
    """List the images that a file holds.

    Raises
    ------
    FileError
        If it is missing, damaged or not an image.
    """
    if _holds_tiff(path):
        return _in_words(path, lambda: list_tiff(path))
    if path.is_dir():
        from napari_n2s.io.ome_zarr.reading import list_zarr

        return list_zarr(path)
    if path.suffix.lower() in PLUGINS:
        from napari_n2s.io.other.bioio import list_bioio

        return _in_words(path, lambda: list_bioio(path))
    recording = read(path)
    image = recording.image
    return [Content("", recording.axes, image.shape, str(image.dtype), recording.sizes)]


def write(path: Path, image: NDArray[np.generic], like: Recording) -> None:
    """Write an image as TIFF with the axes and pixel size of another.

    The dialect is that of `like`, if it can hold the image, or OME if the name ends in .ome.tif.

    Raises
    ------
    FileError
        If it cannot be written; no part of it is left then.
    """
    like = replace(like, image=image)
    tiff_writing.write(path, image, tiff_writing.prepare(path, image.dtype, like))


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a picture ``(Y, X)`` or ``(Y, X, 3)`` as PNG."""
    write_whole(path, lambda part: iio.imwrite(part, image, extension=".png"))
