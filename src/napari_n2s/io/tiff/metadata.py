"""What a TIFF file says of itself, read once and so that nothing in it can fail later.

Numbers that are none, or cannot be, are left out with a sentence that says so.
"""

from __future__ import annotations

from math import isfinite
from typing import Any
from xml.etree.ElementTree import Element, ParseError, fromstring

import numpy as np

from napari_n2s.io.pixel_size import CENTIMETRES, SECONDS, Resolution, unit_name

IMAGEJ_NUMBERS = {"spacing": "slice distance", "finterval": "time step", "fps": "frame rate"}
IMAGEJ_KEPT = (
    *("mode", "loop", "min", "max", "xorigin", "yorigin", "zorigin", "cf", "c0", "c1", "vunit"),
    *("unit", "yunit", "zunit", "tunit", "Info", "Labels", "Ranges", "LUTs", "Overlays", "ROI"),
    "Properties",
)
"""What ImageJ says beside the number of planes: how to show them, and what was drawn."""
PIXELS_KEPT = ("SignificantBits", "PhysicalSize", "TimeIncrement")
CHANNEL_KEPT = (
    *("Name", "AcquisitionMode", "Color", "ContrastMethod", "EmissionWavelength"),
    *("EmissionWavelengthUnit", "ExcitationWavelength", "ExcitationWavelengthUnit", "Fluor"),
    *("IlluminationType", "NDFilter", "PinholeSize", "PinholeSizeUnit", "PockelCellSetting"),
)
OME_PARTS = {"Image", "AcquisitionDate", "Description", "Pixels", "Channel", "Plane"}
OME_PARTS |= {"TiffData", "BinData", "MetadataOnly", "BinaryOnly"}
"""What of an OME header is kept, or said anew."""
PLANE_KEPT = tuple(
    name + end
    for name in ("DeltaT", "ExposureTime", "PositionX", "PositionY", "PositionZ")
    for end in ("", "Unit")
)
LENGTHS, TIMES = (1e-11, 1e6), (1e-12, 1e10)
"""Bounds of a pixel size in centimetres and of a time step in seconds: an atom, ten kilometres."""
RESOLUTIONS = (1e-9, 1e9)
"""Bounds of pixels for each unit."""

Notes = list[str]


def number(value: Any) -> float | None:
    """Read a number, also one with a comma or as a fraction; None if it is none."""
    try:
        if isinstance(value, (tuple, list)):
            above, below = value
            found = float(above) / float(below)
        else:
            found = float(str(value).strip().replace(",", ".") if isinstance(value, str) else value)
    except (ArithmeticError, TypeError, ValueError):
        return None
    return found if isfinite(found) else None


def step(value: Any, unit: str, what: str, notes: Notes) -> float | None:
    """Read a pixel size or a time step; None, with a note, if it cannot be one."""
    found = number(value)
    (low, high), scale = (LENGTHS, CENTIMETRES) if unit in CENTIMETRES else (TIMES, SECONDS)
    if found is None or not low <= found * scale.get(unit, 1.0) <= high:
        notes.append(
            f"The {what} is given as {_quoted(value)}, which cannot be one; it is left out."
        )
        return None
    if isinstance(value, str) and "," in value:
        notes.append(f"The {what} is given as {_quoted(value)} and taken for {found:g} {unit}.")
    return found


def resolution(page: Any, notes: Notes) -> Resolution | None:
    """Read TIFF's own resolution, pixels for each unit along X and Y."""
    tags = page.tags
    if "XResolution" not in tags or "YResolution" not in tags:
        return None
    values = [tags[f"{axis}Resolution"].value for axis in "XY"]
    unit = number(tags["ResolutionUnit"].value) if "ResolutionUnit" in tags else 1
    found = [number(value) for value in values]
    if any(each is None or not RESOLUTIONS[0] <= each <= RESOLUTIONS[1] for each in found):
        shown = " and ".join(_quoted(value) for value in values)
        notes.append(f"The resolution is given as {shown}, which cannot be one; it is left out.")
        return None
    x, y = (
        value if isinstance(value, tuple) else each
        for value, each in zip(values, found, strict=True)
    )
    return (x, y), int(unit) if unit in (1, 2, 3) else 1


