"""The result of an image that is larger than memory: a picture is denoised when it is looked at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, current_thread, main_thread
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import numpy as np
from napari.utils.notifications import show_error

from napari_n2s.core.errors import N2SError
from napari_n2s.core.generators import finish
from napari_n2s.core.torch_loading import give_way
from napari_n2s.images import image as images
from napari_n2s.widgets.jobs import Failure, UnexpectedError
from napari_n2s.widgets.worker import in_background

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_n2s.core.progress import Applying
    from napari_n2s.images.sources import Box
    from napari_n2s.inference.model import Model
    from napari_n2s.widgets.request import Request

    Index = tuple[Any, ...]

KEPT = 2**28
"""Bytes of denoised pictures that are kept."""


class OnDemand:
    """An array of what a model makes of each picture of an image.

    The window, which must not wait, is given a picture that nobody has looked at yet as it is,
    noisy, and drawn anew when it has been denoised; of several pictures at once, as of a volume,
    all stay noisy. Anybody else waits: other threads, `numpy.asarray`, and `denoised`.

    Parameters
    ----------
    model : Model
    image : Image
    dtype : dtype
    elsewhere : bool
        Whether the model has learnt from something else than all of the image.
    """

    def __init__(
        self, model: Model, image: images.Image, dtype: Any, *, elsewhere: bool = False
    ) -> None:
        self._elsewhere = elsewhere
        self._model, self._image, self.dtype = model, image, np.dtype(dtype)
        self.shape, self.ndim, self.size = image.shape, len(image.shape), image.size
        self._counted = [isinstance(at, int) for at in image.as_volume(False).layout.place(0)]
        self._kept: OrderedDict[Index, NDArray[Any]] = OrderedDict()
        self._failed: set[Index] = set()
        self._wanted: Index | None = None
        self._layers: WeakSet[Image] = WeakSet()
        self._one_at_a_time = Lock()
        self.busy = False

    def keep(self, box: Box, clean: NDArray[Any]) -> None:
        """Keep a picture that has been denoised, and let go of those looked at longest ago."""
        self._kept[self._number(box)] = clean
        while len(self._kept) > 1 and len(self._kept) * clean.nbytes > KEPT:
            self._kept.popitem(last=False)

    def show_in(self, layer: Image) -> None:
        """Let a layer be drawn anew whenever a picture has been denoised."""
        self._layers.add(layer)

    def suited(self) -> Model:
        """Give the model, adapted to the image's intensities; not for the window's own thread."""
        if self._elsewhere:
            from napari_n2s.inference.transfer import look

            self._model, _ = look(self._model, self._image)
            self._elsewhere = False
        return self._model

    def denoised(self, box: Box) -> NDArray[Any]:
        """Denoise a part, one slice for each axis, and leave no threads with whoever wants it."""
        from napari_n2s.core.device import choose_device
        from napari_n2s.inference.tile_size import applying

        wanted = self._model.settings
        device = choose_device(wanted.device, volume=wanted.volume)
        with self._one_at_a_time, ThreadPoolExecutor(1) as own:
            model = own.submit(self.suited).result()
            work = applying(model, device, self._image, self.dtype, part=box)
            return np.asarray(own.submit(finish, work).result())

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Give a part; in the window as far as it is there."""
        box, inner = _cover(index, self.shape)
        if current_thread() is not main_thread():
            return self.denoised(box)[inner]
        counted = [side for side, each in zip(box, self._counted, strict=True) if each]
        if any(side.stop - side.start != 1 for side in counted):
            return self._image.read(box).astype(self.dtype)[inner]
        number = self._number(box)
        if number in self._kept:
            self._kept.move_to_end(number)
            whole = (slice(None) if each else s for s, each in zip(box, self._counted, strict=True))
            return self._kept[number][tuple(whole)][inner]
        self._wanted = number
        if not self.busy:
            self._look()
        return self._image.read(box).astype(self.dtype)[inner]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Denoise all of it."""
        return self.denoised(tuple(slice(0, size) for size in self.shape)).astype(
            dtype or self.dtype
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> OnDemand:
        """Share what is there with a copy of the layer."""
        return self

    def _number(self, box: Box) -> Index:
        """Tell which picture a box is of."""
        return tuple(s.start if each else 0 for s, each in zip(box, self._counted, strict=True))

    def _look(self) -> None:
        """Denoise what was asked for last, in the background."""
        number, self._wanted = self._wanted, None
        if number is None or number in self._kept or number in self._failed:
            return
        self.busy = True
        sides = zip(number, self.shape, self._counted, strict=True)
        box = tuple(slice(at, at + 1) if each else slice(0, size) for at, size, each in sides)
        worker = _picture_job(self.suited, self._image, self.dtype, box)
        worker.returned.connect(lambda clean: self._draw(box, clean))
        worker.finished.connect(self._go_on)
        worker.start()

    def _draw(self, box: Box, clean: NDArray[Any] | Failure) -> None:
        if isinstance(clean, Failure):
            self._failed.add(self._number(box))
            show_error(clean.sentence)
            return
        self.keep(box, clean)
        for layer in self._layers:
            layer.refresh()

    def _go_on(self) -> None:
        self.busy = False
        self._look()


def begin_on_demand(model: Model, order: Request, picture: NDArray[Any]) -> OnDemand:
    """Let what was learnt denoise whatever is looked at, beginning with what is in view."""
    assert order.part is not None
    elsewhere = order.region is not None or order.target is not None
    image = order.opened_target.as_volume(model.settings.volume)
    lazy = OnDemand(model, image, order.dtype, elsewhere=elsewhere)
    lazy.keep(order.part, picture)
    return lazy


def _cover(index: Any, shape: tuple[int, ...]) -> tuple[Box, Index]:
    """Find the box that holds what an index asks for, and where in that it lies."""
    index = index if isinstance(index, tuple) else (index,)
    if any(each is Ellipsis for each in index):
        at = [each is Ellipsis for each in index].index(True)
        index = (*index[:at], *[slice(None)] * (len(shape) - len(index) + 1), *index[at + 1 :])
    index = (*index, *[slice(None)] * (len(shape) - len(index)))
    box: list[slice] = []
    inner: list[int | slice] = []
    for each, size in zip(index, shape, strict=True):
        sides = each if isinstance(each, slice) else slice(at := range(size)[each], at + 1)
        places = range(size)[sides]
        box.append(slice(min(places, default=0), max(places, default=-1) + 1))
        inner.append(slice(None, None, places.step) if isinstance(each, slice) else 0)
    return tuple(box), tuple(inner)


@in_background
def _picture_job(
    suited: Callable[[], Model], image: images.Image, dtype: Any, box: Box
) -> Generator[Applying, None, NDArray[Any] | Failure]:
    """Denoise one picture."""
    try:
        give_way()
        from napari_n2s.core.device import choose_device, memory_in_words
        from napari_n2s.inference.tile_size import applying

        model = suited()
        device = choose_device(model.settings.device, volume=model.settings.volume)
        with memory_in_words():
            clean: NDArray[Any] = yield from applying(model, device, image, dtype, part=box)
    except N2SError as error:
        return Failure(str(error))
    except RuntimeError as error:
        raise UnexpectedError(f"Denoising failed: {error}") from error
    return clean
