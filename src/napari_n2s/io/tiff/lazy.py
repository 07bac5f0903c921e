"""TIFF images that are read in parts, compressed or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_n2s.io.tiff.validation import collect_errors, open_options


class LazyTiff:
    """An image of a TIFF file as a lazy array; only what is indexed is read.

    It can be pickled; another process opens the file again.

    Parameters
    ----------
    path : Path
    series, level : int
        Index of the image in the file and of its resolution level.
    """

    def __init__(self, path: Path, series: int = 0, level: int = 0) -> None:
        import zarr

        self._path, self._series, self._level = path.resolve(), series, level
        with collect_errors():
            store = tifffile.imread(
                self._path, aszarr=True, series=series, level=level, **open_options(self._path)
            )
        finalize(self, store.close)
        self._array: Any = zarr.open_array(store, mode="r")
        self.shape: tuple[int, ...] = self._array.shape
        self.dtype, self.ndim = self._array.dtype, len(self.shape)
        self.chunks: tuple[int, ...] = self._array.chunks

    def __getitem__(self, index: Any) -> NDArray[np.generic]:
        """Read a part."""
        part: NDArray[np.generic] = self._array[index]
        return part

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.generic]:
        """Read the whole image."""
        whole: NDArray[np.generic] = np.asarray(self._array[...], dtype)
        return whole

    def __reduce__(self) -> tuple[type[LazyTiff], tuple[Path, int, int]]:
        """Pickle the path and indices, not the open file."""
        return LazyTiff, (self._path, self._series, self._level)
