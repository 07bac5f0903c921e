"""The background jobs of the dock of filters: calibrate, preview and apply."""

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
from napari_n2s.preparation.prepared import PreparedImage
from napari_n2s.widgets.jobs import Failure, UnexpectedError
from napari_n2s.widgets.worker import in_background

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_n2s.images.sources import Box
    from napari_n2s.widgets.request import Request

SLICES = "Z"
OMIT = "omit"
"""Policy for NaN and infinite pixels: a filter leaves them as they are."""


class Attempt(NamedTuple):
    """One strength of a filter and its result."""

    method: str
    tried: Tried


@in_background
def calibrate_job(
    request: Request, prepared: PreparedImage | None, denoisers: Sequence[Denoiser], volume: bool
) -> Generator[PreparedImage | Attempt | Calibration, None, Failure | None]:
    """Calibrate filters on an image.

    Yields
    ------
    Prepared or Attempt or Calibration
        The prepared image, unless it was given, then each strength tried, and each filter's result.

    Returns
    -------
    Failure or None
    """
    try:
        give_way()
        if prepared is None:
            yield (prepared := get_ready(request.opened, nan_policy=OMIT, volume=volume))
        for denoiser in denoisers:
            work = calibrating(prepared, denoiser)
            found = yield from wrap(work, partial(Attempt, denoiser.name))
            if found.denoiser.blind:
                _ = found.mixing  # a cached property, computed here and not in the window's thread
            _ = found.weakest  # likewise
            yield found
    except (N2SError, MemoryError) as error:
        return _failure(error)
    except RuntimeError as error:
        raise UnexpectedError(f"Calibrating failed: {error}") from error
    return None


def widen_along_z(
    box: Box, axes: str, shape: tuple[int, ...], reach: int
) -> tuple[Box, tuple[slice, ...]]:
    """Extend a box along Z by a number of slices, within the image; return also its place in it.

    Returns
    -------
    tuple of Box
        The extended box, and the index of the first box within it.
    """
    if SLICES not in axes or not reach:
        return box, (slice(None),) * len(box)
    axis = axes.index(SLICES)
    side = box[axis]
    low, high = max(0, side.start - reach), min(shape[axis], side.stop + reach)
    inner = [slice(None)] * len(box)
    inner[axis] = slice(side.start - low, side.stop - low)
    return (*box[:axis], slice(low, high), *box[axis + 1 :]), tuple(inner)


@in_background
def preview_job(
    request: Request,
    prepared: PreparedImage | None,
    denoiser: Denoiser,
    values: dict[str, Any],
    mix: bool,
    box: Box,
    volume: bool,
) -> tuple[PreparedImage, Preview] | Failure:
    """Filter the part of an image that is in view; return the prepared image and the preview."""
    try:
        give_way()
        prepared = prepared or get_ready(request.opened, nan_policy=OMIT, volume=volume)
        reach = denoiser.reach_of_slices(values)
        read, inner = widen_along_z(box, request.axes, request.image.shape, reach)
        mixing = mixing_at(prepared, denoiser, values) if mix else None
        dtype = request.image.dtype if request.source.rgb else result_kind(request.image)
        part = request.opened.as_volume(volume).part(read)
        work = filtering(part, denoiser.for_preview(), values, prepared, mixing, dtype)
        return prepared, Preview(box, finish(work)[inner])
    except (N2SError, MemoryError) as error:
        return _failure(error)


@in_background
def filter_job(
    request: Request,
    prepared: PreparedImage | None,
    denoiser: Denoiser,
    values: dict[str, Any],
    mix: bool,
    volume: bool,
) -> Generator[Applying, None, NDArray[Any] | Failure]:
    """Filter the image of a request with the given parameter values."""
    try:
        give_way()
        image = request.opened_target.as_volume(volume)
        inner = None
        if request.part:
            reach = denoiser.reach_of_slices(values)
            read, inner = widen_along_z(request.part, request.target_axes, image.shape, reach)
            image = image.part(read)
        prepared = prepared or get_ready(request.opened, nan_policy=OMIT, volume=volume)
        mixing = mixing_at(prepared, denoiser, values) if mix else None
        clean = yield from filtering(image, denoiser, values, prepared, mixing, request.dtype)
        return clean if inner is None else clean[inner]
    except (N2SError, MemoryError) as error:
        return _failure(error)
    except RuntimeError as error:
        raise UnexpectedError(f"Filtering failed: {error}") from error


def _failure(error: N2SError | MemoryError) -> Failure:
    short = "There is not enough memory; close other programs, or filter a part of the image."
    return Failure(str(error) if isinstance(error, N2SError) else short)
