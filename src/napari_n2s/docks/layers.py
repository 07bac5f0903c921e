"""The one place that reads and writes the viewer's layers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Image, Shapes
from napari.utils.transforms import Affine

from napari_n2s.ideas.axes import layout, unknown_axes
from napari_n2s.work.file_axes import read_axes

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_n2s.work.progress import Preview


PLACE = (
    "scale", "translate", "rotate", "shear", "affine", "units", "axis_labels",
    "blending", "opacity", "contrast_limits", "gamma", "interpolation2d", "interpolation3d",
)  # fmt: skip
"""What a result takes over from its source, so that it lies exactly on it and looks alike."""

LETTERS = {
    **{letter: letter.upper() for letter in "tzcyx"},
    "time": "T", "frame": "T", "depth": "Z", "slice": "Z", "channel": "C", "channels": "C",
}  # fmt: skip
"""Axis labels with a meaning here; any other axis counts samples of the same thing."""

ACCOUNT, PREVIEW = "napari-n2s", "napari-n2s preview"
PREVIEW_NAME = "n2s preview"
"""Under which a layer's metadata hold how it was made, and whether it is a preview."""

COUNTED = {"T": "frame", "Z": "slice", "Q": "picture", "C": "channel", "S": "colour"}


def image_layers(viewer: Viewer) -> list[Image]:
    """List the image layers but for previews, the topmost first."""
    return [
        layer
        for layer in reversed(viewer.layers)
        if isinstance(layer, Image) and PREVIEW not in layer.metadata
    ]


def active_image(viewer: Viewer) -> Image | None:
    """Give the selected layer if it is an image."""
    active = viewer.layers.selection.active
    return active if isinstance(active, Image) else None


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
    if path and (filed := _axes_of_file(path, pixels(layer).shape)):
        return filed
    return unknown_axes(layer.ndim - 2) + "YX" + "S" * layer.rgb


@lru_cache
def _axes_of_file(path: str, shape: tuple[int, ...]) -> str | None:
    return read_axes(Path(path), shape)


def slice_distance(layer: Image) -> float:
    """Tell how far apart the slices of an axis Z are, in pixels."""
    letters = axes(layer)
    return float(abs(layer.scale[letters.index("Z")] / layer.scale[letters.index("Y")]))


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
        return layer
    if layer.ndim == len(corner) == source.ndim:
        for name in ("scale", "rotate", "shear"):  # they may have been changed meanwhile
            if not np.array_equal(getattr(layer, name), getattr(source, name)):
                setattr(layer, name, getattr(source, name))
        if not np.array_equal(layer.affine.affine_matrix, source.affine.affine_matrix):
            layer.affine = source.affine
        layer.translate = _move(source, corner)
        layer.data = preview.image
    return layer


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
    alike = image.ndim - source.rgb == source.ndim == len(corner)
    if preview and preview in viewer.layers and alike and preview.ndim == source.ndim:
        if max(stretch) > 1:
            preview.scale = source.scale * stretch
        preview.translate = _move(source, corner)
        preview.data = image
        preview.metadata = {ACCOUNT: metadata}
        preview.name = f"{source.name} [n2s]"
        result = preview
    else:
        if preview:
            remove(viewer, preview)
        account = {ACCOUNT: metadata}
        result = _add_above(viewer, source, image, "n2s", corner, account, stretch)
    return result


def accounts(viewer: Viewer) -> dict[str, dict[str, Any]]:
    """List what is told of the results of networks, by the names of their layers."""
    told = {layer.name: layer.metadata.get(ACCOUNT, {}) for layer in viewer.layers}
    return {name: account for name, account in told.items() if "network" in account}


def results_above(viewer: Viewer, source: Image) -> list[Image]:
    """List the results that lie on a layer with nothing between, the lowest first."""
    if source not in viewer.layers:
        return []
    above = viewer.layers[viewer.layers.index(source) + 1 :]
    return list(takewhile(lambda layer: ACCOUNT in layer.metadata, above))


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
    look: dict[str, Any] = {"metadata": metadata}
    if image.ndim - source.rgb == source.ndim == len(corner):  # it may hold another image by now
        look |= {name: getattr(source, name) for name in PLACE}
        look |= {"translate": _move(source, corner), "scale": source.scale * stretch}
    if not source.rgb:
        look["colormap"] = source.colormap
    layer = viewer.add_image(image, name=name_above(source, label), rgb=source.rgb, **look)
    if source in viewer.layers:
        below = [source, *results_above(viewer, source)]
        if layer not in below:
            viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(below[-1]) + 1)
    return layer


def _move(source: Image, corner: Sequence[float]) -> NDArray:
    """Give the translation that puts a part of a layer that begins at a corner in its place."""
    turn = Affine(scale=source.scale, rotate=source.rotate, shear=source.shear)
    moved: NDArray = source.translate + turn.linear_matrix @ corner
    return moved
