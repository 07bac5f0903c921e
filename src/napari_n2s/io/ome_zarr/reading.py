"""Reading folders of OME-Zarr (0.4 in zarr's second format, 0.5 in its third) and plain zarr."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import zarr

from napari_n2s.core.errors import FileError, ImageError
from napari_n2s.images.axes import parse_axes
from napari_n2s.io.ome_zarr.guard import GuardedStore, require_plausible
from napari_n2s.io.ome_zarr.metadata import ZarrMetadata, read_about
from napari_n2s.io.paths import reason
from napari_n2s.io.recording import Content, Recording


def read_zarr(path: Path, series: int | None = None, level: int | None = None) -> Recording:
    """Open an image of a group, or an array; nothing of it is read yet.

    Parameters
    ----------
    path : Path
    series, level : int, optional
        Which of several images in a group, and at which of its resolutions.

    Raises
    ------
    FileError
        If there is none, or there are several and none was chosen.
    """
    store, node = _open(path)
    if isinstance(node, zarr.Array):
        if series or level:
            raise FileError(f"{path} is one array, of which --series and --level choose nothing.")
        require_plausible(path, node)
        store.limit(node)
        said = {"format": node.metadata.zarr_format}
        return Recording(node, _letters_of(path, node), "zarr", said)
    try:
        about = read_about(dict(node.attrs), series or 0, level or 0)
    except ValueError as error:
        raise FileError(
            f"{path} is no image of OME-Zarr 0.4 or 0.5 that can be read: {error}."
        ) from error
    if about is None:
        raise FileError(
            f"{path} is a group of zarr, but no image of OME-Zarr 0.4 or 0.5; name one of the "
            "images or arrays in it."
        )
    if about.images > 1 and series is None:
        raise FileError(
            f"{path} holds {about.images} images; choose one with --series NUMBER, counted from 0."
        )
    image = _find(path, node, about)
    require_plausible(path, image)
    store.limit(image)
    metadata = {
        "format": node.metadata.zarr_format,
        "axes": about.axes,
        "scale": about.scale,
        "translation": about.translation,
    }
    if about.omero:
        metadata["omero"] = about.omero
    notes = list(about.notes)
    if level is None and about.levels > 1:
        notes.append(
            f"It holds {about.levels} resolutions, of which the full one is taken; --level NUMBER "
            "chooses another."
        )
    return Recording(image, about.letters, "zarr", metadata, notes=tuple(notes))


def list_zarr(path: Path) -> list[Content]:
    """List the images of a group, or the array."""
    found: list[Content] = []
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
            Content("", levels[0].axes, shapes[0], str(image.dtype), levels[0].sizes, shapes)
        )


def _open(path: Path) -> tuple[GuardedStore, Any]:
    """Open a folder, whatever lies in it.

    Raises
    ------
    FileError
    """
    try:
        store = GuardedStore(path.resolve(), read_only=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of codecs and types that the standard does not have
            return store, zarr.open(store, mode="r")
    except FileNotFoundError as error:
        raise FileError(
            f"{path} is a folder and holds no zarr; name an image file, or a folder of OME-Zarr."
        ) from error
    except PermissionError as error:
        raise FileError(f"{path} cannot be read: {reason(error)}.") from error
    except Exception as error:  # of every type, as anything may lie in a folder
        raise FileError(
            f"{path} is a folder, and what it says of a zarr in it is damaged; name an image file, "
            "or a folder of OME-Zarr."
        ) from error


def _letters_of(path: Path, node: Any) -> str:
    """Name the axes of a plain array: by the names of its dimensions, or by its shape."""
    names = getattr(node.metadata, "dimension_names", None) or ()
    letters = "".join(str(name or "Q")[0] for name in names).upper()
    if len(letters) == node.ndim and letters.isalpha():
        return letters
    try:
        return parse_axes(node.shape).axes
    except ImageError as error:
        raise FileError(f"{path} holds no image that can be denoised: {error}") from error


def _find(path: Path, node: Any, about: ZarrMetadata) -> Any:
    """Open the array that a group names.

    Raises
    ------
    FileError
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = node[about.path]
    except PermissionError as error:
        raise FileError(f"{path / about.path} cannot be read: {reason(error)}.") from error
    except Exception as error:  # of every type: what is said of the array may be damaged
        raise FileError(
            f"{path} names an image that cannot be opened; it is damaged or incomplete."
        ) from error
    if not isinstance(image, zarr.Array) or image.ndim != len(about.letters):
        raise FileError(
            f"What {path} says of its image does not fit the array in it; name the array."
        )
    return image
