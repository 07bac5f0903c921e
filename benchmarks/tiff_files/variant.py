"""A variant of TIFF: how it is written, and what must be read from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

RNG = np.random.default_rng(0)
SIDE = (24, 32)
UM = {"X": (0.25, "µm"), "Y": (0.5, "µm")}
OME_UM = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5}
TILE = (16, 16)


@dataclass(frozen=True)
class Variant:
    """A file, and what must be read from it and written again.

    Attributes
    ----------
    name : str
    write : callable
        Writes it to a path.
    image : ndarray, optional
        Its pixels; None if it must be refused.
    axes : str, optional
        Axes that must be read; not compared if left out.
    sizes : dict
        Pixel size and time step that must be read.
    kept : tuple of str
        Metadata that the result must hold.
    tags : tuple of str
        Tags that a result of its own data type must hold.
    words : str
        Part of the note or error that it must cause.
    options : dict
        Arguments for reading it: series, level.
    near : bool
        Whether its compression is lossy.
    """

    name: str
    write: Callable[[Path], object]
    image: Any
    axes: str | None = None
    sizes: dict[str, tuple[float, str]] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    words: str = ""
    options: dict[str, int] = field(default_factory=dict)
    near: bool = False


def picture(*leading: int, kind: str = "u2", samples: int = 0) -> np.ndarray:
    """Return an image of Poisson noise around a ramp."""
    shape = (*leading, *SIDE, *((samples,) if samples else ()))
    ramp = np.linspace(20, 100, SIDE[1])
    mean = np.broadcast_to(ramp[:, None] if samples else ramp, shape)
    return RNG.poisson(mean).astype(kind)


def plain(image: np.ndarray, **options: Any) -> Callable[[Path], object]:
    """Return a writer of an image without tifffile's own metadata."""
    default: dict[str, Any] = {"metadata": None}
    if not {"photometric", "colormap", "imagej"} & set(options):
        default["photometric"] = "minisblack"
    return lambda path: tifffile.imwrite(path, image, **{**default, **options})
