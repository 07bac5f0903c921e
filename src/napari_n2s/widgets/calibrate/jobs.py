"""What the dock of the filters has done in a background thread."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_n2s.calibration.calibrate import calibrating, get_ready
from napari_n2s.calibration.result import Calibration, Tried, filtering, mixing_at
from napari_n2s.core.errors import N2SError
from napari_n2s.core.generators import finish, wrap
from napari_n2s.core.progress import Applying, Preview
from napari_n2s.core.torch_loading import give_way
from napari_n2s.filters.catalogue import Denoiser
from napari_n2s.images.dtypes import result_kind
from napari_n2s.preparation.prepared import Prepared
from napari_n2s.widgets.jobs import Failure, UnexpectedError
from napari_n2s.widgets.worker import in_background

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_n2s.images.sources import Box
    from napari_n2s.widgets.request import Request

SLICES = "Z"
OMIT = "omit"
"""A filter leaves pixels that are NaN as they are."""


class Attempt(NamedTuple):
    """One strength of a filter that was tried."""

    method: str
    tried: Tried


@in_background
def calibrate_job(
    order: Request, ready: Prepared | None, denoisers: Sequence[Denoiser], volume: bool
) -> Generator[Prepared | Attempt | Calibration, None, Failure | None]:
    """Calibrate filters on an image; yields it made ready, what is tried, and what was found."""
    try:
        give_way()
        if ready is None:
            yield (ready := get_ready(order.opened, nan_policy=OMIT, volume=volume))
        for denoiser in denoisers:
            work = calibrating(ready, denoiser)
            found = yield from wrap(work, partial(Attempt, denoiser.name))
            if found.denoiser.blind:
                _ = found.mixing  # found out here, and not when the window asks
            yield found
    except (N2SError, MemoryError) as error:
        return _failure(error)
    except RuntimeError as error:
        raise UnexpectedError(f"Calibrating failed: {error}") from error
    return None


def widen_along(
    box: Box, axes: str, shape: tuple[int, ...], reach: int
) -> tuple[Box, tuple[slice, ...]]:
    """Take in the slices around a box, as far as there are any; and say where it lies in that."""
    if SLICES not in axes or not reach:
        return box, (slice(None),) * len(box)
    axis = axes.index(SLICES)
    side = box[axis]
    low, high = max(0, side.start - reach), min(shape[axis], side.stop + reach)
    inner = [slice(None)] * len(box)
    inner[axis] = slice(side.start - low, side.stop - low)
    return (*box[:axis], slice(low, high), *box[axis + 1 :]), tuple(inner)


@in_background
def glimpse_job(
    order: Request,
    ready: Prepared | None,
    denoiser: Denoiser,
    values: dict[str, Any],
    mix: bool,
    box: Box,
    volume: bool,
) -> tuple[Prepared, Preview] | Failure:
    """Filter the part of an image that is in view."""
    try:
        give_way()
        ready = ready or get_ready(order.opened, nan_policy=OMIT, volume=volume)
        reach = denoiser.reach_of_slices(values)
        read, inner = widen_along(box, order.axes, order.image.shape, reach)
        mixing = mixing_at(ready, denoiser, values) if mix else None
        dtype = order.image.dtype if order.source.rgb else result_kind(order.image)
        part = order.opened.as_volume(volume).part(read)
        work = filtering(part, denoiser.for_preview(), values, ready, mixing, dtype)
        return ready, Preview(box, finish(work)[inner])
    except (N2SError, MemoryError) as error:
        return _failure(error)


@in_background
def filter_job(
    order: Request,
    ready: Prepared | None,
    denoiser: Denoiser,
    values: dict[str, Any],
    mix: bool,
    volume: bool,
) -> Generator[Applying, None, NDArray[Any] | Failure]:
    """Filter what an order says, at the values given."""
    try:
        give_way()
        image = order.opened_target.as_volume(volume)
        inner = None
        if order.part:
            reach = denoiser.reach_of_slices(values)
            read, inner = widen_along(order.part, order.target_axes, image.shape, reach)
            image = image.part(read)
        ready = ready or get_ready(order.opened, nan_policy=OMIT, volume=volume)
        mixing = mixing_at(ready, denoiser, values) if mix else None
        clean = yield from filtering(image, denoiser, values, ready, mixing, order.dtype)
        return clean if inner is None else clean[inner]
    except (N2SError, MemoryError) as error:
        return _failure(error)
    except RuntimeError as error:
        raise UnexpectedError(f"Filtering failed: {error}") from error


def _failure(error: N2SError | MemoryError) -> Failure:
    short = "There is not enough memory; close other programs, or filter a part of the image."
    return Failure(str(error) if isinstance(error, N2SError) else short)
