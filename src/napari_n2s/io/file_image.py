"""An image as stored in a file, with its metadata, and the summary that `info` lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from napari_n2s.io.pixel_size import (
    PixelSizes,
    Resolution,
    from_imagej,
    from_mrc,
    from_ome,
    from_tiff_resolution,
    from_zarr,
)


@dataclass(frozen=True)
class FileImage:
    """An image as stored in a file.

    Attributes
    ----------
    image : array_like
        In memory, or lazy if the file is large.
    axes : str
        One letter for each axis; Q where the file does not name it.
    file_format : {"imagej", "ome", "plain", "zarr", "mrc"}
        TIFF with ImageJ's, OME's or no metadata; OME-Zarr; MRC.
    metadata : dict
        Pixel size, time step, channel names and more, in the terms of that format.
    resolution : tuple, optional
        TIFF's XResolution and YResolution (pixels per unit), and its ResolutionUnit.
    tags : dict
        TIFF tags that describe the pixels, as arguments of ``tifffile.imwrite``: photometric
        interpretation, colour map, planar configuration, date, stage position.
    notes : tuple of str
        What the user should know about how it was read, one sentence each.
    """

    image: Any
    axes: str
    file_format: str = "imagej"
    metadata: dict[str, Any] = field(default_factory=dict)
    resolution: Resolution | None = None
    tags: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def pixel_sizes(self) -> PixelSizes:
        """Pixel size and time step, whatever the format."""
        if self.file_format == "ome":
            return from_ome(self.metadata)
        if self.file_format == "imagej":
            return from_imagej(self.metadata, self.resolution)
        if self.file_format == "mrc":
            return from_mrc(self.axes, self.metadata)
        if self.file_format == "zarr":
            return from_zarr(self.axes, self.metadata)
        return from_tiff_resolution(self.resolution)


@dataclass(frozen=True)
class ImageInfo:
    """Summary of one image in a file.

    Attributes
    ----------
    name : str
        Its name in the file, or an empty string.
    axes : str
        One letter for each axis.
    shape : tuple of int
    dtype : str
    pixel_sizes : dict
        Pixel size and time step by axis.
    levels : tuple of tuple of int
        Shape at each resolution level, full resolution first.
    notes : tuple of str
        What is missing or unusual, one sentence each.
    auxiliary : bool
        Whether it is a thumbnail, label or overview of another image.
    """

    name: str
    axes: str
    shape: tuple[int, ...]
    dtype: str
    pixel_sizes: PixelSizes
    levels: tuple[tuple[int, ...], ...] = ()
    notes: tuple[str, ...] = ()
    auxiliary: bool = False

    def sentence(self, index: int) -> str:
        """Describe it in one line."""
        size = " x ".join(map(str, self.shape))
        name = f' "{" ".join(self.name.split())[:60]}"' if self.name else ""
        kind = ", a thumbnail, label or overview" if self.auxiliary else ""
        return f"{index}:{name} {self.axes} {size} {self.dtype}{kind}"
