"""Simulated sample data for napari's File menu, each with its ground truth."""

from __future__ import annotations

from typing import Any

from napari_n2s.simulation import fluorescence

PIXEL = {"T": (5.0, "second"), "Z": (0.3, "micrometer")}
"""Step and unit along an axis; along Y and X it is 0.1 micrometres."""

LayerData = tuple[Any, dict[str, Any], str]


def picture() -> list[LayerData]:
    """Return a single focal plane."""
    return _layers(fluorescence.picture(), "cells")


def volume() -> list[LayerData]:
    """Return a Z-stack."""
    return _layers(fluorescence.volume(), "cells in 3-D")


def movie() -> list[LayerData]:
    """Return a time series."""
    return _layers(fluorescence.movie(), "moving cells")


def _layers(sample: fluorescence.Sample, name: str) -> list[LayerData]:
    steps = [PIXEL.get(letter, (0.1, "micrometer")) for letter in sample.axes]
    place: dict[str, Any] = {
        "scale": [step for step, _ in steps],
        "units": [unit for _, unit in steps],
        "axis_labels": sample.axes.lower(),
        "contrast_limits": (float(sample.truth.min()), float(sample.truth.max())),
    }
    return [
        (sample.truth, {"name": f"{name}, truth", "visible": False, **place}, "image"),
        (sample.noisy, {"name": f"{name}, noisy", **place}, "image"),
    ]
