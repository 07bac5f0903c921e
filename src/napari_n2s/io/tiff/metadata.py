"""Metadata of TIFF files, parsed once so that nothing in it can fail later.

Values that are no numbers, or implausible ones, are ignored with a note that says so.
"""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import Any
from xml.etree.ElementTree import Element, ParseError, fromstring

import numpy as np

from napari_n2s.io.file_image import FileImage
from napari_n2s.io.pixel_size import CENTIMETRES, SECONDS, Resolution, canonical_unit

IMAGEJ_NUMBERS = {"spacing": "slice distance", "finterval": "time step", "fps": "frame rate"}
"""ImageJ's numeric fields and their names in notes."""
IMAGEJ_KEPT = (
    *("mode", "loop", "min", "max", "xorigin", "yorigin", "zorigin", "cf", "c0", "c1", "vunit"),
    *("unit", "yunit", "zunit", "tunit", "Info", "Labels", "Ranges", "LUTs", "Overlays", "ROI"),
    "Properties",
)
"""ImageJ's fields that are copied to the result: display settings, overlays and the like."""
CHANNEL_KEPT = (
    *("Name", "AcquisitionMode", "Color", "ContrastMethod", "EmissionWavelength"),
    *("EmissionWavelengthUnit", "ExcitationWavelength", "ExcitationWavelengthUnit", "Fluor"),
    *("IlluminationType", "NDFilter", "PinholeSize", "PinholeSizeUnit", "PockelCellSetting"),
)
"""Attributes of an OME Channel that are copied."""
PLANE_KEPT = tuple(
    name + end
    for name in ("DeltaT", "ExposureTime", "PositionX", "PositionY", "PositionZ")
    for end in ("", "Unit")
)
"""Attributes of an OME Plane that are copied."""
OME_ELEMENTS = {"Image", "AcquisitionDate", "Description", "Pixels", "Channel", "Plane"}
OME_ELEMENTS |= {"TiffData", "BinData", "MetadataOnly", "BinaryOnly"}
"""OME elements that are copied, or created by the writer."""
LENGTH_BOUNDS, TIME_BOUNDS = (1e-11, 1e6), (1e-12, 1e10)
"""Plausible pixel sizes in centimetres (an atom to ten kilometres) and time steps in seconds."""
RESOLUTION_BOUNDS = (1e-9, 1e9)
"""Plausible numbers of pixels per unit."""

Notes = list[str]


def parse_number(value: Any) -> float | None:
    """Parse a number, also with a decimal comma or as a fraction; None if it is none."""
    try:
        if isinstance(value, (tuple, list)):
            numerator, denominator = value
            found = float(numerator) / float(denominator)
        else:
            found = float(str(value).strip().replace(",", ".") if isinstance(value, str) else value)
    except (ArithmeticError, TypeError, ValueError):
        return None
    return found if isfinite(found) else None


def parse_step(value: Any, unit: str, what: str, notes: Notes) -> float | None:
    """Parse a pixel size or time step; None, with a note, if it is implausible.

    Parameters
    ----------
    value : object
        As stored in the file.
    unit : str
    what : str
        Its name in the note.
    notes : list of str
        Gets the note.
    """
    found = parse_number(value)
    length = unit in CENTIMETRES
    (low, high), units = (LENGTH_BOUNDS, CENTIMETRES) if length else (TIME_BOUNDS, SECONDS)
    if found is None or not low <= found * units.get(unit, 1.0) <= high:
        notes.append(
            f"The {what} is given as {_quoted(value)}, which is impossible; it is ignored."
        )
        return None
    if isinstance(value, str) and "," in value:
        notes.append(f"The {what} is given as {_quoted(value)} and read as {found:g} {unit}.")
    return found


def read_resolution(page: Any, notes: Notes) -> Resolution | None:
    """Read TIFF's own resolution, in pixels per unit along X and Y."""
    tags = page.tags
    if "XResolution" not in tags or "YResolution" not in tags:
        return None
    values = [tags[f"{axis}Resolution"].value for axis in "XY"]
    unit = parse_number(tags["ResolutionUnit"].value) if "ResolutionUnit" in tags else 1
    numbers = [parse_number(value) for value in values]
    low, high = RESOLUTION_BOUNDS
    if any(each is None or not low <= each <= high for each in numbers):
        shown = " and ".join(_quoted(value) for value in values)
        notes.append(f"The resolution is given as {shown}, which is impossible; it is ignored.")
        return None
    x, y = (
        value if isinstance(value, tuple) else each
        for value, each in zip(values, numbers, strict=True)
    )
    return (x, y), int(unit) if unit in (1, 2, 3) else 1


