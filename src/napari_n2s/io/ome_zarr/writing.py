"""Writing OME-Zarr in parts: 0.5, or 0.4 if the source is in zarr format 2."""

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
from napari_n2s.io.file_image import FileImage
from napari_n2s.io.pixel_size import UDUNITS_NAMES
from napari_n2s.preparation.streaming import CHUNK

IMAGE = "0"
"""Path of the array in the group."""
AXIS_ORDER, OTHER_AXIS = {"T": 0, "Z": 2, "Y": 3, "X": 4}, 1
"""Position of each axis in OME-Zarr: one that is neither time nor space comes after T."""
AXIS_TYPES = {"T": "time", "C": "channel", "S": "channel", **dict.fromkeys("ZYX", "space")}


class ZarrOutput:
    """An OME-Zarr image to write to, indexed in the order of the source's axes.

    It can be pickled and sent to another process with access to the same folder.

    Parameters
    ----------
    path : Path
        Of the group; an existing one is opened again.
    source : FileImage
        Determines the shape, axes, scale and units.
    dtype : dtype

    Raises
    ------
    FileError
        If OME-Zarr cannot hold these axes.
    ValueError
        If the existing group is not the one that would be created.
    """

    def __init__(self, path: Path, source: FileImage, dtype: np.dtype[Any]) -> None:
        self._order = ome_zarr_order(source)
        self._folder = path.resolve() / IMAGE
        # Chunks of zeros must be written as well, to distinguish them from missing ones.
        with zarr.config.set({"array.write_empty_chunks": True}):
            if path.exists():
                self._array: Any = _open(path, source, dtype, self._order)
            else:
                self._array = _create(str(path.resolve()), source, dtype, self._order)
        back = np.argsort(self._order)
        self.shape = tuple(self._array.shape[i] for i in back)
        self.chunks = tuple(self._array.chunks[i] for i in back)
        self.dtype, self.ndim = self._array.dtype, len(self.shape)

    def __setitem__(self, index: tuple[int | slice, ...], values: NDArray[np.generic]) -> None:
        """Write a part."""
        sides = [axis for axis in range(self.ndim) if isinstance(index[axis], slice)]
        order = [sides.index(axis) for axis in self._order if axis in sides]
        self._array[tuple(index[axis] for axis in self._order)] = values.transpose(order)

    def is_written(self, box: Box) -> bool:
        """Whether all chunks of a part have been written and can be read."""
        spans = [
            range(box[axis].start // self.chunks[axis], -(-box[axis].stop // self.chunks[axis]))
            for axis in self._order
        ]
        keys = map(self._array.metadata.encode_chunk_key, product(*spans))
        if not all(_is_nonempty(self._folder / key) for key in keys):
            return False
        try:
            self._array[tuple(box[axis] for axis in self._order)]
        except Exception:  # of any type: a power cut may leave anything
            return False
        return True

    def remove_partial_chunks(self) -> None:
        """Remove temporary files of chunks that a killed process has left."""
        for each in self._folder.rglob("*.partial"):
            each.unlink(missing_ok=True)


def _is_nonempty(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def ome_zarr_order(source: FileImage) -> tuple[int, ...]:
    """Return the indices of an image's axes in the order of OME-Zarr.

    Raises
    ------
    FileError
        If OME-Zarr cannot hold them.
    """
    positions = [AXIS_ORDER.get(letter, OTHER_AXIS) for letter in source.axes]
    if len(set(positions)) < len(positions):
        raise FileError(
            f"OME-Zarr cannot hold the axes {source.axes}, only T, C, Z, Y and X, or another one "
            "instead of C; rename them, or write a TIFF."
        )
    return tuple(int(each) for each in np.argsort(positions))


def _create(store: Any, source: FileImage, dtype: np.dtype[Any], order: tuple[int, ...]) -> Any:
    """Create the group, its metadata, and the array in it, in a store or folder."""
    zarr_format, attributes, shape, chunks, native, options = _plan(source, dtype, order)
    group = zarr.create_group(store, zarr_format=zarr_format, attributes=attributes)
    return group.create_array(IMAGE, shape=shape, chunks=chunks, dtype=native, **options)


def _plan(source: FileImage, dtype: np.dtype[Any], order: tuple[int, ...]) -> tuple[Any, ...]:
    """Return zarr format, attributes, and the array's shape, chunks, dtype and other options.

    Each compressed chunk has a checksum, so that a damaged one does not count as written.
    """
    metadata = source.metadata if source.file_format == "zarr" else {}
    zarr_format = metadata.get("format", 3)
    axes, scale, translation = _describe_axes(source, order)
    steps = [{"type": "scale", "scale": scale}]
    if any(translation):
        steps.append({"type": "translation", "translation": translation})
    image = {"axes": axes, "datasets": [{"path": IMAGE, "coordinateTransformations": steps}]}
    display = {"omero": metadata["omero"]} if "omero" in metadata else {}
    if zarr_format == 2:
        attributes = {"multiscales": [{"version": "0.4", **image}], **display}
        options: dict[str, Any] = {
            "chunk_key_encoding": {"name": "v2", "separator": "/"},
            "compressors": Zstd(level=0, checksum=True),
        }
    else:
        attributes = {"ome": {"version": "0.5", "multiscales": [image], **display}}
        options = {
            "dimension_names": [axis["name"] for axis in axes],
            "compressors": ZstdCodec(level=0, checksum=True),
        }
    letters = [source.axes[i] for i in order]
    shape = tuple(source.image.shape[i] for i in order)
    longest = {**dict.fromkeys(SPACE, CHUNK), "S": CHUNK}
    chunks = tuple(min(longest.get(a, 1), size) for a, size in zip(letters, shape, strict=True))
    native: np.dtype[Any] = np.dtype(dtype).newbyteorder("=")
    return zarr_format, json.loads(json.dumps(attributes)), shape, chunks, native, options


def _open(path: Path, source: FileImage, dtype: np.dtype[Any], order: tuple[int, ...]) -> Any:
    """Open what `_create` has created.

    Raises
    ------
    ValueError
        If its metadata differs.
    """
    zarr_format, attributes, *_ = _plan(source, dtype, order)
    expected = _create(MemoryStore(), source, dtype, order)
    try:
        group = zarr.open_group(str(path.resolve()), mode="r+")
        array: Any = group[IMAGE]
        same = (group.metadata.zarr_format, dict(group.attrs)) == (zarr_format, attributes)
        same = same and array.metadata == expected.metadata
    except Exception as error:  # of any type, as a folder may hold anything
        raise ValueError("the group cannot be opened") from error
    if not same:
        raise ValueError("the group is another one")
    return array


def _describe_axes(
    source: FileImage, order: tuple[int, ...]
) -> tuple[list[dict[str, str]], list[float], list[float]]:
    """Return axes, scale and translation for the metadata, in the order of OME-Zarr."""
    metadata = source.metadata if source.file_format == "zarr" else {}
    same = "".join(each["name"][0].upper() for each in metadata.get("axes", [])) == source.axes
    ones, zeros = [1.0] * len(source.axes), [0.0] * len(source.axes)
    scale, translation = metadata.get("scale", ones), metadata.get("translation", zeros)
    axes = metadata["axes"] if same and "axes" in metadata else []
    if not axes:
        for number, letter in enumerate(source.axes):
            axis = {"name": letter.lower()}
            if letter in AXIS_TYPES:
                axis["type"] = AXIS_TYPES[letter]
            step, unit = source.pixel_sizes.get(letter, (None, ""))
            if step is not None:
                axis["unit"] = UDUNITS_NAMES.get(unit, unit)
                scale = [*scale[:number], step, *scale[number + 1 :]]
            axes.append(axis)
    return [axes[i] for i in order], [scale[i] for i in order], [translation[i] for i in order]
