"""Writing OME-Zarr (0.5, or 0.4 where the source is in zarr's second format) as it comes."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numcodecs import Zstd
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec
from zarr.storage import MemoryStore

from napari_n2s.core.errors import FileError
from napari_n2s.images.axes import SPACE
from napari_n2s.images.sources import Box
from napari_n2s.io.pixel_size import LONG_NAMES
from napari_n2s.io.recording import Recording
from napari_n2s.preparation.streaming import CHUNK

IMAGE = "0"
"""Name of the array in the group."""
ORDER, OTHER = {"T": 0, "Z": 2, "Y": 3, "X": 4}, 1
"""Where the axes stand in OME-Zarr; one that is neither time nor space stands between."""
TYPES = {"T": "time", "C": "channel", "S": "channel", **dict.fromkeys("ZYX", "space")}


class ZarrResult:
    """An image of OME-Zarr to be written to, by an index in the order of the image's own axes.

    It may be sent to another process that sees the same folder.

    Parameters
    ----------
    path : Path
        The group.
    like : Recording
        What axes, scale and units it has.
    kind : dtype

    Raises
    ------
    FileError
        If OME-Zarr has no place for these axes.
    ValueError
        If something else is there already.
    """

    def __init__(self, path: Path, like: Recording, kind: np.dtype[Any]) -> None:
        self._order = require_order(like)
        self._folder = path.resolve() / IMAGE
        # Chunks that are zero all over must be there as well, to be known as written.
        with zarr.config.set({"array.write_empty_chunks": True}):
            if path.exists():
                self._array: Any = _open(path, like, kind, self._order)
            else:
                self._array = _create(path, like, kind, self._order)
        back = np.argsort(self._order)
        self.shape = tuple(self._array.shape[i] for i in back)
        self.chunks = tuple(self._array.chunks[i] for i in back)
        self.dtype, self.ndim = self._array.dtype, len(self.shape)

    def __setitem__(self, index: tuple[int | slice, ...], values: NDArray[np.generic]) -> None:
        """Write a part."""
        sides = [axis for axis in range(self.ndim) if isinstance(index[axis], slice)]
        order = [sides.index(axis) for axis in self._order if axis in sides]
        self._array[tuple(index[axis] for axis in self._order)] = values.transpose(order)

    def holds(self, box: Box) -> bool:
        """Whether a part has been written, to the last of its chunks, and can be read."""
        spans = [
            range(box[axis].start // self.chunks[axis], -(-box[axis].stop // self.chunks[axis]))
            for axis in self._order
        ]
        keys = map(self._array.metadata.encode_chunk_key, product(*spans))
        if not all(_is_filled(self._folder / key) for key in keys):
            return False
        try:
            self._array[tuple(box[axis] for axis in self._order)]
        except Exception:  # of every type: a power cut may leave anything
            return False
        return True

    def tidy(self) -> None:
        """Remove what a process that was killed has left of a chunk."""
        for each in self._folder.rglob("*.partial"):
            each.unlink(missing_ok=True)


def _is_filled(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def require_order(like: Recording) -> tuple[int, ...]:
    """Give the order of an image's axes in OME-Zarr.

    Raises
    ------
    FileError
        If it has no place for them.
    """
    places = [ORDER.get(letter, OTHER) for letter in like.axes]
    if len(set(places)) < len(places):
        raise FileError(
            f"OME-Zarr has no place for the axes {like.axes}, but for T, C, Z, Y and X, or another "
            "in place of C; name them otherwise, or write a TIFF."
        )
    return tuple(int(each) for each in np.argsort(places))


def _create(path: Path, like: Recording, kind: np.dtype[Any], order: tuple[int, ...]) -> Any:
    """Make the group, with what it says of the image, and the array in it."""
    return _create_in(str(path.resolve()), like, kind, order)


def _create_in(store: Any, like: Recording, kind: np.dtype[Any], order: tuple[int, ...]) -> Any:
    form, attributes, shape, chunks, native, more = _plan(like, kind, order)
    group = zarr.create_group(store, zarr_format=form, attributes=attributes)
    return group.create_array(IMAGE, shape=shape, chunks=chunks, dtype=native, **more)


def _plan(like: Recording, kind: np.dtype[Any], order: tuple[int, ...]) -> tuple[Any, ...]:
    """Settle the format, the attributes, and the array's shape, chunks, type and more.

    Each compressed chunk carries a checksum, so that a damaged one is not taken for finished.
    """
    said = like.metadata if like.flavour == "zarr" else {}
    form = said.get("format", 3)
    axes, scale, translation = _describe(like, order)
    steps = [{"type": "scale", "scale": scale}]
    if any(translation):
        steps.append({"type": "translation", "translation": translation})
    image = {"axes": axes, "datasets": [{"path": IMAGE, "coordinateTransformations": steps}]}
    about = {"omero": said["omero"]} if "omero" in said else {}
    if form == 2:
        attributes = {"multiscales": [{"version": "0.4", **image}], **about}
        more: dict[str, Any] = {
            "chunk_key_encoding": {"name": "v2", "separator": "/"},
            "compressors": Zstd(level=0, checksum=True),
        }
    else:
        attributes = {"ome": {"version": "0.5", "multiscales": [image], **about}}
        more = {
            "dimension_names": [axis["name"] for axis in axes],
            "compressors": ZstdCodec(level=0, checksum=True),
        }
    letters = [like.axes[i] for i in order]
    shape = tuple(like.image.shape[i] for i in order)
    most = {**dict.fromkeys(SPACE, CHUNK), "S": CHUNK}
    chunks = tuple(min(most.get(a, 1), size) for a, size in zip(letters, shape, strict=True))
    native: np.dtype[Any] = np.dtype(kind).newbyteorder("=")
    return form, json.loads(json.dumps(attributes)), shape, chunks, native, more


def _open(path: Path, like: Recording, kind: np.dtype[Any], order: tuple[int, ...]) -> Any:
    """Open what `_create` has made.

    Raises
    ------
    ValueError
        If it is not as it was made.
    """
    form, attributes, *_ = _plan(like, kind, order)
    as_made = _create_in(MemoryStore(), like, kind, order)
    try:
        group = zarr.open_group(str(path.resolve()), mode="r+")
        array: Any = group[IMAGE]
        same = (group.metadata.zarr_format, dict(group.attrs)) == (form, attributes)
        same = same and array.metadata == as_made.metadata
    except Exception as error:  # of every type, as anything may lie in a folder
        raise ValueError("what is there cannot be opened") from error
    if not same:
        raise ValueError("something else is there")
    return array


def _describe(
    like: Recording, order: tuple[int, ...]
) -> tuple[list[dict[str, str]], list[float], list[float]]:
    """Say in order what the axes are, how far apart the pixels along them, and where they begin."""
    said = like.metadata if like.flavour == "zarr" else {}
    named = "".join(axis["name"][0].upper() for axis in said.get("axes", [])) == like.axes
    ones, zeros = [1.0] * len(like.axes), [0.0] * len(like.axes)
    scale, translation = said.get("scale", ones), said.get("translation", zeros)
    axes = said["axes"] if named and "axes" in said else []
    if not axes:
        for number, letter in enumerate(like.axes):
            axis = {"name": letter.lower()}
            if letter in TYPES:
                axis["type"] = TYPES[letter]
            step, unit = like.sizes.get(letter, (None, ""))
            if step is not None:
                axis["unit"] = LONG_NAMES.get(unit, unit)
                scale = [*scale[:number], step, *scale[number + 1 :]]
            axes.append(axis)
    return [axes[i] for i in order], [scale[i] for i in order], [translation[i] for i in order]
