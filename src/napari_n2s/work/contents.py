"""The images that a file holds, listed without reading their pixels."""

from __future__ import annotations

from dataclasses import dataclass

from napari_n2s.work.pixelsize import Sizes


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
