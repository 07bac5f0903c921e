"""What a user asks for with the choices of the dock, read once and fixed from then on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from napari_n2s.core.errors import ImageError
from napari_n2s.images import image as images
from napari_n2s.images.dtypes import result_kind
from napari_n2s.preparation.sampling import is_large
from napari_n2s.widgets.viewer import layers, regions

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.images.sources import Box

WHOLE, SLICE = "whole", "slice"
EVERYWHERE = [("the whole image", WHOLE), ("the slice in view", SLICE)]


@dataclass(frozen=True)
class Request:
    """What to denoise.

    Attributes
    ----------
    source : Image
        The layer to learn from.
    image : array_like
        What it held when the order was given.
    axes : str
    region : tuple of slice or None
        The part to learn from, if not all of it.
    onto : Image
        The layer to denoise.
    target : array_like or None
        That layer's image; None for `image` itself.
    target_axes : str
    part : tuple of slice or None
        The part of it to denoise, if not all of it.
    on_demand : bool
        Whether the rest of it is to be denoised as it is looked at.
    guides : tuple of array_like
        What the network sees besides.
    across : int or None
        The axis of the image, by number, all of which becomes one picture.
    """

    source: Image
    image: Any
    axes: str
    region: Box | None
    onto: Image
    target: Any
    target_axes: str
    part: Box | None
    on_demand: bool
    guides: tuple[Any, ...] = ()
    across: int | None = None

    @property
    def dtype(self) -> Any:
        """Type of the result: what the layer can show."""
        return self.wanted.dtype if self.onto.rgb else result_kind(self.wanted)

    @property
    def wanted(self) -> Any:
        """The image to denoise, as its layer holds it."""
        return self.image if self.target is None else self.target

    @cached_property
    def opened(self) -> images.Image:
        """The image to learn from, with its guides.

        Raises
        ------
        ImageError
            If its axes or its guides do not fit.
        """
        return images.open_image(self.image, self.axes, self.guides)

    @cached_property
    def opened_target(self) -> images.Image:
        """The image to denoise, with its guides."""
        if self.target is None:
            return self.opened
        return images.open_image(self.target, self.target_axes)

    @property
    def corner(self) -> list[float]:
        """Where in the layer the first pixel of the result has its middle."""
        part = [slice(0, 0)] * self.onto.ndim
        if self.part and not self.on_demand:
            part = list(self.part)
        corner: list[float] = [side.start for side in part[: self.onto.ndim]]
        if self.across is not None:
            corner[self.across] = (self.stretch[self.across] - 1) / 2
        return corner

    @property
    def stretch(self) -> list[int]:
        """How many pixels of the layer one of the result takes up along each axis."""
        shape = self.wanted.shape[: self.onto.ndim]
        return [size if axis == self.across else 1 for axis, size in enumerate(shape)]

    @property
    def stands(self) -> bool:
        """Whether the source still holds that image, understood in that way."""
        same = layers.pixels(self.source) is self.image
        return same and layers.axes(self.source) == self.axes


def sources(viewer: Viewer) -> list[tuple[str, Any]]:
    """List what can be learnt from: the image, a part of it, what is drawn in a shapes layer."""
    drawn = [(f"drawn in {each.name}", each) for each in layers.shapes_layers(viewer)]
    return [*EVERYWHERE, *drawn]


def targets(viewer: Viewer, source: Image | None) -> list[tuple[str, Any]]:
    """List what can be denoised: the image, a part of it, other layers."""
    others = [each for each in layers.image_layers(viewer) if each is not source]
    return [*EVERYWHERE, *((each.name, each) for each in others)]


def read_region(viewer: Viewer, source: Image, learn_from: Any) -> Box | None:
    """Find the part to learn from; None for the whole image.

    Raises
    ------
    ImageError
        If it is drawn, and there is nothing or too little in it.
    """
    if learn_from == WHOLE:
        return None
    if learn_from == SLICE:
        return regions.slice_in_view(viewer, source)
    return regions.drawn(learn_from, source)


def read_request(
    viewer: Viewer,
    source: Image,
    region: Box | None,
    apply_to: Any,
    *,
    lazily: bool = False,
    guides: tuple[Any, ...] = (),
) -> Request:
    """Fix what is to be done, as the layers and the view are now; of a large image lazily.

    Raises
    ------
    ImageError
        If there are guides, but not for the image that is to be denoised.
    """
    onto = source if apply_to in (WHOLE, SLICE) else apply_to
    if guides and onto is not source:
        raise ImageError(f"The guides are {source.name}'s; apply to that, or learn without guides.")
    image = layers.pixels(onto)
    on_demand = lazily and apply_to != SLICE and is_large(image)
    return Request(
        source=source,
        image=layers.pixels(source),
        axes=layers.axes(source),
        region=region,
        onto=onto,
        target=None if onto is source else image,
        target_axes=layers.axes(onto),
        part=regions.slice_in_view(viewer, onto) if apply_to == SLICE or on_demand else None,
        on_demand=on_demand,
        guides=guides,
    )
