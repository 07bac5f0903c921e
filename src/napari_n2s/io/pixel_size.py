"""Pixel size and time step, read from one dialect of TIFF or from OME-Zarr, said in another."""

from __future__ import annotations

from typing import Any

Resolution = tuple[tuple[Any, Any], int]
"""Pixels for each unit along X and Y, as numbers or fractions, and TIFF's number of the unit."""

Sizes = dict[str, tuple[float, str]]
"""For each axis whose step is known, the step and its unit."""

CENTIMETRES = {"nm": 1e-7, "µm": 1e-4, "mm": 0.1, "cm": 1.0, "m": 100.0, "in": 2.54}
SECONDS = {"µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
NAMES = {"um": "µm", "μm": "µm", "\\u00b5m": "µm", "micron": "µm", "microns": "µm", "inch": "in"}
TIFF_UNITS = {2: "in", 3: "cm"}
LONG_NAMES = {
    "nm": "nanometer",
    "µm": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
    "in": "inch",
    "ms": "millisecond",
    "s": "second",
    "min": "minute",
    "h": "hour",
}
"""What OME-Zarr calls them."""


def from_imagej(metadata: dict[str, Any], resolution: Resolution | None) -> Sizes:
    """Read ImageJ's metadata; a unit it does not name is no pixel size."""
    unit = unit_name(str(metadata.get("unit", "")))
    sizes = _from_resolution(resolution, unit) if unit in CENTIMETRES else {}
    if unit in CENTIMETRES and metadata.get("spacing"):
        sizes["Z"] = (float(metadata["spacing"]), unit)
    if metadata.get("finterval"):
        sizes["T"] = (float(metadata["finterval"]), "s")
    return sizes


def from_ome(metadata: dict[str, Any]) -> Sizes:
    """Read the attributes of OME's Pixels; a length in other units is no pixel size."""
    sizes = {}
    for axis in "XYZ":
        if value := metadata.get(f"PhysicalSize{axis}"):
            unit = unit_name(str(metadata.get(f"PhysicalSize{axis}Unit", "µm")))
            if unit in CENTIMETRES:
                sizes[axis] = (float(value), unit)
    if value := metadata.get("TimeIncrement"):
        sizes["T"] = (float(value), str(metadata.get("TimeIncrementUnit", "s")))
    return sizes


def from_plain(resolution: Resolution | None) -> Sizes:
    """Read TIFF's own resolution, where it has a unit."""
    return _from_resolution(resolution, TIFF_UNITS.get(resolution[1], "")) if resolution else {}


def from_zarr(axes: str, metadata: dict[str, Any]) -> Sizes:
    """Read the axes and the scale of OME-Zarr; a unit without a short name is no pixel size."""
    short = {name: unit for unit, name in LONG_NAMES.items()}
    said = zip(axes, metadata.get("axes", []), metadata.get("scale", []), strict=False)
    return {
        letter: (float(step), short[about["unit"]])
        for letter, about, step in said
        if about.get("unit") in short
    }


def from_mrc(axes: str, metadata: dict[str, Any]) -> Sizes:
    """Read the size of a voxel, in ångström; 0 is none."""
    steps = dict(zip("XYZ", metadata["voxel"], strict=True))
    return {each: (steps[each] / 10, "nm") for each in "ZYX" if each in axes and steps[each] > 0}


def to_imagej(sizes: Sizes) -> dict[str, Any]:
    """Say it as arguments of tifffile for an ImageJ file."""
    metadata: dict[str, Any] = {}
    options: dict[str, Any] = {"metadata": metadata}
    if "X" in sizes and "Y" in sizes:
        unit = sizes["X"][1]
        options["resolution"] = (1 / sizes["X"][0], 1 / _in(sizes["Y"], unit))
        metadata["unit"] = "um" if unit == "µm" else unit
        if "Z" in sizes:
            metadata["spacing"] = _in(sizes["Z"], unit)
    if "T" in sizes:
        step, unit = sizes["T"]
        if unit in SECONDS:
            metadata["finterval"] = step * SECONDS[unit]
    return options


def to_ome(sizes: Sizes) -> dict[str, Any]:
    """Say it as arguments of tifffile for an OME file."""
    metadata: dict[str, Any] = {}
    for axis, (value, unit) in sizes.items():
        name = "TimeIncrement" if axis == "T" else f"PhysicalSize{axis}"
        metadata |= {name: value, f"{name}Unit": unit}
    return {"metadata": metadata}


def to_plain(sizes: Sizes) -> dict[str, Any]:
    """Say it as arguments of tifffile for a plain file, which knows X and Y alone."""
    if "X" not in sizes or "Y" not in sizes:
        return {"metadata": {}}
    resolution = (1 / _in(sizes["X"], "cm"), 1 / _in(sizes["Y"], "cm"))
    return {"metadata": {}, "resolution": resolution, "resolutionunit": "CENTIMETER"}


def _from_resolution(resolution: Resolution | None, unit: str) -> Sizes:
    if resolution is None or unit not in CENTIMETRES:
        return {}
    pixels = dict(zip("XY", (_number(each) for each in resolution[0]), strict=True))
    return {axis: (1 / count, unit) for axis, count in pixels.items() if count > 0}


def _number(value: Any) -> float:
    if isinstance(value, tuple):
        return value[0] / value[1] if value[1] else 0.0
    return float(value)


def unit_name(unit: str) -> str:
    """Give a unit its one name here."""
    return NAMES.get(unit.lower(), unit)


def _in(size: tuple[float, str], unit: str) -> float:
    return size[0] * CENTIMETRES[size[1]] / CENTIMETRES[unit]
