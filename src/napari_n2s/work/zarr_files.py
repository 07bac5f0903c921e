"""Reading folders of OME-Zarr (0.4 in zarr's second format, 0.5 in its third) and plain zarr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr

from napari_n2s.ideas.axes import layout
from napari_n2s.ideas.errors import FileError
from napari_n2s.work.recording import Recording


def read_zarr(path: Path) -> Recording:
    """Open the first image of a group, at full resolution, or an array; nothing of it is read yet.

    Raises
    ------
    FileError
        If there is none.
    """
    try:
        node = zarr.open(str(path.resolve()), mode="r")
    except Exception as error:  # of every type, as anything may lie in a folder
        raise FileError(
            f"{path} is a folder and holds no zarr; name an image file, or a folder of OME-Zarr."
        ) from error
    if isinstance(node, zarr.Array):
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
    try:
        first = about["multiscales"][0]
        full = first["datasets"][0]
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
    return Recording(image, axes, "zarr", said, None, len(about["multiscales"]) - 1)
