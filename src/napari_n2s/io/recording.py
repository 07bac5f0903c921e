"""An image with what its file says of it, and the list of those that a file holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from napari_n2s.io.pixel_size import (
    Resolution,
    Sizes,
    from_imagej,
    from_mrc,
    from_ome,
    from_plain,
    from_zarr,
)


@dataclass(frozen=True)
class Recording:
    """An image as a file holds it.

    Attributes
    ----------
    image : array_like
        In memory, or left in a large file and read piece by piece.
    axes : str
        One letter for each axis; Q where the file does not say.
    flavour : {"imagej", "ome", "plain", "zarr", "mrc"}
        The dialect of TIFF in which the file describes itself, or OME-Zarr, or MRC.
    metadata : dict
        Pixel size, time step and channel names, in that dialect.
    resolution : tuple, optional
        Pixels for each unit along X and Y, and the number of that unit in TIFF.
    tags : dict
        What else a TIFF file says of its pixels, as arguments of tifffile: whether low values are
        shown white, a palette, how the samples of a pixel lie, the time and the place.
    notes : tuple of str
        What the user should know of how it was read, a sentence each.
    """

    image: Any
    axes: str
    flavour: str = "imagej"
    metadata: dict[str, Any] = field(default_factory=dict)
    resolution: Resolution | None = None
    tags: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def sizes(self) -> Sizes:
        """Pixel size and time step, whatever the dialect."""
        if self.flavour == "ome":
            return from_ome(self.metadata)
        if self.flavour == "imagej":
            return from_imagej(self.metadata, self.resolution)
        if self.flavour == "mrc":
            return from_mrc(self.axes, self.metadata)
        if self.flavour == "zarr":
            return from_zarr(self.axes, self.metadata)
        return from_plain(self.resolution)


@dataclass(frozen=True)
class Content:
    """One image of a file.

    Attributes
    ----------
    name : str
        What the file calls it, if anything.
    axes : str
    shape : tuple of int
    dtype : str
    sizes : dict
        Pixel size and time step.
    levels : tuple of tuple of int
        The shape at each resolution, the full one first.
    notes : tuple of str
        What is missing or odd, a sentence each.
    companion : bool
        Whether it only accompanies another: a thumbnail, a label, an overview.
    """

    name: str
    axes: str
    shape: tuple[int, ...]
    dtype: str
    sizes: Sizes
    levels: tuple[tuple[int, ...], ...] = ()
    notes: tuple[str, ...] = ()
    companion: bool = False

    def sentence(self, number: int) -> str:
        """Describe it in a line."""
        size = " x ".join(map(str, self.shape))
        name = f' "{" ".join(self.name.split())[:60]}"' if self.name else ""
        kind = ", accompanies another" if self.companion else ""
        return f"{number}:{name} {self.axes} {size} {self.dtype}{kind}"
