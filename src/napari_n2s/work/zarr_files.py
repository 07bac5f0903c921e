"""Reading folders of OME-Zarr (0.4 in zarr's second format, 0.5 in its third) and plain zarr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr

from napari_n2s.ideas.axes import layout
from napari_n2s.ideas.errors import FileError
from napari_n2s.work.contents import Content
from napari_n2s.work.recording import Recording


def read_zarr(path: Path, series: int | None = None, level: int | None = None) -> Recording:
    """Open an image of a group, or an array; nothing of it is read yet.

    Parameters
    ----------
    path : Path
    series, level : int, optional
        Which of several images, and at which of its resolutions; the full one if left out.

    Raises
    ------
    FileError
        If there is none, or none was chosen of several.
    """
    try:
        node = zarr.open(str(path.resolve()), mode="r")
    except Exception as error:  # of every type, as anything may lie in a folder
        raise FileError(
            f"{path} is a folder and holds no zarr; name an image file, or a folder of OME-Zarr."
        ) from error
    if isinstance(node, zarr.Array):
        if series or level:
            raise FileError(f"{path} is one array; leave out --series and --level.")
        names = getattr(node.metadata, "dimension_names", None) or ()
        letters = "".join(str(name or "Q")[0] for name in names)
        axes = letters or layout(node.shape).axes
        return Recording(node, axes.upper(), "zarr", {"format": node.metadata.zarr_format})
    about: Any = dict(node.attrs)
    about = about.get("ome", about)
    if not about.get("multiscales"):
        raise FileError(
            f"{path} is a group of zarr, but no image of OME-Zarr 0.4 or 0.5; name one of the "
            "images or arrays in it."
        )
    count = len(about["multiscales"])
    if series is None and count > 1:
        raise FileError(f"{path} holds {count} images; choose one with --series 0 to {count - 1}.")
    try:
        first = _chosen(path, about["multiscales"], series, "image")
        full = _chosen(path, first["datasets"], level, "level")
        axes = "".join(axis["name"][0].upper() for axis in first["axes"])
        scale, shift = np.ones(len(axes)), np.zeros(len(axes))
        steps = [*full["coordinateTransformations"], *first.get("coordinateTransformations", ())]
        for each in steps:
            factor = np.array(each.get("scale", 1.0))
            scale, shift = scale * factor, shift * factor + np.array(each.get("translation", 0.0))
        image: Any = node[full["path"]]
        if image.ndim != len(axes):
            raise ValueError("the axes are not those of the array")
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise FileError(
            f"What {path} says of its image is not OME-Zarr 0.4 or 0.5; name the array in it."
        ) from error
    said = {
        "format": node.metadata.zarr_format,
        "axes": first["axes"],
        "scale": scale.tolist(),
        "translation": shift.tolist(),
    }
    if "omero" in about:
        said["omero"] = about["omero"]
    levels = len(first["datasets"])
    notes = (
        f"It holds {levels} resolutions, of which the full one is taken; --level NUMBER chooses "
        "another.",
    )
    shown = notes if level is None and levels > 1 else ()
    return Recording(image, axes, "zarr", said, notes=shown)


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


def _chosen(path: Path, among: list[Any], number: int | None, what: str) -> Any:
    number = number or 0
    if not 0 <= number < len(among):
        raise FileError(f"{path} has no {what} {number}; it has {len(among)}, counted from 0.")
    return among[number]
