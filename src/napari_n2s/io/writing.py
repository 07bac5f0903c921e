"""Where a result goes that comes picture by picture: memory, a large TIFF file, or zarr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from napari_n2s.io import files
from napari_n2s.io.paths import beside, claim, is_mrc, is_zarr, require_space
from napari_n2s.io.recording import Recording
from napari_n2s.io.tiff import writing as tiff_writing


@contextmanager
def creating(path: Path, kind: np.dtype[Any], like: Recording) -> Iterator[Any]:
    """Give an array to write a result to that is a file, or a folder of zarr, at the end.

    Parameters
    ----------
    path : Path
        Where that will be; its ending says of what kind.
    kind : dtype
    like : Recording
        Of what shape, axes and pixel size it is.

    Raises
    ------
    FileError
        If it cannot be written, as far as that can be known before the work; no part of it is left
        then.
    """
    shape = like.image.shape
    size = prod(shape) * kind.itemsize
    if is_zarr(path):
        from napari_n2s.io.ome_zarr.writing import ZarrResult

        with beside(path) as part:
            yield ZarrResult(part, like, kind)
        return
    require_space(path, size)
    if is_mrc(path):
        from napari_n2s.io.other import mrc as mrc_files

        mrc_files.check_kind(path, kind, like)
        with mrc_files.map_mrc(path, kind, like) as out:
            yield out
        return
    said = tiff_writing.prepare(path, kind, like)  # what cannot be said must not cost the result
    if size > files.LARGE:
        with tiff_writing.map_tiff(path, kind, like, said) as out:
            yield out
    else:
        with claim(path):
            image = np.empty(shape, kind)
            yield image
            tiff_writing.write(path, image, said)


def losses(path: Path, kind: np.dtype[Any], like: Recording) -> tuple[str, ...]:
    """Say what of all that a file says a result of this name has no place for."""
    return () if is_zarr(path) or is_mrc(path) else tiff_writing.prepare(path, kind, like).notes
