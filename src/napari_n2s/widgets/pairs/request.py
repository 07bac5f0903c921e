"""The user's request in the Pairs dock, and the background job that carries it out."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_n2s.core.errors import ImageError
from napari_n2s.images.axes import parse_axes
from napari_n2s.replicates.find import find_replicates
from napari_n2s.replicates.replicates import Replicates
from napari_n2s.widgets.jobs import JobControl, Task, run_with_torch
from napari_n2s.widgets.pairs.rows import LAYER, PHOTONS_SPLIT, PairsRows
from napari_n2s.widgets.request import WHOLE, Request, read_request
from napari_n2s.widgets.viewer import layer_data, layers
from napari_n2s.widgets.viewer.checksum import checksum
from napari_n2s.widgets.worker import in_background

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.core.progress import Applying, Preparing, Preview
    from napari_n2s.pipeline.denoise_one import Denoised
    from napari_n2s.training.progress import Progress
    from napari_n2s.widgets.jobs import Failure

ALONE = (
    "There is no other image layer to pair with {0}; open a second recording of the same field, "
    "or take the pairs from {0} itself."
)
NO_AXIS = (
    "{0} has no axis with two images or more along it; choose a stack, or correct its axes above."
)


@dataclass(frozen=True)
class PairsRequest(Request):
    """A request with the replicates that a network is trained on.

    Attributes
    ----------
    pair : array_like or None
        Pixels of the layer that is the other replicate, if it is one.
    along, pairing, split_photons, register
        As for `find_replicates`.
    """

    pair: Any = None
    along: str | None = None
    pairing: str = "neighbours"
    split_photons: bool = False
    register: bool = False

    @property
    def inputs(self) -> tuple[Any, ...]:
        """All arrays that the network is trained on."""
        return super().inputs if self.pair is None else (*super().inputs, self.pair)

    def has_replicates_of(self, other: PairsRequest) -> bool:
        """Whether another request is for the same replicates."""
        mine = (self.along, self.pairing, self.split_photons, self.register)
        others = (other.along, other.pairing, other.split_photons, other.register)
        return self.pair is other.pair and mine == others


def partners(viewer: Viewer, source: Image | None) -> list[Image]:
    """List the layers that may be replicates of a layer, first those of its shape and type."""
    if source is None:
        return []

    def shape_and_type(layer: Image) -> tuple[Any, Any]:
        return layer_data.pixels(layer).shape, layer_data.pixels(layer).dtype

    others = [
        each
        for each in layers.image_layers(viewer)
        if each is not source and layers.ACCOUNT not in each.metadata
    ]
    return sorted(others, key=lambda each: shape_and_type(each) != shape_and_type(source))


def splits(source: Image | None) -> list[tuple[str, str]]:
    """List the axes along which there may be replicates, in words and by letter."""
    if source is None:
        return []
    try:
        found = parse_axes(layer_data.pixels(source).shape, layer_data.axes(source))
    except ImageError:
        return []  # the training explains what is wrong
    sizes = dict(zip(found.axes, found.shape, strict=True))
    names = layer_data.COUNTED
    return [(f"{a}: {sizes[a]} {names.get(a, 'image')}s", a) for a in found.sample_axes]


def read_pairs(
    viewer: Viewer, source: Image, rows: PairsRows, guides: tuple[Any, ...]
) -> PairsRequest:
    """Make a request from the layers and the rows as they are now.

    Raises
    ------
    ImageError
        If there is no other layer, or no axis, to take the pairs from.
    """
    request = read_request(viewer, source, None, WHOLE, guides=guides)
    way, checksums = rows.way.value, request.checksums
    asked: dict[str, Any] = {"register": not rows.register.isHidden() and rows.register.isChecked()}
    if way == LAYER:
        if rows.other.value is None:
            raise ImageError(ALONE.format(source.name))
        asked["pair"] = layer_data.pixels(rows.other.value)
        checksums += (checksum(asked["pair"]),)
    elif way == PHOTONS_SPLIT:
        asked["split_photons"] = True
    elif rows.along.value is None:
        raise ImageError(NO_AXIS.format(source.name))
    else:
        asked |= {"along": rows.along.value, "pairing": way}
    return PairsRequest(**vars(request) | {"checksums": checksums}, **asked)


@in_background
def pairs_job(
    task: Task, control: JobControl
) -> Generator[Replicates | Preparing | Progress | Preview | Applying, None, Denoised | Failure]:
    """Make the replicates, yield them with the findings, then train and apply a network."""
    return (yield from run_with_torch(partial(_denoise_pairs, task, control)))


def _denoise_pairs(
    task: Task, control: JobControl
) -> Generator[Replicates | Preparing | Progress | Preview | Applying, None, Denoised]:
    from napari_n2s.core.device import memory_in_words
    from napari_n2s.pipeline.denoise_replicates import denoising_replicates

    request = task.request
    assert isinstance(request, PairsRequest)
    with memory_in_words():
        replicates = find_replicates(
            request.image,
            request.axes,
            pair=request.pair,
            along=request.along,
            pairing=request.pairing,
            split_photons=request.split_photons,
            register=request.register,
            seed=task.settings.seed,
        )
        assert replicates is not None
        replicates = replicates.guided(request.guides)
    yield replicates
    clean, report = yield from denoising_replicates(
        replicates,
        settings=task.settings,
        dtype=request.dtype,
        stop=lambda: control.stopped,
        rest=control.rest,
        view=lambda: control.view,
        preview_pause=control.preview_pause,
        since=task.since,
    )
    return clean if replicates.averaged_axis is None else np.expand_dims(
        clean, replicates.averaged_axis
    ), report
