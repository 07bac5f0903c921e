"""What a user asks for in the dock of pairs, and carrying it out in a background thread."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_n2s.core.errors import ImageError
from napari_n2s.core.settings import Settings
from napari_n2s.images.axes import parse_axes
from napari_n2s.replicates.replicates import Replicates, find_replicates
from napari_n2s.widgets.jobs import JobControl, carry_out
from napari_n2s.widgets.pairs.rows import LAYER, THINNED, PairsRows
from napari_n2s.widgets.request import WHOLE, Request, read_request
from napari_n2s.widgets.viewer import layers
from napari_n2s.widgets.worker import in_background

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.core.progress import Applying, Preview
    from napari_n2s.pipeline.denoise_one import Denoised
    from napari_n2s.training.progress import Progress
    from napari_n2s.widgets.jobs import Failure

ALONE = (
    "There is no other image layer to learn {0} from; open a second recording of the same thing, "
    "or take the pairs from {0} itself."
)
NO_AXIS = (
    "{0} has no axis with two pictures or more along it; choose a stack, or correct its axes above."
)


@dataclass(frozen=True)
class PairsRequest(Request):
    """What to learn from what.

    Attributes
    ----------
    pair : array_like or None
        The other reading, if it is a layer's image.
    along, how, photons_split, register
        As for `find_replicates`.
    """

    pair: Any = None
    along: str | None = None
    how: str = "neighbours"
    photons_split: bool = False
    register: bool = False

    def is_as(self, other: PairsRequest) -> bool:
        """Whether another asks for the same readings."""
        asked = (self.along, self.how, self.photons_split, self.register)
        its = (other.along, other.how, other.photons_split, other.register)
        return self.pair is other.pair and asked == its


def partners(viewer: Viewer, source: Image | None) -> list[Image]:
    """List the layers that may be noisy readings of the same as one; first those of its kind."""
    if source is None:
        return []
    kind = layers.pixels(source).shape, layers.pixels(source).dtype
    others = [
        each
        for each in layers.image_layers(viewer)
        if each is not source and layers.ACCOUNT not in each.metadata
    ]
    return sorted(
        others, key=lambda each: (layers.pixels(each).shape, layers.pixels(each).dtype) != kind
    )


def splits(source: Image | None) -> list[tuple[str, str]]:
    """List the axes along which there may be readings, in words and by letter."""
    if source is None:
        return []
    try:
        found = parse_axes(layers.pixels(source).shape, layers.axes(source))
    except ImageError:
        return []  # which is said when it comes to training
    sizes = dict(zip(found.axes, found.shape, strict=True))
    return [(f"{a}: {sizes[a]} {layers.COUNTED.get(a, 'picture')}s", a) for a in found.sample_axes]


def read_pairs(
    viewer: Viewer, source: Image, rows: PairsRows, guides: tuple[Any, ...]
) -> PairsRequest:
    """Fix what is to be learnt from what, as the layers and the rows are now.

    Raises
    ------
    ImageError
        If there is nothing to choose.
    """
    order = read_request(viewer, source, None, WHOLE, guides=guides)
    way = rows.way.value
    asked: dict[str, Any] = {"register": not rows.register.isHidden() and rows.register.isChecked()}
    if way == LAYER:
        if rows.other.value is None:
            raise ImageError(ALONE.format(source.name))
        asked["pair"] = layers.pixels(rows.other.value)
    elif way == THINNED:
        asked["photons_split"] = True
    elif rows.along.value is None:
        raise ImageError(NO_AXIS.format(source.name))
    else:
        asked |= {"along": rows.along.value, "how": way}
    return PairsRequest(**vars(order), **asked)


@in_background
def pairs_job(
    order: PairsRequest, settings: Settings, reins: JobControl, since: Progress | None = None
) -> Generator[Replicates | Progress | Preview | Applying, None, Denoised | Failure]:
    """Make the readings, yield them for what was found, and carry the order out."""
    return (yield from carry_out(partial(_learn, order, settings, reins, since)))


def _learn(
    order: PairsRequest, settings: Settings, reins: JobControl, since: Progress | None
) -> Generator[Replicates | Progress | Preview | Applying, None, Denoised]:
    from napari_n2s.core.device import memory_in_words
    from napari_n2s.pipeline.denoise_replicates import denoising_replicates

    with memory_in_words():
        readings = find_replicates(
            order.image,
            order.axes,
            pair=order.pair,
            along=order.along,
            how=order.how,
            photons_split=order.photons_split,
            register=order.register,
            seed=settings.seed,
        )
        assert readings is not None
        readings = readings.guided(order.guides)
    yield readings
    clean, report = yield from denoising_replicates(
        readings,
        settings=settings,
        dtype=order.dtype,
        stop=lambda: reins.stopped,
        rest=reins.rest,
        view=lambda: reins.view,
        preview_pause=reins.preview_pause,
        since=since,
    )
    return clean if readings.lost is None else np.expand_dims(clean, readings.lost), report
