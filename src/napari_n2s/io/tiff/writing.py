"""Writing TIFF files that say what another said: in its dialect, or in one that can hold them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_n2s.io.paths import beside
from napari_n2s.io.pixel_size import to_imagej, to_ome, to_plain
from napari_n2s.io.recording import Recording
from napari_n2s.io.tiff.large import Filling

IMAGEJ_AXES = "TZCYXS"
IMAGEJ_TYPES = ("uint8", "uint16", "float32")
SHOWN = ("mode", "min", "max", "Ranges", "LUTs", "Overlays", "ROI", "Properties", "Info", "Labels")
"""What only ImageJ's dialect has a place for."""
COUNTED: dict[str, Callable[[int, int], int]] = {
    "Labels": lambda planes, _: planes,
    "Ranges": lambda _, channels: 2 * channels,
}
"""How many entries ImageJ expects."""


@dataclass(frozen=True)
class Said:
    """What a TIFF file will say, known to be writable.

    Attributes
    ----------
    options : dict
        Arguments of tifffile.
    notes : tuple of str
        What of its source it cannot say, a sentence each.
    """

    options: dict[str, Any]
    notes: tuple[str, ...]


def prepare(path: Path, kind: np.dtype[Any], like: Recording) -> Said:
    """Settle what a file will say of its image, and try it on one of a pixel.

    Parameters
    ----------
    path : Path
    kind : dtype
    like : Recording
        Whose axes, shape, pixel size and more it is to have.
    """
    flavour = _dialect(path, kind, like)
    options, notes = _options(flavour, kind, like)
    if not _works(options, kind, like):
        options, _ = _options("plain", kind, like, bare=True)
        notes = [f"{path.name} can only say the axes and the pixel size, not what else was said."]
        if not _works(options, kind, like):
            options = {"metadata": None, "photometric": "minisblack"}
            notes = [f"{path.name} can say neither the axes nor the pixel size."]
    return Said(options, tuple(notes))


def write(path: Path, image: NDArray[np.generic], said: Said) -> None:
    """Write an image as TIFF.

    Raises
    ------
    FileError
        If it cannot be written; no part of it is left then.
    """
    with beside(path) as part:
        offset, size = tifffile.imwrite(part, image, returnoffset=True, **said.options)
        if part.stat().st_size < offset + size:
            raise OSError("not all was written")  # where a disk is full, numpy may keep silent


@contextmanager
def map_tiff(path: Path, kind: np.dtype[Any], like: Recording, said: Said) -> Iterator[Filling]:
    """Give an array to fill that is a TIFF file of an image's shape, its axes and pixel size.

    Raises
    ------
    FileError
        If it cannot be written; no part of it is left then.
    """
    with beside(path) as part:
        image = tifffile.memmap(part, shape=like.image.shape, dtype=kind, **said.options)
        if hasattr(os, "posix_fallocate"):  # a disk that is full must say so now, not when mapped
            with part.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, part.stat().st_size)
        out = Filling(image)
        del image
        try:
            yield out
        finally:
            out.close()  # before it is moved or removed


def _dialect(path: Path, kind: np.dtype[Any], like: Recording) -> str:
    """Choose the dialect of TIFF: that of the source, as far as it can hold the image."""
    small = prod(like.image.shape) * kind.itemsize < 2**32
    axes = like.axes
    wanted = "ome" if path.name.lower().endswith((".ome.tif", ".ome.tiff")) else like.flavour
    ordered = axes == "".join(letter for letter in IMAGEJ_AXES if letter in axes)
    unique = len(set(axes)) == len(axes) and set(axes) <= set(IMAGEJ_AXES)
    planes = unique and axes.endswith(("YX", "YXS"))
    if wanted == "ome" and planes:
        return "ome"
    if wanted != "plain" and ordered and kind.name in IMAGEJ_TYPES and small:
        return "imagej"
    return "ome" if wanted != "plain" and planes else "plain"


