"""The result of an image that is larger than memory: a picture is denoised when it is looked at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator
from math import prod
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any
from weakref import ref

import dask.array as da
import numpy as np
from napari.utils.notifications import show_error

from napari_n2s.docks.job import Failure, UnexpectedError
from napari_n2s.docks.worker import in_background
from napari_n2s.ideas.axes import layout
from napari_n2s.ideas.errors import N2SError
from napari_n2s.ideas.image import read_box
from napari_n2s.work.load import give_way
from napari_n2s.work.steps import finish

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_n2s.ideas.image import Box
    from napari_n2s.work.model import Model
    from napari_n2s.work.progress import Applying

KEPT = 2**28
"""Bytes of denoised pictures that are kept."""


Corner = tuple[int, ...]


class OnDemand:
    """An array of what a model makes of each picture of an image.

    A window that asks for a picture which nobody has looked at yet is given the noisy one, and
    drawn anew when it has been denoised. Anybody else waits, as for `numpy.asarray`.

    Parameters
    ----------
    model : Model
    image : array_like
    axes : str
        One letter for each axis of it.
    dtype : dtype
    """

    def __init__(self, model: Model, image: Any, axes: str, dtype: Any) -> None:
        self._model, self._image, self._axes, self.dtype = model, image, axes, np.dtype(dtype)
        self.shape, self.ndim, self.size = tuple(image.shape), len(image.shape), prod(image.shape)
        self._kept: OrderedDict[Corner, NDArray[Any]] = OrderedDict()
        self._wanted: Box | None = None
        self._busy = self._failed = False
        self._layer: Callable[[], Image | None] = lambda: None
        self._shown, self._clean = self._in_pictures(self._show), self._in_pictures(self._denoise)

    def keep(self, box: Box, clean: NDArray[Any]) -> None:
        """Keep a picture that has been denoised."""
        self._kept[_corner(box)] = clean
        while len(self._kept) > 1 and sum(each.nbytes for each in self._kept.values()) > KEPT:
            self._kept.popitem(last=False)

    def show_in(self, layer: Image) -> None:
        """Let a layer be drawn anew whenever a picture has been denoised."""
        self._layer = ref(layer)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Give a part, in a window as far as it is denoised."""
        here = current_thread() is main_thread()
        part = (self._shown if here else self._clean)[index]
        return np.asarray(part.compute(scheduler="synchronous"))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Denoise all of it."""
        return np.asarray(self._clean.compute(scheduler="synchronous"), dtype)

    def _in_pictures(self, function: Callable[[Box], NDArray[Any]]) -> da.Array:
        """Make a dask array whose chunks are pictures, each of which a function gives."""
        place = layout(self.shape, self._axes).place(0)
        chunks = [
            (1,) * size if isinstance(at, int) else (size,)
            for at, size in zip(place, self.shape, strict=True)
        ]

        def picture(block_info: Any) -> NDArray[Any]:
            return function(tuple(slice(*each) for each in block_info[None]["array-location"]))

        empty = np.empty((0,) * self.ndim, self.dtype)
        return da.map_blocks(picture, chunks=chunks, dtype=self.dtype, meta=empty)

    def _show(self, box: Box) -> NDArray[Any]:
        if (corner := _corner(box)) in self._kept:
            self._kept.move_to_end(corner)
            return self._kept[corner]
        self._wanted = box
        if not self._busy and not self._failed:
            self._look()
        return read_box(self._image, box).astype(self.dtype)

    def _denoise(self, box: Box) -> NDArray[Any]:
        if (corner := _corner(box)) in self._kept:
            return self._kept[corner]
        work = self._model.applying(self._image, axes=self._axes, dtype=self.dtype, part=box)
        return np.asarray(finish(work))

    def _look(self) -> None:
        """Denoise what was asked for last, in the background."""
        box, self._wanted = self._wanted, None
        if box is None or _corner(box) in self._kept:
            return
        self._busy = True
        worker = _picture_job(self._model, self._image, self._axes, self.dtype, box)
        worker.returned.connect(lambda clean: self._draw(box, clean))
        worker.finished.connect(self._go_on)
        worker.start()

    def _draw(self, box: Box, clean: NDArray[Any] | Failure) -> None:
        if isinstance(clean, Failure):
            self._failed = True
            show_error(clean.sentence)
            return
        self.keep(box, clean)
        if layer := self._layer():
            layer.refresh()

    def _go_on(self) -> None:
        self._busy = False
        self._look()


def _corner(box: Box) -> Corner:
    return tuple(side.start for side in box)


@in_background
def _picture_job(
    model: Model, image: Any, axes: str, dtype: Any, box: Box
) -> Generator[Applying, None, NDArray[Any] | Failure]:
    """Denoise one picture."""
    try:
        give_way()
        clean: NDArray[Any] = yield from model.applying(image, axes=axes, dtype=dtype, part=box)
    except (N2SError, MemoryError) as error:
        return Failure(str(error) or "There is not enough memory; close other programs.")
    except RuntimeError as error:
        raise UnexpectedError(f"Denoising failed: {error}") from error
    return clean