def imagej(about: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """Keep what ImageJ says that is not the number of planes."""
    kept = {key: about[key] for key in IMAGEJ_KEPT if key in about}
    unit = unit_name(str(about.get("unit", "")))
    for key, what in IMAGEJ_NUMBERS.items():
        length = key == "spacing"
        if about.get(key, 0) != 0:  # by which ImageJ says that it does not know
            # ImageJ takes a distance below 0 for its size.
            value = about[key]
            if length and isinstance(value, (int, float)):
                value = abs(value)
            if (found := step(value, unit if length else "s", what, notes)) is not None:
                kept[key] = found
    for key in ("xorigin", "yorigin", "zorigin", "min", "max"):
        if key in kept and number(kept[key]) is None:
            del kept[key]
    ranges = kept.get("Ranges", ())
    if not isinstance(ranges, (tuple, list)) or any(number(each) is None for each in ranges):
        del kept["Ranges"]
        notes.append("Its display ranges are damaged and left out.")
    return kept


def ome_root(tiff: Any, notes: Notes) -> Element | None:
    """Read the header of an OME file; None if there is none that can be read."""
    text = tiff.ome_metadata
    if not text:
        return None
    try:
        return fromstring(text)
    except (ParseError, ValueError):
        notes.append("Its OME header is damaged, so that its axes and pixel size are not known.")
        return None


def ome(root: Element, index: int, name: str, count: int, notes: Notes) -> dict[str, Any]:
    """Keep what an OME header says of one of its images.

    Parameters
    ----------
    root : Element
    index : int
        The number of the series.
    name : str
        Its name.
    count : int
        How many series there are.
    notes : list of str
        Where to say what is left out.
    """
    images = _children(root, "Image")
    if len(images) != count:  # those without planes are no series
        images = [image for image in images if image.get("Name", "") == name][:1]
        index = 0
    if index >= len(images) or not (pixels := _children(images[index], "Pixels")):
        return {}
    image, said = images[index], pixels[0].attrib
    kept: dict[str, Any] = {"Name": image.get("Name")} if image.get("Name") else {}
    for child in (*_children(image, "AcquisitionDate"), *_children(image, "Description")):
        if child.text:
            kept[child.tag.rpartition("}")[2]] = child.text
    for axis in "XYZ":
        key = f"PhysicalSize{axis}"
        unit = unit_name(said.get(f"{key}Unit", "µm"))
        if key in said and (found := step(said[key], unit, f"pixel size along {axis}", notes)):
            kept |= {key: found, f"{key}Unit": said.get(f"{key}Unit", "µm")}
    unit = said.get("TimeIncrementUnit", "s")
    if said.get("TimeIncrement", "0").strip("0.") and (
        found := step(said["TimeIncrement"], unit, "time step", notes)
    ):
        kept |= {"TimeIncrement": found, "TimeIncrementUnit": unit}
    if said.get("SignificantBits", "").isdigit():
        kept["SignificantBits"] = int(said["SignificantBits"])
    channels = [_only(each, CHANNEL_KEPT) for each in _children(pixels[0], "Channel")]
    if any(channels):
        kept["Channel"] = _by_name(channels)
    parts = {each.tag.rpartition("}")[2] for each in (*root, *image, *pixels[0])}
    if lost := sorted(name for name in parts - OME_PARTS if not name.endswith("Ref")):
        notes.append(f"Of its OME header, {', '.join(lost)} have no place in a result.")
    planes = _children(pixels[0], "Plane")
    if any(_only(each, PLANE_KEPT) for each in planes):
        kept["Plane"] = [
            {axis: each.get(f"The{axis}", "0") for axis in "TZC"} | _only(each, PLANE_KEPT)
            for each in planes
        ]
    return kept


def colours(page: Any) -> Any:
    """Give the palette of a page, ``(3, N)`` of uint16, if it has one."""
    tag, bits = page.tags.get("ColorMap"), page.bitspersample
    if tag is None or bits not in (1, 2, 4, 8, 16):
        return None
    values = np.asarray(tag.value)
    usable = values.dtype.kind in "iu" and values.size == 3 * 2**bits
    return values.reshape(3, -1).astype(np.uint16) if usable else None


def _by_name(items: list[dict[str, Any]]) -> Any:
    """Turn a list of equal dictionaries into a dictionary of lists."""
    if all(set(each) == set(items[0]) for each in items):
        return {name: [each[name] for each in items] for name in items[0]}
    return items


def _only(element: Element, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: element.attrib[name] for name in names if name in element.attrib}


def _children(element: Element, name: str) -> list[Element]:
    return [each for each in element if each.tag.rpartition("}")[2] == name]


def _quoted(value: Any) -> str:
    if isinstance(value, tuple) and len(value) == 2:
        value = "/".join(map(str, value))
    text = " ".join(str(value).split())
    return f'"{text[:40]}"'
