"""The command ``napari-n2s info``, and the options that select one of the images in a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_n2s.cli.console import say
from napari_n2s.images.axes import parse_axes

if TYPE_CHECKING:
    from napari_n2s.io.file_image import FileImage, ImageInfo


def add_command(commands: Any, about: str) -> None:
    """Add the command to the shell's."""
    text = "list the images in a file, with their axes, type, pixel size and resolutions"
    parser = commands.add_parser("info", help=text, description=text.capitalize() + ".")
    parser.set_defaults(run=_info)
    parser.add_argument("input", type=Path, metavar="FILE", help=about)


def add_selection(parser: Any) -> None:
    """Add the options that select one of several images in INPUT."""
    parser.add_argument(
        "--series",
        type=int,
        metavar="N",
        help="index of the image in INPUT if it holds several (positions, scenes), counted from 0; "
        "napari-n2s info lists them",
    )
    parser.add_argument(
        "--level",
        type=int,
        metavar="N",
        help="index of its resolution level; 0 is full resolution",
    )


def read_selected(args: argparse.Namespace) -> FileImage:
    """Read the selected image and print the notes on it."""
    from napari_n2s.io import reading

    file_image = reading.read_image(args.input, args.series, args.level)
    for note in file_image.notes:
        say(f"{args.input}: {note}")
    return file_image


def print_lost_metadata(output: Path, dtype: Any, file_image: FileImage) -> None:
    """Print which metadata of the source the output cannot hold.

    Raises
    ------
    ImageError
        If the axes do not fit the image.
    """
    from napari_n2s.io import writing

    parse_axes(file_image.image.shape, file_image.axes)
    for note in writing.lost_metadata(output, dtype, file_image):
        say(note)


def _info(args: argparse.Namespace) -> None:
    from napari_n2s.io import reading

    for index, info in enumerate(reading.list_images(args.input)):
        say(info.sentence(index))
        for line in _details(info):
            say(f"   {line}")


def _details(info: ImageInfo) -> list[str]:
    lines = []
    if info.pixel_sizes:
        steps = [f"{axis} {step:.6g} {unit}" for axis, (step, unit) in info.pixel_sizes.items()]
        lines.append(f"pixel size: {', '.join(steps)}")
    if len(info.levels) > 1:
        shapes = [f"{n}: {' x '.join(map(str, shape))}" for n, shape in enumerate(info.levels)]
        lines.append(f"levels: {', '.join(shapes)}")
    return lines + list(info.notes)
