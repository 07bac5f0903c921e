"""The only module that reads and changes the viewer's list of layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from napari.layers import Image, Shapes

from napari_n2s.widgets.viewer.appearance import appearance, covers, mixes, placement, take
from napari_n2s.widgets.viewer.layer_data import pixels

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_n2s.core.progress import Preview


RESULT_NAME, PREVIEW_NAME = "n2s", "n2s preview"
ACCOUNT, PREVIEW, LABELS = "napari-n2s", "napari-n2s preview", "napari-n2s labels"
"""Keys in a layer's metadata: how a result was made, and marks of previews and labels."""


def image_layers(viewer: Viewer) -> list[Image]:
    """List the image layers without previews, the topmost first."""
    return [
        layer
        for layer in reversed(viewer.layers)
        if isinstance(layer, Image) and PREVIEW not in layer.metadata
    ]


def active_image(viewer: Viewer) -> Image | None:
    """Return the selected layer if it is an image and not a preview."""
    active = viewer.layers.selection.active
    return active if active in image_layers(viewer) else None


def shapes_layers(viewer: Viewer) -> list[Shapes]:
    """List the shapes layers, the topmost first."""
    return [layer for layer in reversed(viewer.layers) if isinstance(layer, Shapes)]


def show_preview(
    viewer: Viewer, source: Image, preview: Preview, layer: Image | None, name: str
) -> Image | None:
    """Show a preview in its layer, a new one if there is none yet.

    Returns
    -------
    Image or None
        The layer; None if it, or the source of a new one, is no longer in the viewer.
    """
    if (source if layer is None else layer) not in viewer.layers:
        return None
    corner = [side.start for side in preview.box[: source.ndim]]
    if layer is None:
        selected = set(viewer.layers.selection)
        layer = _add_above(viewer, source, preview.image, name, corner, {PREVIEW: True})
        viewer.layers.selection = selected  # the user may be drawing in a selected layer
    elif layer.ndim == len(corner) == source.ndim:
        take(layer, placement(source, corner))  # the source may have been moved meanwhile
        layer.data = preview.image
    return layer


def take_over(viewer: Viewer, source: Image, layer: Image, label: str) -> None:
    """Let a preview layer show something else of the same source, on top of it."""
    take(layer, appearance(source))
    layer.name = name_above(source, label)
    lift(viewer, source, layer)


def is_there(viewer: Viewer, layer: Image | None) -> bool:
    """Whether a layer is still in the viewer."""
    return layer is not None and layer in viewer.layers


def remove(viewer: Viewer, layer: Image) -> None:
    """Remove a layer if it is still in the viewer."""
    if layer in viewer.layers:
        viewer.layers.remove(layer)


def add_result(
    viewer: Viewer,
    source: Image,
    image: NDArray,
    corner: list[float],
    metadata: dict[str, Any],
    preview: Image | None,
    stretch: list[int],
    label: str = RESULT_NAME,
) -> Image:
    """Add a denoised image directly above its source, with the same appearance.

    Where the source is blended additively, say, the source and earlier results are hidden if the
    new layer covers them.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    source : Image
        The layer that was denoised.
    image : array_like
    corner : list of float
        Position in the source of the centre of the image's first pixel.
    metadata : dict
        Report on how it was made.
    preview : Image or None
        Layer of a preview, which becomes the result if it is still there: to remove one layer and
        add another stops the window for a third of a second.
    stretch : list of int
        Number of pixels of the source that one pixel of the image takes up along each axis.
    label : str
        What is added to the source's name.
    """
    same_axes = _has_axes_of(source, image, corner)
    replaces = same_axes and mixes(source) and covers(image, source, pixels(source).shape, stretch)
    below = [source, *results_above(viewer, source)]
    if preview and preview in viewer.layers and same_axes and preview.ndim == source.ndim:
        take(preview, placement(source, corner, stretch))
        preview.data = image
        preview.metadata = {ACCOUNT: metadata}
        preview.name = name_above(source, label)
        lift(viewer, source, preview)
        result = preview
    else:
        if preview:
            remove(viewer, preview)
        account = {ACCOUNT: metadata}
        result = _add_above(viewer, source, image, label, corner, account, stretch)
    if replaces:
        result.blending = source.blending
        _show_in_place_of(viewer, result, [each for each in below if each.visible])
    return result


