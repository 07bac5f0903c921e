"""Pixel size and time step from the private TIFF tags of microscope vendors."""

from __future__ import annotations

import re
from typing import Any

from napari_n2s.io.tiff.metadata import parse_step

MICROMETRES_PER_METRE = 1e6
"""Zeiss stores voxel sizes in metres."""
APERIO_PIXEL_SIZE = re.compile(r"MPP\s*=\s*([^|\s]+)")
"""Micrometres per pixel in Aperio's image description."""


def read_vendor_metadata(tiff: Any, series: Any, notes: list[str]) -> dict[str, Any]:
    """Read pixel size and time step of a Zeiss LSM, MetaMorph STK or Aperio SVS file.

    Parameters
    ----------
    tiff : tifffile.TiffFile
    series : tifffile.TiffPageSeries
    notes : list of str
        Gets a sentence for each value that is ignored.

    Returns
    -------
    dict
        In OME's terms, as ``PhysicalSizeX`` and ``PhysicalSizeXUnit``; empty for other files.
    """
    try:
        found = _read(tiff, series)
    except Exception:  # of any type, as the metadata may be damaged
        notes.append("Its vendor metadata is damaged, so that its pixel size is unknown.")
        return {}
    metadata: dict[str, Any] = {}
    for name, (value, unit) in found.items():
        what = "time step" if name == "TimeIncrement" else f"pixel size along {name[-1]}"
        if value and (step := parse_step(value, unit, what, notes)) is not None:
            metadata |= {name: step, f"{name}Unit": unit}
    return metadata


def _read(tiff: Any, series: Any) -> dict[str, tuple[Any, str]]:
    """Return value and unit by OME's name."""
    found: dict[str, tuple[Any, str]] = {}
    if series.kind == "lsm":
        lsm = tiff.lsm_metadata or {}
        found = {f"PhysicalSize{axis}": (_lsm_micrometres(lsm, axis), "µm") for axis in "XYZ"}
        found["TimeIncrement"] = lsm.get("TimeIntervall"), "s"
    elif series.kind == "stk":
        stk = tiff.stk_metadata or {}
        unit = str(stk.get("CalibrationUnits", "")).lower()
        if unit in ("um", "µm", "microns", "micron"):
            found = {f"PhysicalSize{axis}": (stk.get(f"{axis}Calibration"), "µm") for axis in "XY"}
    elif series.kind == "svs" and (match := APERIO_PIXEL_SIZE.search(tiff.pages.first.description)):
        found = {f"PhysicalSize{axis}": (match[1], "µm") for axis in "XY"}
    return found


def _lsm_micrometres(lsm: dict[str, Any], axis: str) -> Any:
    value = lsm.get(f"VoxelSize{axis}")
    return value * MICROMETRES_PER_METRE if isinstance(value, float) else value
