"""The one place that reads and writes the viewer's layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from numpy.typing import NDArray

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


def image_layers(viewer: Viewer) -> list[Image]:
    """List the image layers, the topmost first."""
    return [layer for layer in reversed(viewer.layers) if isinstance(layer, Image)]


def active_image(viewer: Viewer) -> Image | None:
    """Give the selected layer if it is an image."""
    active = viewer.layers.selection.active
    return active if isinstance(active, Image) else None


def pixels(layer: Image) -> Any:
    """Give a layer's data; of several resolutions, the full one."""
    return layer.data[0] if layer.multiscale else layer.data


def axes(layer: Image) -> str:
    """Name a layer's axes: by its labels where Y and X are among them, else the last two."""
    labels = [str(label).lower() for label in layer.axis_labels]
    if labels.count("y") == labels.count("x") == 1:
        letters = "".join(LETTERS.get(label, "Q") for label in labels)
    else:
        letters = "Q" * (layer.ndim - 2) + "YX"
    return letters + "S" * layer.rgb


def describe(layer: Image) -> str:
    """Say what will be denoised: the axes as they are understood, the size and the type."""
    data = pixels(layer)
    letters, shape = axes(layer), " × ".join(map(str, data.shape))
    return f"{letters.replace('Q', '·')}, {shape}, {data.dtype}"


def add_result(viewer: Viewer, source: Image, image: NDArray, metadata: dict[str, Any]) -> Image:
    """Add a denoised image right above its source, on the same place and with the same look."""
    look = {name: getattr(source, name) for name in PLACE}
    if not source.rgb:
        look["colormap"] = source.colormap
    result = viewer.add_image(
        image,
        name=f"{source.name} [n2s]",
        rgb=source.rgb,
        metadata={"napari-n2s": metadata},
        **look,
    )
    if source in viewer.layers:
        viewer.layers.move(viewer.layers.index(result), viewer.layers.index(source) + 1)
    return result
