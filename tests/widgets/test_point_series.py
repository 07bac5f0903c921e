"""Curves of long trainings are thinned, so that the window draws them as fast as short ones."""

import numpy as np
import pytest

from napari_n2s.widgets.controls.loss_plot import MAX_POINTS, PointSeries

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("count", [0, 1, 2, MAX_POINTS, MAX_POINTS + 1, 50_001])
def test_a_bounded_even_part_is_drawn_with_the_first_the_latest_and_the_lowest(count):
    x = np.arange(count, dtype=float)
    y = RNG.normal(size=count)
    series = PointSeries()
    for point in zip(x, y, strict=True):
        series.add(*point)
        assert len(series._kept) <= MAX_POINTS
    drawn = series.points
    assert len(drawn) <= MAX_POINTS
    assert drawn == sorted(set(zip(x, y, strict=True)) & set(drawn))
    if not count:
        assert series.lowest is None
        return
    lowest = int(y.argmin())
    assert series.lowest == (x[lowest], y[lowest])
    assert {drawn[0], series.lowest, drawn[-1]} <= set(drawn)
    assert (drawn[0][0], drawn[-1][0]) == (0, count - 1)
    gaps = np.diff([point[0] for point in drawn])
    assert gaps.max(initial=1) <= max(1, 4 * count / MAX_POINTS)
    if count < MAX_POINTS - 2:
        assert len(drawn) == count