def read_imagej(metadata: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """Return the ImageJ metadata to copy: all but the numbers of planes."""
    kept = {key: metadata[key] for key in IMAGEJ_KEPT if key in metadata}
    unit = canonical_unit(str(metadata.get("unit", "")))
    for key, what in IMAGEJ_NUMBERS.items():
        length = key == "spacing"
        if metadata.get(key, 0) != 0:  # 0 means unknown
            value = metadata[key]
            if length and isinstance(value, (int, float)):
                value = abs(value)  # as ImageJ reads a negative distance
            if (found := parse_step(value, unit if length else "s", what, notes)) is not None:
                kept[key] = found
    for key in ("xorigin", "yorigin", "zorigin", "min", "max"):
        if key in kept and parse_number(kept[key]) is None:
            del kept[key]
    ranges = kept.get("Ranges", ())
    if not isinstance(ranges, (tuple, list)) or any(parse_number(each) is None for each in ranges):
        del kept["Ranges"]
        notes.append("Its display ranges are damaged and ignored.")
    return kept


def ome_root(tiff: Any, notes: Notes) -> Element | None:
    """Parse the header of an OME file; None if there is none or it cannot be parsed."""
    text = tiff.ome_metadata
    if not text:
        return None
    try:
        return fromstring(text)
    except (ParseError, ValueError):
        notes.append("Its OME header is damaged, so that its axes and pixel size are unknown.")
        return None


def read_ome(root: Element, index: int, name: str, count: int, notes: Notes) -> dict[str, Any]:
    """Return the metadata of one image of an OME header, as arguments of tifffile.

    Parameters
    ----------
    root : Element
    index : int
        Index of the series.
    name : str
        Name of the series.
    count : int
        Number of series in the file.
    notes : list of str
        Gets a sentence for each value that is ignored.
    """
    images = _children(root, "Image")
    if len(images) != count:  # an image without planes is no series
        images = [image for image in images if image.get("Name", "") == name][:1]
        index = 0
    if index >= len(images) or not (pixels := _children(images[index], "Pixels")):
        return {}
    image, attributes = images[index], pixels[0].attrib
    kept: dict[str, Any] = {"Name": image.get("Name")} if image.get("Name") else {}
    for child in (*_children(image, "AcquisitionDate"), *_children(image, "Description")):
        if child.text:
            kept[child.tag.rpartition("}")[2]] = child.text
    for axis in "XYZ":
        key = f"PhysicalSize{axis}"
        unit = canonical_unit(attributes.get(f"{key}Unit", "µm"))
        if key in attributes and (
            found := parse_step(attributes[key], unit, f"pixel size along {axis}", notes)
        ):
            kept |= {key: found, f"{key}Unit": attributes.get(f"{key}Unit", "µm")}
    unit = attributes.get("TimeIncrementUnit", "s")
    if attributes.get("TimeIncrement", "0").strip("0.") and (
        found := parse_step(attributes["TimeIncrement"], unit, "time step", notes)
    ):
        kept |= {"TimeIncrement": found, "TimeIncrementUnit": unit}
    if attributes.get("SignificantBits", "").isdigit():
        kept["SignificantBits"] = int(attributes["SignificantBits"])
    channels = [_attributes(each, CHANNEL_KEPT) for each in _children(pixels[0], "Channel")]
    if any(channels):
        kept["Channel"] = _transposed(channels)
    elements = {each.tag.rpartition("}")[2] for each in (*root, *image, *pixels[0])}
    if lost := sorted(each for each in elements - OME_ELEMENTS if not each.endswith("Ref")):
        notes.append(f"A result cannot hold {', '.join(lost)} from its OME header.")
    planes = _children(pixels[0], "Plane")
    if any(_attributes(each, PLANE_KEPT) for each in planes):
        kept["Plane"] = [
            {axis: each.get(f"The{axis}", "0") for axis in "TZC"} | _attributes(each, PLANE_KEPT)
            for each in planes
        ]
    return kept


def read_colormap(page: Any) -> Any:
    """Return the colour map of a page, ``(3, N)`` of uint16, or None."""
    tag, bits = page.tags.get("ColorMap"), page.bitspersample
    if tag is None or bits not in (1, 2, 4, 8, 16):
        return None
    values = np.asarray(tag.value)
    usable = values.dtype.kind in "iu" and values.size == 3 * 2**bits
    return values.reshape(3, -1).astype(np.uint16) if usable else None


def scale_to_level(file_image: FileImage, full: Any, series: Any) -> FileImage:
    """Adapt the pixel size to a lower resolution level, given the series of both levels."""
    if series is full:
        return file_image
    metadata, resolution = dict(file_image.metadata), file_image.resolution
    index = {axis: full.axes.index(axis) for axis in "XY"}
    ratios = {axis: full.shape[index[axis]] / series.shape[index[axis]] for axis in "XY"}
    for axis in "XY":
        if (key := f"PhysicalSize{axis}") in metadata:
            metadata[key] *= ratios[axis]
    if resolution:
        x, y = (parse_number(each) or 1.0 for each in resolution[0])
        resolution = (x / ratios["X"], y / ratios["Y"]), resolution[1]
    return replace(file_image, metadata=metadata, resolution=resolution)


def _transposed(items: list[dict[str, Any]]) -> Any:
    """Turn a list of dictionaries with equal keys into a dictionary of lists."""
    if all(set(each) == set(items[0]) for each in items):
        return {name: [each[name] for each in items] for name in items[0]}
    return items


def _attributes(element: Element, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: element.attrib[name] for name in names if name in element.attrib}


def _children(element: Element, name: str) -> list[Element]:
    return [each for each in element if each.tag.rpartition("}")[2] == name]


def _quoted(value: Any) -> str:
    if isinstance(value, tuple) and len(value) == 2:
        value = "/".join(map(str, value))
    text = " ".join(str(value).split())
    return f'"{text[:40]}"'
