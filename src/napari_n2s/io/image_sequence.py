"""An image sequence: a folder of single slices, or frames, read as one stack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import FileError
from napari_n2s.io.file_image import FileImage

Reader = Callable[[Path], FileImage]


class ImageSequence:
    """Files of one shape and dtype as one lazy array; each is read when it is indexed.

    Parameters
    ----------
    paths : sequence of Path
        In the order of the stack.
    read : callable
        Reads a file.
    shape : tuple of int
        Shape of each image.
    dtype : dtype
    """

    def __init__(
        self, paths: Sequence[Path], read: Reader, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self._paths, self._read = list(paths), read
        self.shape, self.dtype = (len(self._paths), *shape), dtype
        self.ndim = len(self.shape)
        self.chunks = (1, *shape)

    def __getitem__(self, index: tuple[int | slice, ...]) -> NDArray[np.generic]:
        """Read a part.

        Raises
        ------
        FileError
            If a file cannot be read, or differs from the first in shape or dtype.
        """
        first, rest = index[0], tuple(index[1:])
        if not isinstance(first, slice):
            return self._read_slice(self._paths[first])[rest]
        return np.stack([self._read_slice(path)[rest] for path in self._paths[first]])

    def _read_slice(self, path: Path) -> NDArray[np.generic]:
        image = self._read(path).image
        if tuple(image.shape) != self.shape[1:] or image.dtype != self.dtype:
            expected = " x ".join(map(str, self.shape[1:]))
            found = " x ".join(map(str, image.shape))
            raise FileError(
                f"{path} has {found} pixels ({image.dtype}), but the first slice has {expected} "
                f"({self.dtype}); a stack needs slices of one size and type."
            )
        return np.asarray(image[...])


def read_image_sequence(
    paths: Sequence[Path], read: Reader, axes: str | None, large: int
) -> FileImage:
    """Read single slices as one stack, along Z unless `axes` says otherwise.

    Parameters
    ----------
    paths : sequence of Path
        In the order of the stack.
    read : callable
        Reads a file.
    axes : str, optional
        One letter for each axis of the stack, as "TYX"; the first is the one along which the files
        are stacked.
    large : int
        Size in bytes above which the stack is not loaded into memory.

    Raises
    ------
    FileError
        If the files do not form a stack.
    """
    if len(paths) < 2:
        raise FileError("A stack needs two slices or more; name a folder that holds them.")
    first = read(paths[0])
    letters = axes.upper() if axes else _stack_axis(paths[0], first.axes) + first.axes
    if len(letters) != len(first.axes) + 1:
        raise FileError(
            f"The axes {letters} do not fit a stack of slices with the axes {first.axes}; the "
            "stack's own letter comes first, as in TYX."
        )
    shape, dtype = tuple(first.image.shape), np.dtype(first.image.dtype)
    image: Any = ImageSequence(paths, read, shape, dtype)
    if prod(image.shape) * dtype.itemsize <= large:
        image = image[(slice(None),) * image.ndim]
    return replace(first, image=image, axes=letters)


def _stack_axis(path: Path, axes: str) -> str:
    for letter in "ZT":
        if letter not in axes:
            return letter
    raise FileError(f"{path} has the axes {axes}; a stack is made of single slices or frames.")
