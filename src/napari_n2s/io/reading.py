"""Reading image files of any format, with their axes and pixel size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from napari_n2s.core.errors import FileError
from napari_n2s.io.file_image import FileImage, ImageInfo
from napari_n2s.io.formats import BIOIO_PLUGINS
from napari_n2s.io.other.pillow import read_pillow
from napari_n2s.io.output_paths import is_mrc, os_reason
from napari_n2s.io.tiff.reading import list_tiff, read_tiff
from napari_n2s.io.tiff.validation import check_regular_file, is_tiff

T = TypeVar("T")

LARGE = 2**30
"""Size in bytes above which the image of a TIFF file is read and written in parts."""


def read_image(path: Path, series: int | None = None, level: int | None = None) -> FileImage:
    """Read an image file, or open a folder of zarr; large images are not loaded into memory.

    Parameters
    ----------
    path : Path
    series : int, optional
        Index of the image in a file that holds several.
    level : int, optional
        Index of the resolution level; 0 is full resolution.

    Returns
    -------
    FileImage

    Raises
    ------
    FileError
        If the file is missing, damaged or no image, or holds several images and `series` is None.
    """
    if _is_tiff_file(path):
        return _with_file_errors(path, lambda: read_tiff(path, series, level, LARGE))
    if path.is_dir():
        from napari_n2s.io.ome_zarr.reading import read_zarr

        return _with_file_errors(path, lambda: read_zarr(path, series, level))
    if path.suffix.lower() in BIOIO_PLUGINS:
        from napari_n2s.io.other.bioio import read_bioio

        return _with_file_errors(path, lambda: read_bioio(path, series, level, LARGE))
    if series or level:
        raise FileError(f"{path} holds a single image; leave out --series and --level.")
    if is_mrc(path):
        from napari_n2s.io.other.mrc import read_mrc

        return _with_file_errors(path, lambda: read_mrc(path))
    return _with_file_errors(path, lambda: read_pillow(path))


def list_images(path: Path) -> list[ImageInfo]:
    """List the images in a file.

    Raises
    ------
    FileError
        If the file is missing, damaged or no image.
    """
    if _is_tiff_file(path):
        return _with_file_errors(path, lambda: list_tiff(path))
    if path.is_dir():
        from napari_n2s.io.ome_zarr.reading import list_zarr

        return list_zarr(path)
    if path.suffix.lower() in BIOIO_PLUGINS:
        from napari_n2s.io.other.bioio import list_bioio

        return _with_file_errors(path, lambda: list_bioio(path))
    found = read_image(path)
    shape, dtype = found.image.shape, str(found.image.dtype)
    return [ImageInfo("", found.axes, shape, dtype, found.pixel_sizes)]


def _is_tiff_file(path: Path) -> bool:
    """Whether a path leads to a TIFF file.

    Raises
    ------
    FileError
        If there is nothing that can be read.
    """
    try:
        if path.is_dir():
            return False
        check_regular_file(path)
        return is_tiff(path)
    except FileError:
        raise
    except FileNotFoundError:
        raise FileError(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:
        reason = os_reason(error) if isinstance(error, OSError) else str(error)
        raise FileError(f"{path} cannot be read: {reason}.") from error


def _with_file_errors(path: Path, reader: Callable[[], T]) -> T:
    """Call a reader and turn every exception into a `FileError`."""
    try:
        return reader()
    except FileError:
        raise
    except MemoryError:
        raise FileError(f"{path} does not fit into memory.") from None
    except Exception as error:  # readers raise exceptions of any type on damaged files
        raise FileError(
            f"{path} cannot be read as an image; it is damaged, incomplete or of another format."
        ) from error
