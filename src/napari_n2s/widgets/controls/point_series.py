"""Points of a growing curve, thinned so that drawing them never becomes slow."""

from __future__ import annotations

from operator import itemgetter

MAX_POINTS = 2000
"""Points of a curve that are kept at most. A plot is a few hundred pixels wide; to draw 100,000
points, those of three hours, took 0.5 s on one processor core, twice a second."""

Point = tuple[float, float]


class PointSeries:
    """Keeps an evenly thinned part of the points (x, y) that are added, in their order.

    Whenever there are too many, every other point is dropped, and from then on only every second
    (fourth, eighth, …) of those added is kept. The first, the latest and the lowest point are
    always among `points`.
    """

    def __init__(self) -> None:
        self._kept: list[Point] = []
        self._stride = 1
        self._added = 0
        self._latest: Point | None = None
        self._lowest: Point | None = None

    def add(self, x: float, y: float) -> None:
        """Add a point to the right of all others."""
        self._latest = x, y
        if self._lowest is None or y < self._lowest[1]:
            self._lowest = self._latest
        if self._added % self._stride == 0:
            self._kept.append(self._latest)
        self._added += 1
        if len(self._kept) > MAX_POINTS - 2:
            del self._kept[1::2]
            self._stride *= 2

    @property
    def points(self) -> list[Point]:
        """The points to draw, at most `MAX_POINTS`, from left to right."""
        extremes = {each for each in (self._lowest, self._latest) if each}
        return sorted({*self._kept, *extremes}, key=itemgetter(0))

    @property
    def lowest(self) -> Point | None:
        """The point with the smallest y, the first of several; None if there are no points."""
        return self._lowest
