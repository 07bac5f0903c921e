"""The strengths of a filter, and the slider that sets one of them."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QSlider

from napari_n2s.calibration.curve import along

if TYPE_CHECKING:
    from napari_n2s.calibration.result import Calibration, Tried
    from napari_n2s.filters.catalogue import Denoiser


@dataclass(frozen=True)
class Strengths:
    """Values of a filter's parameters, of which the first one varies.

    Attributes
    ----------
    name : str
        The parameter that varies.
    points : tuple of dict
        Values of all parameters at each position of the slider.
    start : int
        Initial position of the slider.
    curve : list of tuple of float and Tried
        Calibration along that parameter; empty before the filter is calibrated.
    """

    name: str
    points: tuple[dict[str, Any], ...]
    start: int
    curve: list[tuple[float, Tried]]

    def add(self, tried: Tried) -> bool:
        """Add a trial to the curve, unless another parameter differs; return whether it was added.

        During a calibration trials do not come in the order of strengths.
        """
        others = (name for name in self.points[0] if name != self.name)
        if any(tried.values[name] != self.points[0][name] for name in others):
            return False
        self.curve.append((tried.values[self.name], tried))
        self.curve.sort(key=itemgetter(0))
        return True


def strengths_of(denoiser: Denoiser, found: Calibration | None) -> Strengths:
    """List the strengths tried along the best one, or those of the filter's grid.

    Parameters
    ----------
    denoiser : Denoiser
    found : Calibration or None
        The filter's calibration. Without one, the parameters that do not vary have the middle
        values of the grid.
    """
    (first, values), *others = denoiser.grid.items()
    if found:
        curve = along(found)
        points = tuple(each.values for _, each in curve)
        return Strengths(first, points, points.index(found.best.values), curve)
    middle = {name: each[len(each) // 2] for name, each in others}
    points = tuple({first: value, **middle} for value in values)
    return Strengths(first, points, len(points) // 2, [])


class StrengthSlider(QSlider):
    """A slider over the strengths of one filter."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setPageStep(1)
        self._strengths: Strengths | None = None

    def set_strengths(self, strengths: Strengths) -> None:
        """Run over other strengths, beginning at their start, without emitting a signal."""
        self._strengths = strengths
        with QSignalBlocker(self):
            self.setRange(0, len(strengths.points) - 1)
            self.setValue(strengths.start)

    @property
    def strengths(self) -> Strengths:
        """The strengths that the slider runs over."""
        assert self._strengths is not None
        return self._strengths

    @property
    def values(self) -> dict[str, Any]:
        """Values of the filter's parameters at the current position."""
        return self.strengths.points[self.value()]

    def pick(self, values: dict[str, Any]) -> bool:
        """Move to given values without emitting a signal; return whether there are such."""
        if values not in self.strengths.points:
            return False
        with QSignalBlocker(self):
            self.setValue(self.strengths.points.index(values))
        return True
