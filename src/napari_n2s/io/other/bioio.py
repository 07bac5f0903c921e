"""Reading vendor formats (CZI, ND2, LIF, DM3, DM4) with bioio and its plugins."""

from __future__ import annotations

import warnings
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from napari_n2s.core.errors import FileError
from napari_n2s.io.file_image import FileImage, ImageInfo
from napari_n2s.io.formats import BIOIO_PLUGINS, import_optional
from napari_n2s.io.pixel_size import CENTIMETRES, canonical_unit


def read_bioio(path: Path, series: int | None, level: int | None, large: int) -> FileImage:
    """Read a scene of a file, with metadata in OME's terms.

    Parameters
    ----------
    path : Path
    series, level : int, optional
        Index of the scene and of its resolution level.
    large : int
        Size in bytes above which the image is lazy.

    Raises
    ------
    FileError
        If bioio or the plugin for the format is not installed, the file is damaged, or there are
        several scenes and `series` is None.
    """
    opened = _open(path)
    scenes = list(opened.scenes)
    if series is None and len(scenes) > 1:
        shown = ", ".join(f"{number}: {name}" for number, name in enumerate(scenes[:4]))
        more = f" and {len(scenes) - 4} more" if scenes[4:] else ""
        raise FileError(
            f"{path} holds {len(scenes)} scenes ({shown}{more}); choose one with --series NUMBER."
        )
    if not 0 <= (series or 0) < len(scenes):
        raise FileError(f"{path} has no scene {series}; it holds {len(scenes)}, counted from 0.")
    return _read(path, opened, series or 0, level, large)


def list_bioio(path: Path) -> list[ImageInfo]:
    """List the scenes of a file."""
    opened, found = _open(path), []
    for number, name in enumerate(opened.scenes):
        scene = _read(path, opened, number, None, 0)
        image = scene.image
        shape = tuple(image.shape)
        found.append(ImageInfo(str(name), scene.axes, shape, str(image.dtype), scene.pixel_sizes))
    return found


def _open(path: Path) -> Any:
    package = f"bioio {BIOIO_PLUGINS[path.suffix.lower()]}"
    bioio = import_optional("bioio", path, package)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return bioio.BioImage(path.resolve())
        except Exception as error:  # of any type, depending on the plugin
            if type(error).__name__ != "UnsupportedFileFormatError":
                raise
            raise FileError(
                f"{path} is damaged, or bioio has no plugin for its format; you may install one: "
                f"python -m pip install {package}"
            ) from error


def _read(path: Path, opened: Any, scene: int, level: int | None, large: int) -> FileImage:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened.set_scene(scene)
        levels = tuple(opened.resolution_levels)
        if level is not None and level not in levels:
            raise FileError(
                f"{path} has no level {level}; its image has {len(levels)}, of which 0 is the full "
                "resolution."
            )
        opened.set_resolution_level(level or 0)
        labelled = opened.xarray_dask_data
        letters = [str(each).upper()[:1] for each in labelled.dims]
        kept = [n for n, a in enumerate(letters) if a in "YX" or labelled.shape[n] > 1]
        image: Any = labelled.data[
            tuple(slice(None) if n in kept else 0 for n in range(len(letters)))
        ]
        if image.nbytes <= large:
            image = np.asarray(image)
        notes = []
        if level is None and len(levels) > 1:
            notes.append(
                f"It holds {len(levels)} resolutions; the full one is read, --level NUMBER "
                "chooses another."
            )
        axes = "".join(letters[n] for n in kept)
        return FileImage(image, axes, "ome", _describe(opened, axes), notes=tuple(notes))


def _describe(opened: Any, axes: str) -> dict[str, Any]:
    """Return pixel size, time step and channel names in OME's terms, as far as the plugin can."""
    metadata: dict[str, Any] = {}
    for axis in "XYZ":
        with suppress(Exception):
            step = float(getattr(opened.physical_pixel_sizes, axis))
            properties = getattr(opened.dimension_properties, axis, None)
            unit = canonical_unit(str(getattr(properties, "unit", None) or "µm"))
            unit = {"micrometer": "µm", "nanometer": "nm", "millimeter": "mm"}.get(unit, unit)
            if isfinite(step) and step > 0 and unit in CENTIMETRES:
                metadata |= {f"PhysicalSize{axis}": step, f"PhysicalSize{axis}Unit": unit}
    with suppress(Exception):
        interval = opened.time_interval
        seconds = (
            interval.total_seconds() if hasattr(interval, "total_seconds") else float(interval)
        )
        if isfinite(seconds) and seconds > 0:
            metadata |= {"TimeIncrement": seconds, "TimeIncrementUnit": "s"}
    with suppress(Exception):
        names = [str(each) for each in opened.channel_names]
        if "C" in axes and all(names):
            metadata["Channel"] = {"Name": names}
    return metadata
