"""The one place that reads and writes the viewer's layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from napari.layers import Image, Shapes

from napari_n2s.images.axes import layout, unknown_axes
from napari_n2s.io.file_axes import read_axes
from napari_n2s.widgets.viewer.appearance import appearance, covers, mixes, placement, take
from napari_n2s.widgets.viewer.units import ratio

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_n2s.core.progress import Preview


LETTERS = {
    **{letter: letter.upper() for letter in "tzcyx"},
    "time": "T", "frame": "T", "depth": "Z", "slice": "Z", "channel": "C", "channels": "C",
}  # fmt: skip
"""Axis labels with a meaning here; any other axis counts samples of the same thing."""

ACCOUNT, PREVIEW, LABELS = "napari-n2s", "napari-n2s preview", "napari-n2s labels"
PREVIEW_NAME = "n2s preview"
"""Under which a layer's metadata hold how it was made, and whether it is a preview or labels."""

COUNTED = {"T": "frame", "Z": "slice", "Q": "picture", "C": "channel", "S": "colour"}


def image_layers(viewer: Viewer) -> list[Image]:
    """List the image layers but for previews, the topmost first."""
    return [
        layer
        for layer in reversed(viewer.layers)
        if isinstance(layer, Image) and PREVIEW not in layer.metadata
    ]


def active_image(viewer: Viewer) -> Image | None:
    """Give the selected layer if it is an image, and no preview."""
    active = viewer.layers.selection.active
    return active if active in image_layers(viewer) else None


def shapes_layers(viewer: Viewer) -> list[Shapes]:
    """List the shapes layers, the topmost first."""
    return [layer for layer in reversed(viewer.layers) if isinstance(layer, Shapes)]


def pixels(layer: Image) -> Any:
    """Give a layer's data; of several resolutions, the full one."""
    return layer.data[0] if layer.multiscale else layer.data


_corrected: WeakKeyDictionary[Image, str] = WeakKeyDictionary()
"""What users have said of the axes of their layers, as long as these are there."""


def correct_axes(layer: Image, letters: str) -> None:
    """Take the user's word for what a layer's axes are.

    Raises
    ------
    ImageError
        If that cannot be.
    """
    layout(pixels(layer).shape, letters)
    _corrected[layer] = letters


def axes(layer: Image) -> str:
    """Name a layer's axes: as corrected, by labels that have Y and X, by its file, by its shape."""
    said = _corrected.get(layer, "")
    if len(said) == pixels(layer).ndim:
        return said
    labels = [str(label).lower() for label in layer.axis_labels]
    if labels.count("y") == labels.count("x") == 1:
        known = [LETTERS.get(label) for label in labels]
        others = iter(unknown_axes(known.count(None)))
        return "".join(letter or next(others) for letter in known) + "S" * layer.rgb
    path = layer.source.path
    if path and (filed := read_axes(Path(path), tuple(pixels(layer).shape))):
        return filed
    return unknown_axes(layer.ndim - 2) + "YX" + "S" * layer.rgb


def slice_distance(layer: Image) -> float:
    """Tell how far apart the slices of an axis Z are, in pixels."""
    z, y = (axes(layer).index(letter) for letter in "ZY")
    one = ratio(layer.units[z], layer.units[y])
    return float(abs(layer.scale[z] * one / layer.scale[y]))


def describe(layer: Image) -> str:
    """Say what will be denoised: what each axis is taken for, the size and the type."""
    data, letters = pixels(layer), axes(layer)
    counted = [
        f"{size} {COUNTED[letter]}{'s' * (size != 1)}"
        for letter, size in zip(letters, data.shape, strict=True)
        if letter in COUNTED
    ]
    height, width = (data.shape[letters.index(letter)] for letter in "YX")
    return ", ".join([*counted, f"{height} × {width} pixels", str(data.dtype)])


def show_preview(
    viewer: Viewer, source: Image, preview: Preview, layer: Image | None, name: str
) -> Image | None:
    """Show a preview in its layer, made if there is none; None if it, or its source, is gone."""
    if (source if layer is None else layer) not in viewer.layers:
        return None
    corner = [side.start for side in preview.box[: source.ndim]]
    if layer is None:
        chosen = set(viewer.layers.selection)
        layer = _add_above(viewer, source, preview.image, name, corner, {PREVIEW: True})
        viewer.layers.selection = chosen  # somebody may be drawing
    elif layer.ndim == len(corner) == source.ndim:
        take(layer, placement(source, corner))  # which may have been changed meanwhile
        layer.data = preview.image
    return layer


def take_over(viewer: Viewer, source: Image, layer: Image, label: str) -> None:
    """Let a layer that shows something of another show something else of it, on top."""
    take(layer, appearance(source))
    layer.name = name_above(source, label)
    lift(viewer, source, layer)


def is_there(viewer: Viewer, layer: Image | None) -> bool:
    """Whether a layer has not been deleted."""
    return layer is not None and layer in viewer.layers


