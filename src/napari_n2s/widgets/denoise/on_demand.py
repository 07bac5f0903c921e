"""Result for an image larger than memory: each slice is denoised when it is first looked at."""

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
    from napari_n2s.training.progress import Progress
    from napari_n2s.widgets.request import Request

    Index = tuple[Any, ...]

CACHE_BYTES = 2**28
"""Size of the cache of denoised slices, in bytes."""


class OnDemand:
    """A lazy array of the denoised slices or frames of an image.

    Indexing in the thread of the window, which must not wait, returns a slice that is not in the
    cache as it is, noisy, and starts to denoise it in the background; the layers are refreshed
    when it is done. Several slices at once, as of a volume, stay noisy. In other threads,
    `numpy.asarray` and `denoised` wait for the denoised values.

    Parameters
    ----------
    model : Model
    image : Image
    dtype : dtype
    elsewhere : bool
        Whether the model was trained on something else than the whole image.
    """

    def __init__(
        self, model: Model, image: images.Image, dtype: Any, *, elsewhere: bool = False
    ) -> None:
        self._elsewhere = elsewhere
        self._model, self._image, self.dtype = model, image, np.dtype(dtype)
        self.shape, self.ndim, self.size = image.shape, len(image.shape), image.size
        self._is_stacked = [isinstance(at, int) for at in image.as_volume(False).layout.place(0)]
        self._cache: OrderedDict[Index, NDArray[Any]] = OrderedDict()
        self._next: Index | None = None
        self._last_failure: tuple[Index, str] | None = None
        self._layers: WeakSet[Image] = WeakSet()
        self._lock = Lock()
        self.busy = False

    def store(self, box: Box, clean: NDArray[Any]) -> None:
        """Add a denoised slice to the cache, and drop those least recently looked at."""
        self._cache[self._number(box)] = clean
        while len(self._cache) > 1 and len(self._cache) * clean.nbytes > CACHE_BYTES:
            self._cache.popitem(last=False)

    def show_in(self, layer: Image) -> None:
        """Refresh a layer whenever a slice has been denoised."""
        self._layers.add(layer)

    def adapted_model(self) -> Model:
        """Return the model, adapted to the image's intensities; not for the window's thread."""
        if self._elsewhere:
            from napari_n2s.inference.transfer import fit_to

            self._model, _ = fit_to(self._model, self._image)
            self._elsewhere = False
        return self._model

    def denoised(self, box: Box) -> NDArray[Any]:
        """Denoise a part, one slice for each axis, in a thread that ends with it."""
        from napari_n2s.core.device import choose_device
        from napari_n2s.inference.tile_size import applying

        settings = self._model.settings
        device = choose_device(settings.device, volume=settings.volume)
        with self._lock, ThreadPoolExecutor(1) as thread:
            model = thread.submit(self.adapted_model).result()
            work = applying(model, device, self._image, self.dtype, part=box)
            return np.asarray(thread.submit(finish, work).result())

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Return a part; in the window's thread noisy if it is not in the cache."""
        box, inner = _cover(index, self.shape)
        if current_thread() is not main_thread():
            return self.denoised(box)[inner]
        stacked = [side for side, each in zip(box, self._is_stacked, strict=True) if each]
        if any(side.stop - side.start != 1 for side in stacked):
            return self._image.read(box).astype(self.dtype)[inner]
        number = self._number(box)
        if number in self._cache:
            self._cache.move_to_end(number)
            whole = (
                slice(None) if each else s for s, each in zip(box, self._is_stacked, strict=True)
            )
            return self._cache[number][tuple(whole)][inner]
        self._next = number
        if not self.busy:
            self._denoise_next()
        return self._image.read(box).astype(self.dtype)[inner]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Denoise the whole image."""
        return self.denoised(tuple(slice(0, size) for size in self.shape)).astype(
            dtype or self.dtype
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> OnDemand:
        """Share the array with a copy of the layer."""
        return self

    def _number(self, box: Box) -> Index:
        """Return the index of the slice that a box is in, 0 along the axes of a slice."""
        return tuple(s.start if each else 0 for s, each in zip(box, self._is_stacked, strict=True))

    def _denoise_next(self) -> None:
        """Denoise the slice that was looked at last, in the background."""
        number, self._next = self._next, None
        if number is None or number in self._cache:
            return
        self.busy = True
        sides = zip(number, self.shape, self._is_stacked, strict=True)
        box = tuple(slice(at, at + 1) if each else slice(0, size) for at, size, each in sides)
        worker = _slice_job(self.adapted_model, self._image, self.dtype, box)
        worker.returned.connect(lambda clean: self._draw(box, clean))
        worker.finished.connect(self._continue)
        worker.start()

    def _draw(self, box: Box, clean: NDArray[Any] | Failure) -> None:
        if isinstance(clean, Failure):
            failure = self._number(box), clean.sentence
            if failure != self._last_failure:  # a slice is tried again at each look
                show_error(clean.sentence)
            self._last_failure = failure
            if self._next == failure[0]:  # looked at while it was being denoised
                self._next = None
            return
        self.store(box, clean)
        for layer in self._layers:
            layer.refresh()

    def _continue(self) -> None:
        self.busy = False
        self._denoise_next()


def begin_on_demand(progress: Progress, request: Request, clean: NDArray[Any]) -> OnDemand:
    """Make an array that denoises on demand, beginning with the slice already denoised."""
    from napari_n2s.pipeline.safeguard import safest

    assert request.part is not None
    model = safest(progress).model
    elsewhere = request.region is not None or request.target is not None
    image = request.opened_target.as_volume(model.settings.volume)
    lazy = OnDemand(model, image, request.dtype, elsewhere=elsewhere)
    lazy.store(request.part, clean)
    return lazy


def _cover(index: Any, shape: tuple[int, ...]) -> tuple[Box, Index]:
    """Split an index into the smallest box that contains it, and an index into that box."""
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
def _slice_job(
    adapted_model: Callable[[], Model], image: images.Image, dtype: Any, box: Box
) -> Generator[Applying, None, NDArray[Any] | Failure]:
    """Denoise one slice in the background."""
    try:
        give_way()
        from napari_n2s.core.device import choose_device, memory_in_words
        from napari_n2s.inference.tile_size import applying

        model = adapted_model()
        device = choose_device(model.settings.device, volume=model.settings.volume)
        with memory_in_words():
            clean: NDArray[Any] = yield from applying(model, device, image, dtype, part=box)
    except N2SError as error:
        return Failure(str(error))
    except RuntimeError as error:
        raise UnexpectedError(f"Denoising failed: {error}") from error
    return clean