def _show_in_place_of(viewer: Viewer, result: Image, others: list[Image]) -> None:
    """Hide layers until the result that covers them is removed."""
    hidden = WeakSet(others)

    def show_again(event: Any) -> None:
        if event.value is result:
            viewer.layers.events.removed.disconnect(show_again)
            for each in hidden:
                each.visible = True

    for each in hidden:
        each.visible = False
    viewer.layers.events.removed.connect(show_again)


def accounts(viewer: Viewer) -> dict[str, dict[str, Any]]:
    """Return the reports on all results of networks by the names of their layers."""
    found = {layer.name: layer.metadata.get(ACCOUNT, {}) for layer in viewer.layers}
    return {name: account for name, account in found.items() if "network" in account}


def show_labels(
    viewer: Viewer,
    source: Image,
    labels: NDArray,
    label: str,
    corner: Sequence[float],
    look: dict[str, Any],
) -> None:
    """Show labels of a part of a layer, in place of earlier ones of the same name."""
    name, where = name_above(source, label), placement(source, corner)
    for layer in viewer.layers:
        if layer.name == name and LABELS in layer.metadata and layer.ndim == labels.ndim:
            take(layer, where | {"visible": True})
            layer.data = labels
            break
    else:
        selected = set(viewer.layers.selection)
        layer = viewer.add_labels(labels, name=name, metadata={LABELS: True}, **look, **where)
        layer = getattr(layer, "__wrapped__", layer)
        viewer.layers.selection = selected  # the user may be drawing in a selected layer
    lift(viewer, source, layer)


def stack_above(viewer: Viewer, source: Image) -> list[Image]:
    """List the results and previews directly above a layer, the lowest first."""
    if source not in viewer.layers:
        return []
    above = viewer.layers[viewer.layers.index(source) + 1 :]
    ours = (ACCOUNT, PREVIEW)
    return list(takewhile(lambda layer: any(each in layer.metadata for each in ours), above))


def results_above(viewer: Viewer, source: Image) -> list[Image]:
    """List the results directly above a layer, the lowest first."""
    return [layer for layer in stack_above(viewer, source) if ACCOUNT in layer.metadata]


def lift(viewer: Viewer, source: Image, layer: Image) -> None:
    """Move a layer above all results and previews of its source."""
    if source in viewer.layers:
        below = [each for each in [source, *stack_above(viewer, source)] if each is not layer]
        here, there = (viewer.layers.index(each) for each in (layer, below[-1]))
        if here != there + 1:
            viewer.layers.move(here, there + 1)


def follow_removal(
    viewer: Viewer, before: Callable[[Any], None], after: Callable[[Any], None]
) -> Callable[[], None]:
    """Call functions before and after each removal of a layer; the result of this ends that."""
    events = viewer.layers.events
    events.removing.connect(before)
    events.removed.connect(after)

    def end() -> None:
        events.removing.disconnect(before)
        events.removed.disconnect(after)

    return end


def name_above(source: Image, label: str) -> str:
    """Return the name of a layer that belongs to a source."""
    return f"{source.name} [{label}]"


def _add_above(
    viewer: Viewer,
    source: Image,
    image: NDArray,
    label: str,
    corner: Sequence[float],
    metadata: dict[str, Any],
    stretch: Sequence[int] | int = 1,
) -> Image:
    if _has_axes_of(source, image, corner):
        look = appearance(source) | placement(source, corner, stretch)
    else:
        look = {} if source.rgb else {"colormap": source.colormap}
    name = name_above(source, label)
    added = viewer.add_image(image, name=name, rgb=source.rgb, metadata=metadata, **look)
    layer: Image = getattr(added, "__wrapped__", added)  # add_image gives a short-lived proxy
    lift(viewer, source, layer)
    return layer


def _has_axes_of(source: Image, image: NDArray, corner: Sequence[float]) -> bool:
    """Whether an image has as many axes as a layer, whose data may have been replaced."""
    return image.ndim - source.rgb == source.ndim == len(corner)
