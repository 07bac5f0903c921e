"""Pixel size and time step, converted between the formats that store them."""

from __future__ import annotations

from typing import Any

Resolution = tuple[tuple[Any, Any], int]
"""TIFF's XResolution and YResolution (pixels per unit, as numbers or fractions) and its code of the
unit."""

PixelSizes = dict[str, tuple[float, str]]
"""Step and unit of each axis for which they are known: pixel size along X, Y, Z, time along T."""

CENTIMETRES = {"nm": 1e-7, "µm": 1e-4, "mm": 0.1, "cm": 1.0, "m": 100.0, "in": 2.54}
"""Units of length, in centimetres."""
SECONDS = {"µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
"""Units of time, in seconds."""
UNIT_ALIASES = {
    "um": "µm",
    "μm": "µm",
    "\\u00b5m": "µm",
    "micron": "µm",
    "microns": "µm",
    "inch": "in",
}
"""Other spellings of a unit, in lower case; ImageJ escapes the micro sign."""
TIFF_UNITS = {2: "in", 3: "cm"}
"""Values of TIFF's ResolutionUnit."""
UDUNITS_NAMES = {
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
"""Names of the units in OME-Zarr, which follows UDUNITS-2."""


def from_imagej(metadata: dict[str, Any], resolution: Resolution | None) -> PixelSizes:
    """Read ImageJ metadata; without a known unit of length there is no pixel size."""
    unit = canonical_unit(str(metadata.get("unit", "")))
    sizes = _from_resolution(resolution, unit) if unit in CENTIMETRES else {}
    if unit in CENTIMETRES and metadata.get("spacing"):
        sizes["Z"] = (float(metadata["spacing"]), unit)
    if metadata.get("finterval"):
        sizes["T"] = (float(metadata["finterval"]), "s")
    return sizes


def from_ome(metadata: dict[str, Any]) -> PixelSizes:
    """Read the attributes of OME's Pixels; a size in an unknown unit is ignored."""
    sizes = {}
    for axis in "XYZ":
        if value := metadata.get(f"PhysicalSize{axis}"):
            unit = canonical_unit(str(metadata.get(f"PhysicalSize{axis}Unit", "µm")))
            if unit in CENTIMETRES:
                sizes[axis] = (float(value), unit)
    if value := metadata.get("TimeIncrement"):
        sizes["T"] = (float(value), str(metadata.get("TimeIncrementUnit", "s")))
    return sizes


def from_tiff_resolution(resolution: Resolution | None) -> PixelSizes:
    """Read TIFF's own resolution, if it has a unit."""
    return _from_resolution(resolution, TIFF_UNITS.get(resolution[1], "")) if resolution else {}


def from_zarr(axes: str, metadata: dict[str, Any]) -> PixelSizes:
    """Read the axes and scale of OME-Zarr; an axis with an unknown unit is ignored."""
    symbols = {name: symbol for symbol, name in UDUNITS_NAMES.items()}
    described = zip(axes, metadata.get("axes", []), metadata.get("scale", []), strict=False)
    return {
        letter: (float(step), symbols[axis["unit"]])
        for letter, axis, step in described
        if axis.get("unit") in symbols
    }


def from_mrc(axes: str, metadata: dict[str, Any]) -> PixelSizes:
    """Read the voxel size, in ångström; 0 means unknown."""
    steps = dict(zip("XYZ", metadata["voxel"], strict=True))
    return {each: (steps[each] / 10, "nm") for each in "ZYX" if each in axes and steps[each] > 0}


def to_imagej(sizes: PixelSizes) -> dict[str, Any]:
    """Return the arguments of ``tifffile.imwrite`` for an ImageJ file."""
    metadata: dict[str, Any] = {}
    options: dict[str, Any] = {"metadata": metadata}
    if "X" in sizes and "Y" in sizes:
        unit = sizes["X"][1]
        options["resolution"] = (1 / sizes["X"][0], 1 / convert_length(sizes["Y"], unit))
        metadata["unit"] = "um" if unit == "µm" else unit
        if "Z" in sizes:
            metadata["spacing"] = convert_length(sizes["Z"], unit)
    if "T" in sizes:
        step, unit = sizes["T"]
        if unit in SECONDS:
            metadata["finterval"] = step * SECONDS[unit]
    return options


def to_ome(sizes: PixelSizes) -> dict[str, Any]:
    """Return the arguments of ``tifffile.imwrite`` for an OME file."""
    metadata: dict[str, Any] = {}
    for axis, (value, unit) in sizes.items():
        name = "TimeIncrement" if axis == "T" else f"PhysicalSize{axis}"
        metadata |= {name: value, f"{name}Unit": unit}
    return {"metadata": metadata}


def to_tiff_resolution(sizes: PixelSizes) -> dict[str, Any]:
    """Return the arguments of ``tifffile.imwrite`` for a plain file, which has X and Y only."""
    if "X" not in sizes or "Y" not in sizes:
        return {"metadata": {}}
    resolution = (1 / convert_length(sizes["X"], "cm"), 1 / convert_length(sizes["Y"], "cm"))
    return {"metadata": {}, "resolution": resolution, "resolutionunit": "CENTIMETER"}


def canonical_unit(unit: str) -> str:
    """Return the one spelling used here; unknown units are returned unchanged."""
    return UNIT_ALIASES.get(unit.lower(), unit)


def convert_length(size: tuple[float, str], unit: str) -> float:
    """Convert a length ``(value, unit)`` to another unit."""
    return size[0] * CENTIMETRES[size[1]] / CENTIMETRES[unit]


def _from_resolution(resolution: Resolution | None, unit: str) -> PixelSizes:
    if resolution is None or unit not in CENTIMETRES:
        return {}
    pixels = dict(zip("XY", (_to_float(each) for each in resolution[0]), strict=True))
    return {axis: (1 / count, unit) for axis, count in pixels.items() if count > 0}


def _to_float(value: Any) -> float:
    if isinstance(value, tuple):
        return value[0] / value[1] if value[1] else 0.0
    return float(value)
