"""Pixel size and time step as makers of microscopes write them into TIFF files of their own."""

from __future__ import annotations

import re
from typing import Any

from napari_n2s.io.tiff.metadata import step

METRES = 1e6
"""Micrometres of a metre, in which Zeiss counts."""
PER_PIXEL = re.compile(r"MPP\s*=\s*([^|\s]+)")
"""Micrometres of a pixel, as Aperio writes it."""


def from_maker(tiff: Any, series: Any, notes: list[str]) -> dict[str, Any]:
    """Read what a file of Zeiss (LSM), MetaMorph (STK) or Aperio (SVS) says, in the words of OME.

    Parameters
    ----------
    tiff : tifffile.TiffFile
    series : tifffile.TiffPageSeries
    notes : list of str
        Where to say what is left out.
    """
    try:
        said = _said(tiff, series)
    except Exception:  # of every type, as the header may be damaged
        notes.append("Its header is damaged, so that its pixel size is not known.")
        return {}
    kept: dict[str, Any] = {}
    for name, (value, unit) in said.items():
        what = "time step" if name == "TimeIncrement" else f"pixel size along {name[-1]}"
        if value and (known := step(value, unit, what, notes)) is not None:
            kept |= {name: known, f"{name}Unit": unit}
    return kept


def _said(tiff: Any, series: Any) -> dict[str, tuple[Any, str]]:
    said: dict[str, tuple[Any, str]] = {}
    if series.kind == "lsm":
        about = tiff.lsm_metadata or {}
        said = {f"PhysicalSize{axis}": (_times(about, axis), "µm") for axis in "XYZ"}
        said["TimeIncrement"] = about.get("TimeIntervall"), "s"
    elif series.kind == "stk":
        about = tiff.stk_metadata or {}
        unit = str(about.get("CalibrationUnits", "")).lower()
        if unit in ("um", "µm", "microns", "micron"):
            said = {f"PhysicalSize{axis}": (about.get(f"{axis}Calibration"), "µm") for axis in "XY"}
    elif series.kind == "svs" and (found := PER_PIXEL.search(tiff.pages.first.description)):
        said = {f"PhysicalSize{axis}": (found[1], "µm") for axis in "XY"}
    return said


def _times(about: dict[str, Any], axis: str) -> Any:
    value = about.get(f"VoxelSize{axis}")
    return value * METRES if isinstance(value, float) else value
