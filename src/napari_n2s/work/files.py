"""Image files: read with what they say of axes and pixel size, and written so that it stays."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_n2s.ideas.errors import FileError
from napari_n2s.work.pixelsize import (
    Resolution,
    Sizes,
    from_imagej,
    from_ome,
    from_plain,
    to_imagej,
    to_ome,
    to_plain,
)

TIFF_SUFFIXES = (".tif", ".tiff")
IMAGEJ_AXES = "TZCYXS"
IMAGEJ_TYPES = ("uint8", "uint16", "float32")
IMAGEJ_KEYS = ("spacing", "unit", "yunit", "zunit", "finterval", "fps", "tunit", "Labels", "Info")
OME_KEYS = ("PhysicalSize", "TimeIncrement")


@dataclass(frozen=True)
class Recording:
    """An image as a file holds it.

    Attributes
    ----------
    image : ndarray
    axes : str
        One letter for each axis; Q where the file does not say.
    flavour : {"imagej", "ome", "plain"}
        The dialect of TIFF in which the file describes itself.
    metadata : dict
        Pixel size, time step and channel names, in that dialect.
    resolution : tuple, optional
        Pixels for each unit along X and Y, and the number of that unit in TIFF.
    others : int
        How many more images the file holds, which are left aside.
    """

    image: NDArray[np.generic]
    axes: str
    flavour: str = "imagej"
    metadata: dict[str, Any] = field(default_factory=dict)
    resolution: Resolution | None = None
    others: int = 0

    @property
    def sizes(self) -> Sizes:
        """Pixel size and time step, whatever the dialect."""
        if self.flavour == "ome":
            return from_ome(self.metadata)
        if self.flavour == "imagej":
            return from_imagej(self.metadata, self.resolution)
        return from_plain(self.resolution)


def read(path: Path) -> Recording:
    """Read a TIFF or PNG file.

    Raises
    ------
    FileError
        If it is missing, damaged or not an image.
    """
    try:
        if path.is_dir():
            raise FileError(f"{path} is a folder; name an image file.")
        path.open("rb").close()
    except FileNotFoundError:
        raise FileError(f"There is no file {path}.") from None
    except OSError as error:
        raise FileError(f"{path} cannot be read: {_reason(error)}.") from error
    try:
        return _read_tiff(path) if path.suffix.lower() in TIFF_SUFFIXES else _read_other(path)
    except MemoryError:
        raise FileError(f"{path} does not fit into memory.") from None
    except Exception as error:  # readers raise errors of every type on damaged files
        raise FileError(
            f"{path} cannot be read as an image; it is damaged, incomplete or of another kind."
        ) from error


def check_output(path: Path, suffixes: tuple[str, ...] = TIFF_SUFFIXES) -> None:
    """Make sure, before any work is done, that a new file can be written.

    Raises
    ------
    FileError
        If it exists, or its folder does not or cannot be written to, or its name has another end.
    """
    if path.suffix.lower() not in suffixes:
        raise FileError(f"{path} must end in {' or '.join(suffixes)}; choose such a name.")
    try:
        if path.exists():
            raise FileError(f"{path} exists and is left as it is; choose another name.")
    except OSError as error:
        raise FileError(f"{path} cannot be written: {_reason(error)}.") from error
    if not path.parent.is_dir():
        raise FileError(f"There is no folder {path.parent}; make it first.")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise FileError(
            f"The folder {path.parent} cannot be written to; choose another."
        ) from error


def make_folder(path: Path) -> None:
    """Make a folder unless it is there.

    Raises
    ------
    FileError
        If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"The folder {path} cannot be made: {error.strerror}.") from error


def write(path: Path, image: NDArray[np.generic], like: Recording) -> None:
    """Write an image as TIFF with the axes and pixel size of another.

    The dialect is that of `like`, if it can hold the image, or OME if the name ends in .ome.tif.

    Raises
    ------
    FileError
        If it cannot be written; no part of it is left then.
    """
    flavour = _dialect(path, image, like)
    render = {"imagej": to_imagej, "ome": to_ome, "plain": to_plain}
    options = _verbatim(like) if flavour == like.flavour else render[flavour](like.sizes)
    options["metadata"]["axes"] = like.axes
    if flavour != "plain":
        options[flavour] = True
    plainly = to_plain(like.sizes) | {"metadata": {"axes": like.axes}}
    try:
        write_whole(path, lambda part: tifffile.imwrite(part, image, **options))
    except (ValueError, LookupError, tifffile.OmeXmlError):
        # What the source said cannot be said again; the pixels can.
        write_whole(path, lambda part: tifffile.imwrite(part, image, **plainly))


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a picture ``(Y, X)`` or ``(Y, X, 3)`` as PNG."""
    write_whole(path, lambda part: iio.imwrite(part, image, extension=".png"))


def write_whole(path: Path, writer: Callable[[Path], object]) -> None:
    """Write a file beside its place and move it there when it is complete.

    Raises
    ------
    FileError
        If it cannot be written; nothing is left then.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        writer(part)
        if path.exists():
            raise FileError(f"{path} has come into being meanwhile and is left as it is.")
        part.replace(path)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path} cannot be written: {_reason(error)}.") from error
    finally:
        part.unlink(missing_ok=True)


def _read_tiff(path: Path) -> Recording:
    with _no_complaints(), tifffile.TiffFile(path) as tiff:
        series = tiff.series[0]
        image, axes = series.asarray(), series.axes.replace("I", "Q")
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


def _reason(error: OSError) -> str:
    return str(error.strerror or error).lower()


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


def _dialect(path: Path, image: NDArray[np.generic], like: Recording) -> str:
    """Choose the dialect of TIFF: that of the source, as far as it can hold the image."""
    axes = like.axes
    wanted = "ome" if path.name.lower().endswith((".ome.tif", ".ome.tiff")) else like.flavour
    ordered = axes == "".join(letter for letter in IMAGEJ_AXES if letter in axes)
    unique = len(set(axes)) == len(axes) and set(axes) <= set(IMAGEJ_AXES)
    if wanted == "ome" and unique and axes.endswith(("YX", "YXS")):
        return "ome"
    if wanted != "plain" and ordered and image.dtype.name in IMAGEJ_TYPES and image.nbytes < 2**32:
        return "imagej"
    return "plain"
