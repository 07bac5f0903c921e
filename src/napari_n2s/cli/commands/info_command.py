"""The shell: ``napari-n2s info``, and choosing one of the images in a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_n2s.cli.console import say

if TYPE_CHECKING:
    from napari_n2s.io.file_image import FileImage, ImageInfo


def add_command(commands: Any, about: str) -> None:
    """Add the command to the shell's."""
    text = "list the images in a file, with their axes, type, pixel size and resolutions"
    parser = commands.add_parser("info", help=text, description=text.capitalize() + ".")
    parser.set_defaults(run=_info)
    parser.add_argument("input", type=Path, metavar="FILE", help=about)


def add_choice(parser: Any) -> None:
    """Add the options that choose one of several images in INPUT."""
    parser.add_argument(
        "--series",
        type=int,
        metavar="N",
        help="which of several images in INPUT (positions, scenes), counted from 0; napari-n2s "
        "info lists them",
    )
    parser.add_argument(
        "--level",
        type=int,
        metavar="N",
        help="at which of its resolutions, 0 for the full one",
    )


def read_chosen(chosen: argparse.Namespace) -> FileImage:
    """Read the image that was named and chosen, and say what there is to be known of it."""
    from napari_n2s.io import reading

    recording = reading.read_image(chosen.input, chosen.series, chosen.level)
    for note in recording.notes:
        say(f"{chosen.input}: {note}")
    return recording


def tell_losses(output: Path, kind: Any, recording: FileImage) -> None:
    """Say what of all that a file says the result has no place for.

    Raises
    ------
    ImageError
        If the axes are not those of the image.
    """
    from napari_n2s.images.axes import layout
    from napari_n2s.io import writing

    layout(recording.image.shape, recording.axes)

    for note in writing.lost_metadata(output, kind, recording):
        say(note)


def _info(chosen: argparse.Namespace) -> None:
    from napari_n2s.io import reading

    for number, content in enumerate(reading.list_images(chosen.input)):
        say(content.sentence(number))
        for line in _details(content):
            say(f"   {line}")


def _details(content: ImageInfo) -> list[str]:
    lines = []
    if content.pixel_sizes:
        steps = [f"{axis} {step:.6g} {unit}" for axis, (step, unit) in content.pixel_sizes.items()]
        lines.append(f"pixel size: {', '.join(steps)}")
    if len(content.levels) > 1:
        shapes = [f"{n}: {' x '.join(map(str, shape))}" for n, shape in enumerate(content.levels)]
        lines.append(f"levels: {', '.join(shapes)}")
    return lines + list(content.notes)
