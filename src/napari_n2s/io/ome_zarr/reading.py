"""Reading OME-Zarr (0.4 in zarr format 2, 0.5 in zarr format 3) and plain zarr arrays."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import zarr

from napari_n2s.core.errors import FileError, ImageError
from napari_n2s.images.axes import parse_axes
from napari_n2s.io.file_image import FileImage, ImageInfo
from napari_n2s.io.ome_zarr.metadata import ZarrMetadata, parse_metadata
from napari_n2s.io.ome_zarr.validation import GuardedStore, check_array
from napari_n2s.io.output_paths import os_reason


def read_zarr(path: Path, series: int | None = None, level: int | None = None) -> FileImage:
    """Open an image of a group, or an array, lazily.

    Parameters
    ----------
    path : Path
    series, level : int, optional
        Index of the image in a group and of its resolution level.

    Raises
    ------
    FileError
        If there is none, or there are several and `series` is None.
    """
    store, node = _open(path)
    if isinstance(node, zarr.Array):
        if series or level:
            raise FileError(f"{path} is a single array; leave out --series and --level.")
        check_array(path, node)
        store.expect(node)
        array_metadata = {"format": node.metadata.zarr_format}
        return FileImage(node, _array_axes(path, node), "zarr", array_metadata)
    try:
        described = parse_metadata(dict(node.attrs), series or 0, level or 0)
    except ValueError as error:
        raise FileError(f"{path} is no readable OME-Zarr 0.4 or 0.5: {error}.") from error
    if described is None:
        raise FileError(
            f"{path} is a zarr group, but no OME-Zarr 0.4 or 0.5; name one of the images or "
            "arrays in it."
        )
    if described.images > 1 and series is None:
        raise FileError(
            f"{path} holds {described.images} images; choose one with --series NUMBER, counted "
            "from 0."
        )
    image = _open_array(path, node, described)
    check_array(path, image)
    store.expect(image)
    metadata = {
        "format": node.metadata.zarr_format,
        "axes": described.axes,
        "scale": described.scale,
        "translation": described.translation,
    }
    if described.omero:
        metadata["omero"] = described.omero
    notes = list(described.notes)
    if level is None and described.levels > 1:
        notes.append(
            f"It holds {described.levels} resolutions; the full one is read, --level NUMBER "
            "chooses another."
        )
    return FileImage(image, described.letters, "zarr", metadata, notes=tuple(notes))


def list_zarr(path: Path) -> list[ImageInfo]:
    """List the images of a group, or the array.

    Raises
    ------
    FileError
        If there is none.
    """
    found: list[ImageInfo] = []
    while True:
        try:
            levels = [read_zarr(path, len(found), 0)]
        except FileError:
            if not found:
                raise
            return found
        while isinstance(levels[0].image, zarr.Array) and "axes" in levels[0].metadata:
            try:
                levels.append(read_zarr(path, len(found), len(levels)))
            except FileError:
                break
        image, shapes = levels[0].image, tuple(tuple(each.image.shape) for each in levels)
        found.append(
            ImageInfo(
                "", levels[0].axes, shapes[0], str(image.dtype), levels[0].pixel_sizes, shapes
            )
        )


def _open(path: Path) -> tuple[GuardedStore, Any]:
    """Open a folder as zarr.

    Raises
    ------
    FileError
        If it is no zarr, or damaged.
    """
    try:
        store = GuardedStore(path.resolve(), read_only=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about codecs and dtypes outside the standard
            return store, zarr.open(store, mode="r")
    except FileNotFoundError as error:
        raise FileError(
            f"{path} is a folder but no zarr; name an image file, or a folder of OME-Zarr."
        ) from error
    except PermissionError as error:
        raise FileError(f"{path} cannot be read: {os_reason(error)}.") from error
    except Exception as error:  # of any type, as a folder may hold anything
        raise FileError(
            f"{path} is a folder whose zarr metadata is damaged; name an image file, or a folder "
            "of OME-Zarr."
        ) from error


def _array_axes(path: Path, node: Any) -> str:
    """Name the axes of a plain array by its dimension names, or by its shape.

    Raises
    ------
    FileError
        If it has too few axes for an image.
    """
    names = getattr(node.metadata, "dimension_names", None) or ()
    letters = "".join(str(name or "Q")[0] for name in names).upper()
    if len(letters) == node.ndim and letters.isalpha():
        return letters
    try:
        return parse_axes(node.shape).axes
    except ImageError as error:
        raise FileError(f"{path} holds no image that can be denoised: {error}") from error


def _open_array(path: Path, node: Any, described: ZarrMetadata) -> Any:
    """Open the array that a group names.

    Raises
    ------
    FileError
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = node[described.path]
    except PermissionError as error:
        raise FileError(f"{path / described.path} cannot be read: {os_reason(error)}.") from error
    except Exception as error:  # of any type: the metadata of the array may be damaged
        raise FileError(
            f"{path} declares an image that cannot be opened; it is damaged or incomplete."
        ) from error
    if not isinstance(image, zarr.Array) or image.ndim != len(described.letters):
        raise FileError(f"The metadata of {path} does not fit the array in it; name the array.")
    return image
