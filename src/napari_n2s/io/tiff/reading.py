"""Reading TIFF files: which images are in one, and the one that is chosen with all it says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_n2s.core.errors import FileError
from napari_n2s.images.sources import Part
from napari_n2s.io.pixel_size import Sizes
from napari_n2s.io.recording import Content, Recording
from napari_n2s.io.tiff import blocks as tiff_blocks
from napari_n2s.io.tiff import guard as tiff_guard
from napari_n2s.io.tiff import metadata as tiff_metadata
from napari_n2s.io.tiff import pixels as tiff_pixels
from napari_n2s.io.tiff.large import LargeTiff
from napari_n2s.io.tiff.makers import from_maker
from napari_n2s.io.tiff.planes import Planes, find_claim, find_planes, list_series

COMPANIONS = ("thumbnail", "label", "macro", "overview", "map")
"""What slide scanners call the small pictures beside the image."""
PER_UNIT = {"X": "PhysicalSizeX", "Y": "PhysicalSizeY"}


@dataclass(frozen=True)
class _Opened:
    """A file that is open, what is in it, and what is odd about it."""

    path: Path
    tiff: Any
    series: list[Any]
    root: Any
    notes: tuple[str, ...]
    heard: list[str]

    def companions(self) -> list[bool]:
        """Tell which series only accompany another."""
        found = [_accompanies(each, self.series[0]) for each in self.series]
        return [False] * len(found) if all(found) else found


def read_tiff(path: Path, series: int | None, level: int | None, large: int) -> Recording:
    """Read an image of a TIFF file.

    Parameters
    ----------
    path : Path
    series, level : int, optional
        Which of several, and at which of its resolutions.
    large : int
        Bytes beyond which it stays in the file.

    Raises
    ------
    FileError
        If none was chosen of several, or it cannot have been recorded.
    """
    with _opening(path) as opened:
        index = _choose(opened, series)
        return _read(opened, index, level, large)


def list_tiff(path: Path) -> list[Content]:
    """List the images of a TIFF file."""
    with _opening(path) as opened:
        found = []
        for index, companion in enumerate(opened.companions()):
            levels = opened.series[index].levels
            series = levels[0]
            axes, shape = series.axes.replace("I", "Q"), series.shape
            sizes: Sizes = {}
            try:
                recording, planes = _describe(opened, index, series)
            except (FileError, ValueError) as error:
                notes: tuple[str, ...] = (f"It cannot be read: {error}",)
            else:
                axes, sizes, notes = recording.axes, recording.sizes, recording.notes
                shape = planes.shape_there
            shapes = tuple(each.shape for each in levels)
            kind = str(series.dtype)
            found.append(Content(series.name, axes, shape, kind, sizes, shapes, notes, companion))
        return found


@contextmanager
def _opening(path: Path) -> Iterator[_Opened]:
    """Open a file of which every claim is checked first."""
    tiff_guard.require_end(path)
    with tiff_guard.listening() as heard, tifffile.TiffFile(path, **tiff_guard.flags(path)) as tiff:
        notes: list[str] = []
        root = tiff_metadata.ome_root(tiff, notes)
        if root is not None:
            tiff_guard.require_few_planes(path, root)
            if any(each.tag.endswith("}BinaryOnly") for each in root):
                notes.append(
                    "It is a part of an image in several files, and another of them says what its "
                    "axes are; only the pictures in this one are read."
                )
        series = list_series(tiff)
        named = 0 if root is None else sum(each.tag.endswith("}Image") for each in root)
        if named > len(series) and series[0].kind == "ome":
            notes.append(
                f"Its header names {named} images, of which {len(series)} can be read; the others "
                "may lie in files that are not beside it."
            )
        levels = [level for each in series for level in each.levels]
        counted = sum(level.size // max(level.keyframe.size, 1) for level in levels)
        left = len(tiff.pages) - counted
        alone = not any(each.is_multifile for each in series)
        if alone and left > 0 and not heard and not find_claim(tiff, series):
            notes.append(
                f"{left} of its {len(tiff.pages)} pictures belong to none of its images by what "
                "its header says, and are left out."
            )
        yield _Opened(path, tiff, series, root, tuple(notes), heard)


def _choose(opened: _Opened, chosen: int | None) -> int:
    """Give the number of the image to read.

    Raises
    ------
    FileError
        If that is not clear.
    """
    count, apart = len(opened.series), opened.companions()
    if chosen is not None:
        if not 0 <= chosen < count:
            raise FileError(
                f"{opened.path} has no image {chosen}; it holds {count}, counted from 0."
            )
        return chosen
    mains = [index for index, companion in enumerate(apart) if not companion]
    if len(mains) > 1:
        shown = [_shortly(index, opened.series[index]) for index in mains[:4]]
        more = f" and {len(mains) - 4} more" if len(mains) > 4 else ""
        raise FileError(
            f"{opened.path} holds {len(mains)} images ({', '.join(shown)}{more}); choose one with "
            "--series NUMBER."
        )
    return mains[0]


def _shortly(index: int, series: Any) -> str:
    return f"{index}: {series.axes} {' x '.join(map(str, series.shape))}"


def _read(opened: _Opened, index: int, level: int | None, large: int) -> Recording:
    whole = opened.series[index]
    if level is not None and not 0 <= level < len(whole.levels):
        raise FileError(
            f"{opened.path} has no level {level}; its image has {len(whole.levels)}, of which 0 is "
            "the full resolution."
        )
    series = whole.levels[level or 0]
    recording, planes = _describe(opened, index, series)
    box = planes.box
    size = prod(side.stop for side in box) * series.dtype.itemsize
    known = series.shape == planes.shape
    pages = [page for page in planes.pages or [series.keyframe] if page is not None]
    handles = {id(page.parent): page.parent.filehandle for page in pages}
    there = sum(handle.size for handle in handles.values())
    tiff_guard.require_plausible(opened.path, size, there)
    tiff_blocks.require_size(opened.path, pages)
    if size > large and known:
        image: Any = LargeTiff(opened.path, index, level or 0)
        image = Part(image, box) if planes.interrupted else image
        recording = replace(recording, axes=planes.axes.replace("I", "Q"))
    else:
        image = planes.read(series) if planes.interrupted or not known else series.asarray()
        image = np.asarray(image, image.dtype.newbyteorder("="))
        at = recording.axes.find("S")
        if len(image.shape) == len(recording.axes) and at >= 0 and image.shape[at] == 1:
            image = image.squeeze(at)  # a single sample is no colour
            recording = replace(recording, axes=recording.axes.replace("S", ""))
    if len(image.shape) != len(recording.axes) or 0 in image.shape:
        raise ValueError("the image is not of the shape that its header names")
    notes = list(recording.notes)
    if level is None and len(whole.levels) > 1:
        notes.append(
            f"It holds {len(whole.levels)} resolutions, of which the full one is taken; --level "
            "NUMBER chooses another."
        )
    if others := [number for number in range(len(opened.series)) if number != index]:
        shown = ", ".join(_shortly(number, opened.series[number]) for number in others[:3])
        more = " and others" if len(others) > 3 else ""
        notes.append(f"It holds other images too ({shown}{more}), which are left out.")
    recording = replace(recording, image=image, notes=tuple(notes))
    return _scaled(recording, whole, series)


def _describe(opened: _Opened, index: int, series: Any) -> tuple[Recording, Planes]:
    """Gather what a file says of an image, and of which planes it consists."""
    tiff, notes = opened.tiff, list(opened.notes)
    claimed = find_claim(tiff, opened.series)
    planes = find_planes(tiff, series, claimed)
    if planes.beyond and not planes.there:
        raise FileError(
            f"{opened.path} names {planes.count} pictures, of which the first is not there; put "
            "the other files of this image beside it."
        )
    if planes.there == 0:
        raise FileError(
            f"{opened.path} ends before its first picture does; it is damaged or incomplete."
        )
    if planes.interrupted:
        taken = prod(side.stop for side in planes.box[: planes.leading])
        shape = tuple(side.stop for side in planes.box)
        unused = planes.there + planes.beyond - taken
        more = f" and {unused} more that cannot be placed are left out" if unused else ""
        size = " x ".join(map(str, shape))
        first = "first is" if taken == 1 else f"first {taken} are"
        notes.append(
            f"Its header names {planes.count} pictures, of which there are "
            f"{planes.there + planes.beyond}; the {first} taken ({planes.axes} {size}){more}."
        )
    elif opened.heard and not notes:
        pictures = f"{planes.there} picture{'s' * (planes.there != 1)}"
        notes.append(
            f"It is damaged ({opened.heard[0]}); what can be read of it is taken, {pictures}."
        )
    if planes.blank:
        notes.append(f"{planes.blank} blocks of it were never written and are taken for 0.")
    axes, page = planes.axes_there.replace("I", "Q"), series.keyframe
    tags = tiff_pixels.kept_tags(opened.path, page, tiff.is_imagej, notes)
    if series.kind in ("ome", "mmstack") and opened.root is not None:
        about = tiff_metadata.ome(opened.root, index, series.name, len(opened.series), notes)
        return Recording(None, axes, "ome", about, None, tags, tuple(notes)), planes
    resolution = tiff_metadata.resolution(page, notes)
    if tiff.is_imagej and (series.kind in ("imagej", "mmstack") or claimed):
        about = tiff_metadata.imagej(tiff.imagej_metadata or {}, notes)
        if resolution is None:  # or pixels would be one unit wide
            about = {key: value for key, value in about.items() if key not in ("unit", "spacing")}
        return Recording(None, axes, "imagej", about, resolution, tags, tuple(notes)), planes
    if about := from_maker(tiff, series, notes):
        return Recording(None, axes, "ome", about, None, tags, tuple(notes)), planes
    return Recording(None, axes, "plain", {}, resolution, tags, tuple(notes)), planes


def _accompanies(series: Any, first: Any) -> bool:
    """Whether an image is only a small picture of another, or of the slide it lies on."""
    if series is first:
        return False
    small = series.size < first.size
    named = series.name.lower() in COMPANIONS
    return small and (named or bool(series.keyframe.is_reduced) or series.kind == "lsm")


def _scaled(recording: Recording, whole: Any, series: Any) -> Recording:
    """Say how large the pixels are at a lower resolution."""
    if series is whole:
        return recording
    metadata, resolution = dict(recording.metadata), recording.resolution
    at = {axis: whole.axes.index(axis) for axis in "XY"}
    ratios = {axis: whole.shape[at[axis]] / series.shape[at[axis]] for axis in "XY"}
    for axis, key in PER_UNIT.items():
        if key in metadata:
            metadata[key] *= ratios[axis]
    if resolution:
        x, y = (tiff_metadata.number(each) or 1.0 for each in resolution[0])
        resolution = (x / ratios["X"], y / ratios["Y"]), resolution[1]
    return replace(recording, metadata=metadata, resolution=resolution)
