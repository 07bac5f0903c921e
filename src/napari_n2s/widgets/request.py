"""The user's request, read once from the dock and the layers, and immutable from then on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from napari_n2s.core.errors import ImageError
from napari_n2s.images import image as images
from napari_n2s.images.dtypes import result_kind
from napari_n2s.preparation.sampling import is_large
from napari_n2s.widgets.viewer import layer_data, layers, regions
from napari_n2s.widgets.viewer.checksum import checksum

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.images.sources import Box

WHOLE, SLICE = "whole", "slice"
PARTS = [("the whole image", WHOLE), ("the slice in view", SLICE)]


@dataclass(frozen=True)
class Request:
    """What to train on and what to denoise.

    Attributes
    ----------
    source : Image
        The layer to train on.
    image : array_like
        Pixels of that layer when the request was made.
    axes : str
        One letter for each axis of them.
    region : tuple of slice or None
        The part to train on; None for all of it.
    target_layer : Image
        The layer to denoise.
    target : array_like or None
        Pixels of that layer; None for `image` itself.
    target_axes : str
    part : tuple of slice or None
        The part of it to denoise first; None for all of it.
    on_demand : bool
        Whether the rest of it is denoised when it is looked at.
    guides : tuple of array_like
        Images of the same field that are inputs of the network as well.
    checksums : tuple of int or None
        Checksums of `inputs` when the request was made.
    averaged_axis : int or None
        Number of the axis of the image along which the result is averaged.
    label : str
        Label of the layer of the result, which tells it apart from others of the same image.
    """

    source: Image
    image: Any
    axes: str
    region: Box | None
    target_layer: Image
    target: Any
    target_axes: str
    part: Box | None
    on_demand: bool
    guides: tuple[Any, ...] = ()
    checksums: tuple[int | None, ...] = ()
    averaged_axis: int | None = None
    label: str = layers.RESULT_NAME

    @property
    def dtype(self) -> Any:
        """Data type of the result, one that its layer can show."""
        image = self.image if self.target is None else self.target
        return image.dtype if self.target_layer.rgb else result_kind(image)

    @property
    def inputs(self) -> tuple[Any, ...]:
        """All arrays that the network is trained on."""
        return (self.image, *self.guides)

    @cached_property
    def opened(self) -> images.Image:
        """The image to train on, with its guides.

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
        """Position in the target layer's pixels of the centre of the result's first pixel."""
        part = [slice(0, 0)] * self.target_layer.ndim
        if self.part and not self.on_demand:
            part = list(self.part)
        corner: list[float] = [side.start for side in part[: self.target_layer.ndim]]
        if self.averaged_axis is not None:
            corner[self.averaged_axis] = (self.stretch[self.averaged_axis] - 1) / 2
        return corner

    @property
    def stretch(self) -> list[int]:
        """Number of the layer's pixels that one pixel of the result takes up along each axis."""
        image = self.image if self.target is None else self.target
        shape = image.shape[: self.target_layer.ndim]
        return [size if axis == self.averaged_axis else 1 for axis, size in enumerate(shape)]

    @property
    def is_current(self) -> bool:
        """Whether the source still holds that array, with the same axes."""
        same = layer_data.pixels(self.source) is self.image
        return same and layer_data.axes(self.source) == self.axes

    @property
    def edited(self) -> bool:
        """Whether values of an input were changed in place; takes some 10 ms for each input."""
        return self.checksums != tuple(map(checksum, self.inputs))


def sources(viewer: Viewer) -> list[tuple[str, Any]]:
    """List what a network can be trained on: the image, a slice, what a shapes layer outlines."""
    drawn = [(f"drawn in {each.name}", each) for each in layers.shapes_layers(viewer)]
    return [*PARTS, *drawn]


def targets(viewer: Viewer, source: Image | None) -> list[tuple[str, Any]]:
    """List what can be denoised: the image, a slice, other layers."""
    others = [each for each in layers.image_layers(viewer) if each is not source]
    return [*PARTS, *((each.name, each) for each in others)]


def read_region(viewer: Viewer, source: Image, train_on: Any) -> Box | None:
    """Return the part to train on; None for the whole image.

    Raises
    ------
    ImageError
        If a shapes layer is chosen that outlines nothing, or too few pixels.
    """
    if train_on == WHOLE:
        return None
    if train_on == SLICE:
        return regions.slice_in_view(viewer, source)
    return regions.drawn(train_on, source)


def read_request(
    viewer: Viewer,
    source: Image,
    region: Box | None,
    apply_to: Any,
    *,
    lazily: bool = False,
    guides: tuple[Any, ...] = (),
) -> Request:
    """Make a request from the layers and the view as they are now.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    source : Image
        The layer to train on.
    region : tuple of slice or None
        The part of it to train on; None for all of it.
    apply_to : str or Image
        `WHOLE`, `SLICE`, or another layer to denoise.
    lazily : bool
        Whether slices and frames of an image larger than memory are denoised only when they are
        looked at.
    guides : tuple of array_like

    Raises
    ------
    ImageError
        If there are guides, but another layer is to be denoised; or, on lazy denoising, if the
        axes or the guides do not fit.
    """
    target_layer = source if apply_to in (WHOLE, SLICE) else apply_to
    if guides and target_layer is not source:
        raise ImageError(
            f"The guides are for {source.name}; apply to that, or train without guides."
        )
    image, target = layer_data.pixels(source), layer_data.pixels(target_layer)
    request = Request(
        source=source,
        image=image,
        axes=layer_data.axes(source),
        region=region,
        target_layer=target_layer,
        target=None if target_layer is source else target,
        target_axes=layer_data.axes(target_layer),
        part=regions.slice_in_view(viewer, target_layer) if apply_to == SLICE else None,
        on_demand=False,
        guides=guides,
        checksums=tuple(map(checksum, (image, *guides))),
    )
    if lazily and apply_to != SLICE and is_large(request.opened_target):
        part = regions.slice_in_view(viewer, target_layer)
        request = replace(request, part=part, on_demand=True)
    return request