def _options(
    flavour: str, kind: np.dtype[Any], like: Recording, bare: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Gather the arguments of tifffile, and what has no place among them."""
    notes: list[str] = []
    if bare or flavour != like.flavour:
        options = {"imagej": to_imagej, "ome": to_ome, "plain": to_plain}[flavour](like.sizes)
        lost = sorted({"Channel", "Plane", *SHOWN} & set(like.metadata))
        if lost and like.flavour != "zarr":
            place = {"imagej": "ImageJ's", "ome": "OME's", "plain": "plain"}[flavour]
            notes.append(
                f"{', '.join(lost)}: {place} TIFF, in which the result is written, has no place "
                "for what its source says of this."
            )
    else:
        options = _verbatim(like)
    options["metadata"]["axes"] = like.axes
    if flavour != "plain":
        options[flavour] = True
    colour = _colour(flavour, kind, like, {} if bare else dict(like.tags), options["metadata"])
    return options | colour, notes


def _verbatim(like: Recording) -> dict[str, Any]:
    """Say what a file said, in its own dialect."""
    metadata = dict(like.metadata)
    channels = like.image.shape[like.axes.index("C")] if "C" in like.axes else 1
    if like.flavour == "ome":
        said = metadata.get("Channel", [])
        count = len(said) if isinstance(said, list) else max(map(len, said.values()), default=0)
        if count != channels:
            metadata.pop("Channel", None)
        if "Plane" in metadata:
            metadata["Plane"] = _planes(metadata["Plane"], like)
    else:
        planes = prod(
            size for axis, size in zip(like.axes, like.image.shape, strict=True) if axis in "TZC"
        )
        labels = metadata.get("Labels")
        if isinstance(labels, list):
            metadata["Labels"] = labels[:planes]
        for key, expected in COUNTED.items():
            entries = metadata.get(key, ())
            if not isinstance(entries, str) and len(entries) != expected(planes, channels):
                metadata.pop(key, None)
    if "unit" in metadata:  # ImageJ's text is ASCII, and it writes this letter so
        metadata["unit"] = str(metadata["unit"]).replace("µ", "\\u00B5")
    options: dict[str, Any] = {"metadata": metadata}
    if like.resolution:
        options["resolution"], options["resolutionunit"] = like.resolution
    return options


def _planes(said: list[dict[str, Any]], like: Recording) -> list[dict[str, Any]]:
    """Put what is said of single planes into the order in which they are written."""
    named = {tuple(str(each[axis]) for axis in "TZC"): each for each in said}
    leading = [axis for axis in like.axes if axis not in "YXS"]
    sizes = [like.image.shape[like.axes.index(axis)] for axis in leading]
    found = []
    for index in np.ndindex(*sizes):
        at = dict(zip(leading, index, strict=True))
        about = named.get(tuple(str(at.get(axis, 0)) for axis in "TZC"), {})
        found.append({name: value for name, value in about.items() if name not in "TZC"})
    return found


def _colour(
    flavour: str,
    kind: np.dtype[Any],
    like: Recording,
    tags: dict[str, Any],
    metadata: dict[str, Any],
) -> dict[str, Any]:
    """Say what the numbers mean, as far as this type and dialect can."""
    if description := tags.pop("description", ""):
        if flavour == "plain":
            tags["description"] = description.encode()
        elif flavour == "ome":
            metadata.setdefault("Description", description)
    palette, separate = tags.pop("colormap", None), like.axes.endswith("SYX")
    samples = like.image.shape[like.axes.index("S")] if "S" in like.axes else 1
    together = samples > 1 and (separate or like.axes.endswith("S"))
    if not together:
        for name in ("planarconfig", "extrasamples"):
            tags.pop(name, None)
        if tags.get("photometric") not in (None, "miniswhite"):
            del tags["photometric"]
        tags.setdefault("photometric", "minisblack")  # or three planes would be taken for RGB
    elif "photometric" not in tags:
        tags["photometric"] = "rgb" if samples in (3, 4) else "minisblack"
    if together:
        tags["planarconfig"] = "separate" if separate else "contig"
    if flavour == "imagej":
        for name in ("planarconfig", "extrasamples"):
            tags.pop(name, None)
        if tags.get("photometric") == "minisblack":
            del tags["photometric"]
    if palette is not None:
        if kind.name in ("uint8", "uint16") and palette.shape[1] == 2 ** (8 * kind.itemsize):
            tags |= {"photometric": "palette", "colormap": palette}
        elif flavour == "imagej" and palette.shape[1] == 256 and "LUTs" not in metadata:
            metadata["LUTs"] = [(palette >> 8).astype(np.uint8)]
    return tags


def _works(options: dict[str, Any], kind: np.dtype[Any], like: Recording) -> bool:
    """Whether tifffile can write all that, tried on planes of one pixel."""
    small = {"Y": 1, "X": 1}
    shape = [small.get(axis, n) for axis, n in zip(like.axes, like.image.shape, strict=True)]
    try:
        metadata = options["metadata"] and dict(options["metadata"])
        tifffile.imwrite(BytesIO(), np.zeros(shape, kind), **{**options, "metadata": metadata})
    except (MemoryError, OSError):
        return True  # as it will be said when the image is written
    except Exception:  # of every type: what a file said may be anything
        return False
    return True
