"""Two hundred variants of TIFF: all they hold is read and written again, or a note names the loss.

    python benchmarks/tiff_variants.py

Every variant is written into a temporary folder and read; its values, axes and pixel size are
compared with what was written. Then it is written as a denoised result is, as float32 and in its
own data type, and read again: axes, pixel size and the other metadata must still be there. Exit
status 1 if anything is lost without a note.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tiff_files import Variant, write_variants


def check(path: Path, variant: Variant) -> list[str]:
    """Read and write a variant; list the faults."""
    from napari_n2s.core.errors import FileError
    from napari_n2s.io import reading, writing

    try:
        read = reading.read_image(path, **variant.options)
    except FileError as error:
        expected = variant.image is None and variant.words in str(error)
        return [] if expected else [f"refused: {error}"]
    if variant.image is None:
        return ["not refused"]
    wrong = _compare(read, variant)
    notes = " ".join(read.notes)
    unexpected = read.notes and not variant.words and "palette" not in notes
    if variant.words not in notes or unexpected:
        wrong.append(f"notes {notes!r} and not {variant.words!r}")
    for dtype in {np.dtype("f4"), read.image.dtype}:
        result = path.with_name(f"result_{dtype.name}_{path.name}.tif")
        with writing.open_output(result, dtype, read) as out:
            out[...] = read.image
        again, lost = reading.read_image(result), writing.lost_metadata(result, dtype, read)
        values = np.array_equal(again.image, np.asarray(read.image).astype(dtype))
        if not values or again.axes != read.axes:
            wrong.append(f"as {dtype}: {again.axes} {again.image.shape} for {read.axes}, {values}")
        if _sizes(again, "XY" if again.file_format == "plain" else "TZXY") != _sizes(
            read, "XY" if again.file_format == "plain" else "TZXY"
        ):
            wrong.append(f"as {dtype}: {again.pixel_sizes} for {read.pixel_sizes}")
        for name in variant.kept:
            same = repr(again.metadata.get(name)) == repr(read.metadata.get(name))
            if name not in read.metadata or not (same or lost):
                wrong.append(f"as {dtype}: {name} is lost")
        for name in variant.tags if dtype == read.image.dtype else ():
            if name not in read.tags or repr(again.tags.get(name)) != repr(read.tags[name]):
                wrong.append(f"{name}: {again.tags.get(name)} for {read.tags.get(name)}")
    return wrong


def _compare(read: Any, variant: Variant) -> list[str]:
    wrong = []
    image = np.asarray(read.image)
    if image.shape != variant.image.shape:
        wrong.append(f"of shape {image.shape} and not {variant.image.shape}")
    elif np.abs(image.astype(float) - variant.image).mean() > (20 if variant.near else 0):
        wrong.append("other values")
    if image.dtype != variant.image.dtype:
        wrong.append(f"{image.dtype} for {variant.image.dtype}")
    if variant.axes and read.axes != variant.axes:
        wrong.append(f"{read.axes} for {variant.axes}")
    if _rounded(read.pixel_sizes) != _rounded(variant.sizes):
        wrong.append(f"{read.pixel_sizes} for {variant.sizes}")
    return wrong


def _sizes(file_image: Any, axes: str) -> dict[str, float]:
    """Return the pixel size in centimetres and the time step in seconds."""
    from napari_n2s.io.pixel_size import CENTIMETRES, SECONDS

    scale = CENTIMETRES | SECONDS
    sizes = file_image.pixel_sizes.items()
    return {axis: float(f"{step * scale[u]:.5g}") for axis, (step, u) in sizes if axis in axes}


def _rounded(sizes: dict[str, tuple[float, str]]) -> dict[str, tuple[float, str]]:
    return {axis: (float(f"{step:.5g}"), unit) for axis, (step, unit) in sizes.items()}


def main() -> None:
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        found = write_variants(Path(folder))
        for each in found:
            try:
                wrong = check(Path(folder) / each.name, each)
            except Exception as error:  # any exception is a fault to report
                wrong = [f"{type(error).__name__}: {error}"]
            counts["wrong" if wrong else "refused" if each.image is None else "kept"] += 1
            for line in wrong:
                print(f"{each.name}: {line}")
    print(
        f"{len(found)} variants of TIFF: {counts['kept']} read and written again in "
        f"full, {counts['refused']} refused with a sentence as they should be, "
        f"{counts['wrong']} wrong."
    )
    sys.exit(bool(counts["wrong"]))


if __name__ == "__main__":
    main()
