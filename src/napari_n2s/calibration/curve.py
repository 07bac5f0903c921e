"""Plotting a calibration: the error over each parameter, with its minimum."""

from __future__ import annotations

from pathlib import Path

from napari_n2s.calibration.result import Calibration, Tried

BLIND, ORDINARY = "#2aa1d3", "#8a8d93"
"""Colours of the error of the blind prediction and of the ordinary output."""


def along(found: Calibration, axis: int = 0) -> list[tuple[float, Tried]]:
    """List the trials along one parameter, in order, with the others at their best values."""
    best = tuple(found.best.values.values())
    line = []
    for each in found.tried:
        point = tuple(each.values.values())
        if point[:axis] + point[axis + 1 :] == best[:axis] + best[axis + 1 :]:
            line.append((point[axis], each))
    return sorted(line, key=lambda pair: pair[0])


def draw(found: Calibration, path: Path) -> None:
    """Plot the errors over each parameter into a PNG file."""
    from matplotlib.figure import Figure

    names = list(found.best.values)
    figure = Figure((5.2 * len(names), 3.6), layout="constrained", dpi=150)
    for plot, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        line = along(found, names.index(name))
        strengths = [strength for strength, _ in line]
        blind = [each.score.loss for _, each in line]
        errors = [each.score.error for _, each in line]
        plot.errorbar(strengths, blind, errors, marker=".", color=BLIND, label="pixel left out")
        seen = [each.ordinary for _, each in line]
        plot.plot(strengths, seen, ".--", color=ORDINARY, label="pixel seen: uninformative")
        plot.plot(found.best.values[name], found.best.score.loss, "*", color=BLIND, markersize=14)
        if min(strengths) > 0 and max(strengths) > 20 * min(strengths):
            plot.set_xscale("log")
        plot.set_xlabel(f"{found.method}: {name}")
        plot.set_ylabel("squared error on the noisy image")
        plot.legend(frameon=False)
    figure.savefig(path, format="png")
