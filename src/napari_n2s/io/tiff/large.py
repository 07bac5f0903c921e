"""TIFF files that are read piece by piece, compressed or not, and filled so."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_n2s.io.tiff.guard import flags, listening


class LargeTiff:
    """An image of a TIFF file, of which only what is asked for is read.

    It may be sent to another process, which opens the file for itself.

    Parameters
    ----------
    path : Path
    series, level : int
        Which of its images, at which resolution.
    """

    def __init__(self, path: Path, series: int = 0, level: int = 0) -> None:
        import zarr

        self._path, self._series, self._level = path.resolve(), series, level
        with listening():
            store = tifffile.imread(
                self._path, aszarr=True, series=series, level=level, **flags(self._path)
            )
        finalize(self, store.close)
        self._pages: Any = zarr.open_array(store, mode="r")
        self.shape: tuple[int, ...] = self._pages.shape
        self.dtype, self.ndim = self._pages.dtype, len(self.shape)
        self.chunks: tuple[int, ...] = self._pages.chunks

    def __getitem__(self, index: Any) -> NDArray[np.generic]:
        """Read a part."""
        part: NDArray[np.generic] = self._pages[index]
        return part

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.generic]:
        """Read all of it."""
        whole: NDArray[np.generic] = np.asarray(self._pages[...], dtype)
        return whole

    def __reduce__(self) -> tuple[type[LargeTiff], tuple[Path, int, int]]:
        """Go by the name of the file."""
        return LargeTiff, (self._path, self._series, self._level)


class Filling:
    """An array in a file that is mapped into memory, to be written to and closed."""

    def __init__(self, image: np.memmap[Any, Any]) -> None:
        self._image: np.memmap[Any, Any] | None = image
        self.shape, self.dtype, self.ndim = image.shape, image.dtype, image.ndim

    def __setitem__(self, index: Any, values: NDArray[np.generic]) -> None:
        """Write a part."""
        assert self._image is not None
        self._image[index] = values

    def close(self) -> None:
        """Write what is left and let go of the file: only then can it be moved."""
        assert self._image is not None
        self._image.flush()
        self._image = None
