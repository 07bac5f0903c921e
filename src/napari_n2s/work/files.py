"""Image files: read with what they say of axes and pixel size, and written so that it stays."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_n2s.ideas.errors import FileError
from napari_n2s.work.large_tiff import Filling, LargeTiff, require_whole
from napari_n2s.work.pixelsize import Resolution, to_imagej, to_ome, to_plain
from napari_n2s.work.places import TIFF_SUFFIXES, beside, reason, write_whole
from napari_n2s.work.recording import Recording

LARGE = 2**30
"""Bytes beyond which a TIFF file is read and written piece by piece."""
IMAGEJ_AXES = "TZCYXS"
IMAGEJ_TYPES = ("uint8", "uint16", "float32")
IMAGEJ_KEYS = ("spacing", "unit", "yunit", "zunit", "finterval", "fps", "tunit", "Labels", "Info")
OME_KEYS = ("PhysicalSize", "TimeIncrement")


def read(path: Path) -> Recording:
    """Read a TIFF or PNG file, or open a folder of zarr; what is large stays where it is.

    Raises
    ------
    FileError
        If it is missing, damaged or not an image.
    """
    try:
        folder = path.is_dir()
        if not folder:
            path.open("rb").close()
    except FileNotFoundError:
        raise FileError(f"There is no file {path}.") from None
    except OSError as error:
        raise FileError(f"{path} cannot be read: {reason(error)}.") from error
    if folder:
        from napari_n2s.work.zarr_files import read_zarr

        return read_zarr(path)
    try:
        return _read_tiff(path) if path.suffix.lower() in TIFF_SUFFIXES else _read_other(path)
    except MemoryError:
        raise FileError(f"{path} does not fit into memory.") from None
    except Exception as error:  # readers raise errors of every type on damaged files
        raise FileError(
            f"{path} cannot be read as an image; it is damaged, incomplete or of another kind."
        ) from error


def write(path: Path, image: NDArray[np.generic], like: Recording) -> None:
    """Write an image as TIFF with the axes and pixel size of another.

    The dialect is that of `like`, if it can hold the image, or OME if the name ends in .ome.tif.

    Raises
    ------
    FileError
        If it cannot be written; no part of it is left then.
    """
    with beside(path) as part:
        options = {"data": image, "returnoffset": True}
        offset, size = _say(tifffile.imwrite, part, path, image.dtype, like, **options)
        if part.stat().st_size < offset + size:
            raise OSError("not all was written")  # where a disk is full, numpy may keep silent


@contextmanager
def map_tiff(path: Path, kind: np.dtype[Any], like: Recording) -> Iterator[Filling]:
    """Give an array to fill that is a TIFF file of an image's shape, its axes and pixel size.

    Raises
    ------
    FileError
        If it cannot be written; no part of it is left then.
    """
    with beside(path) as part:
        image = _say(tifffile.memmap, part, path, kind, like, shape=like.image.shape, dtype=kind)
        if hasattr(os, "posix_fallocate"):  # a disk that is full must say so now, not when mapped
            with part.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, part.stat().st_size)
        out = Filling(image)
        del image
        try:
            yield out
        finally:
            out.close()  # before it is moved or removed


def _say(
    writer: Callable[..., Any],
    part: Path,
    path: Path,
    kind: np.dtype[Any],
    like: Recording,
    **what: Any,
) -> Any:
    """Write a TIFF file with what another said; plainly, if that cannot be said again."""
    flavour = _dialect(path, kind, like)
    render = {"imagej": to_imagej, "ome": to_ome, "plain": to_plain}
    options = _verbatim(like) if flavour == like.flavour else render[flavour](like.sizes)
    options["metadata"]["axes"] = like.axes
    if flavour != "plain":
        options[flavour] = True
    plainly = to_plain(like.sizes) | {"metadata": {"axes": like.axes}}
    try:
        return writer(part, **what, **options)
    except (ValueError, LookupError, tifffile.OmeXmlError):
        return writer(part, **what, **plainly)


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a picture ``(Y, X)`` or ``(Y, X, 3)`` as PNG."""
    write_whole(path, lambda part: iio.imwrite(part, image, extension=".png"))


def _read_tiff(path: Path) -> Recording:
    with _no_complaints(), tifffile.TiffFile(path) as tiff:
        series = tiff.series[0]
        require_whole(series, path.stat().st_size)
        image = series.asarray() if series.nbytes <= LARGE else LargeTiff(path)
        axes = series.axes.replace("I", "Q")
        others = len(tiff.series) - 1
        if tiff.is_imagej:
            about = tiff.imagej_metadata or {}
            kept = {key: about[key] for key in IMAGEJ_KEYS if key in about}
            return Recording(image, axes, "imagej", kept, _resolution(tiff.pages.first), others)
        if tiff.is_ome:
            return Recording(image, axes, "ome", _ome_metadata(tiff), None, others)
        return Recording(image, axes, "plain", {}, _resolution(tiff.pages.first), others)


@contextmanager
def _no_complaints() -> Iterator[None]:
    """Raise what tifffile only logs: of an incomplete file it gives the readable part."""
    complaints: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            complaints.append(record.getMessage())

    listener, logger = Listener(logging.ERROR), logging.getLogger("tifffile")
    before = logger.propagate
    logger.addHandler(listener)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.propagate = before
    if complaints:
        raise ValueError(complaints[0])


def _read_other(path: Path) -> Recording:
    image = iio.imread(path, plugin="pillow")
    return Recording(image, {2: "YX", 3: "YXS", 4: "QYXS"}[image.ndim])


def _resolution(page: Any) -> Resolution | None:
    tags = page.tags
    if "XResolution" not in tags or "YResolution" not in tags:
        return None
    unit = tags["ResolutionUnit"].value if "ResolutionUnit" in tags else 1
    return (tags["XResolution"].value, tags["YResolution"].value), int(unit)


def _ome_metadata(tiff: tifffile.TiffFile) -> dict[str, Any]:
    image = tifffile.xml2dict(tiff.ome_metadata or "")["OME"]["Image"]
    pixels = (image[0] if isinstance(image, list) else image)["Pixels"]
    kept = {key: pixels[key] for key in pixels if key.startswith(OME_KEYS)}
    channels = pixels.get("Channel", [])
    channels = channels if isinstance(channels, list) else [channels]
    names = [channel.get("Name") for channel in channels]
    return {**kept, "Channel": {"Name": names}} if all(names) and names else kept


def _verbatim(like: Recording) -> dict[str, Any]:
    """Say what a file said, in its own dialect."""
    metadata = dict(like.metadata)
    if len(metadata.get("Channel", {}).get("Name", [])) != _channels(like):
        metadata.pop("Channel", None)
    if "unit" in metadata:  # ImageJ's text is ASCII, and it writes this letter so
        metadata["unit"] = str(metadata["unit"]).replace("µ", "\\u00B5")
    options: dict[str, Any] = {"metadata": metadata}
    if like.resolution:
        options["resolution"], options["resolutionunit"] = like.resolution
    return options


def _channels(like: Recording) -> int:
    return like.image.shape[like.axes.index("C")] if "C" in like.axes else 1


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