def remove(viewer: Viewer, layer: Image) -> None:
    """Take a layer away if it is still there."""
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
) -> Image:
    """Put a denoised image, which begins at a corner of its source, above that and alike.

    Along each axis, one pixel of it takes up so many of the source.

    A preview of it becomes the result: to remove one layer and add another would stop the window
    for a third of a second.
    """
    alike = _alike(source, image, corner)
    instead = alike and mixes(source) and covers(image, source, pixels(source).shape, stretch)
    below = [source, *results_above(viewer, source)]
    if preview and preview in viewer.layers and alike and preview.ndim == source.ndim:
        take(preview, placement(source, corner, stretch))
        preview.data = image
        preview.metadata = {ACCOUNT: metadata}
        preview.name = name_above(source, "n2s")
        lift(viewer, source, preview)
        result = preview
    else:
        if preview:
            remove(viewer, preview)
        account = {ACCOUNT: metadata}
        result = _add_above(viewer, source, image, "n2s", corner, account, stretch)
    if instead:
        result.blending = source.blending
        _put_instead(viewer, result, [each for each in below if each.visible])
    return result


def _put_instead(viewer: Viewer, result: Image, others: list[Image]) -> None:
    """Hide layers as long as there is a result in their place."""
    hidden = WeakSet(others)

    def show_others(event: Any) -> None:
        if event.value is result:
            viewer.layers.events.removed.disconnect(show_others)
            for each in hidden:
                each.visible = True

    for each in hidden:
        each.visible = False
    viewer.layers.events.removed.connect(show_others)


def accounts(viewer: Viewer) -> dict[str, dict[str, Any]]:
    """List what is told of the results of networks, by the names of their layers."""
    told = {layer.name: layer.metadata.get(ACCOUNT, {}) for layer in viewer.layers}
    return {name: account for name, account in told.items() if "network" in account}


def show_labels(
    viewer: Viewer,
    source: Image,
    labels: NDArray,
    label: str,
    corner: Sequence[float],
    look: dict[str, Any],
) -> None:
    """Lay labels on a part of a layer, in place of those that were laid on it before."""
    name, where = name_above(source, label), placement(source, corner)
    for layer in viewer.layers:
        if layer.name == name and LABELS in layer.metadata and layer.ndim == labels.ndim:
            take(layer, where | {"visible": True})
            layer.data = labels
            break
    else:
        chosen = set(viewer.layers.selection)
        layer = viewer.add_labels(labels, name=name, metadata={LABELS: True}, **look, **where)
        layer = getattr(layer, "__wrapped__", layer)
        viewer.layers.selection = chosen  # somebody may be drawing
    lift(viewer, source, layer)


def lying_on(viewer: Viewer, source: Image) -> list[Image]:
    """List the results and previews on a layer with nothing else between, the lowest first."""
    if source not in viewer.layers:
        return []
    above = viewer.layers[viewer.layers.index(source) + 1 :]
    ours = (ACCOUNT, PREVIEW)
    return list(takewhile(lambda layer: any(each in layer.metadata for each in ours), above))


def results_above(viewer: Viewer, source: Image) -> list[Image]:
    """List the results among what lies on a layer, the lowest first."""
    return [layer for layer in lying_on(viewer, source) if ACCOUNT in layer.metadata]


def lift(viewer: Viewer, source: Image, layer: Image) -> None:
    """Put a layer on top of all that lies on its source."""
    if source in viewer.layers:
        below = [each for each in [source, *lying_on(viewer, source)] if each is not layer]
        here, there = (viewer.layers.index(each) for each in (layer, below[-1]))
        if here != there + 1:
            viewer.layers.move(here, there + 1)


def follow_removal(
    viewer: Viewer, before: Callable[[Any], None], after: Callable[[Any], None]
) -> Callable[[], None]:
    """Do something before and after each removal of a layer, until what this gives is called."""
    events = viewer.layers.events
    events.removing.connect(before)
    events.removed.connect(after)

    def end() -> None:
        events.removing.disconnect(before)
        events.removed.disconnect(after)

    return end


def name_above(source: Image, label: str) -> str:
    """Name a layer that shows something of another."""
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
    if _alike(source, image, corner):
        look = appearance(source) | placement(source, corner, stretch)
    else:
        look = {} if source.rgb else {"colormap": source.colormap}
    name = name_above(source, label)
    added = viewer.add_image(image, name=name, rgb=source.rgb, metadata=metadata, **look)
    layer: Image = getattr(added, "__wrapped__", added)  # what napari hands out lives for a moment
    lift(viewer, source, layer)
    return layer


def _alike(source: Image, image: NDArray, corner: Sequence[float]) -> bool:
    """Whether an image has the axes of a layer, which may hold another image by now."""
    return image.ndim - source.rgb == source.ndim == len(corner)
