"""The command line: ``napari-n2s denoise``, ``calibrate``, ``info`` and ``demo``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from napari_n2s.cli.commands import (
    calibrate_command,
    demo_command,
    denoise_command,
    info_command,
    pairs_command,
)
from napari_n2s.cli.console import TRACEBACK, error_message, printable, tolerant_streams
from napari_n2s.core.errors import N2SError
from napari_n2s.core.settings import Settings, choices, words
from napari_n2s.core.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, 2 after an error, 130 after Ctrl-C."""
    with tolerant_streams():
        args = _parser().parse_args(arguments)
        try:
            args.run(args)
        except N2SError as error:
            _print_error(str(error))
            return 2
        except KeyboardInterrupt:
            _print_error("interrupted.")
            return 130
        except Exception as error:  # a bug, whose traceback does not help the user
            if os.environ.get(TRACEBACK):
                raise
            _print_error(error_message(error))
            return 2
    return 0


def _print_error(text: str) -> None:
    print(f"napari-n2s: {printable(text)}", file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    """An argument parser that escapes unprintable characters in its error messages."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="napari-n2s", description=sys.modules["napari_n2s"].__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    text = "denoise an image file with a network trained on it alone"
    order = "%(prog)s INPUT [INPUT ...] [options]\n       %(prog)s --pairs FOLDER FOLDER [options]"
    about = (
        text.capitalize() + ". INPUT comes first; several images, or those in a folder, are "
        "denoised one by one, each with a training of its own."
    )
    denoise = commands.add_parser("denoise", usage=order, help=text, description=about)
    denoise.set_defaults(run=denoise_command.denoise)
    denoise.add_argument(
        "input", type=Path, nargs="*", metavar="INPUT", help=calibrate_command.INPUT
    )
    denoise.add_argument(
        "-o",
        "--output",
        type=Path,
        help="the TIFF file or folder of OME-Zarr (.zarr) to write; with --pairs or several INPUTs "
        "a folder; default: INPUT_n2s next to the input, as OME-Zarr or MRC if the input is, else "
        "as TIFF",
    )
    denoise.add_argument(
        "--stack",
        action="store_true",
        help="denoise the images in the folder INPUT as slices of one stack, in the order of the "
        "numbers in their names, along Z, or along T with --axes TYX",
    )
    denoise.add_argument(
        "--axes", help="one letter for each axis, as TYX; default: read from the file"
    )
    denoise.add_argument(
        "--dtype",
        choices=("float32", "float64", "same"),
        help="data type of the result, or the same as the input, rounded and clipped; default: "
        "float32, or float64 if float32 has too few digits for the differences in the image",
    )
    denoise.add_argument(
        "--method",
        choices=calibrate_command.METHODS,
        help=f"calibrate a filter instead of training a network: {calibrate_command.METHOD}",
    )
    denoise.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="apply the network on the cluster of this dask.distributed scheduler; the output is a "
        ".zarr that its workers can write to",
    )
    denoise.add_argument(
        "--report", type=Path, metavar="FILE.json", help="write a report to this file"
    )
    denoise.add_argument(
        "--guide",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="images of the same field of view that the network sees in addition and does not "
        "predict, as a clean channel or a transmitted-light image",
    )
    info_command.add_selection(denoise)
    pairs_command.add_options(denoise)
    _add_settings(denoise)

    calibrate_command.add_command(commands)
    info_command.add_command(commands, calibrate_command.INPUT)

    text = "simulate a noisy micrograph, denoise it, and compare it with the truth"
    demo = commands.add_parser("demo", help=text, description=text.capitalize() + ".")
    demo.set_defaults(run=demo_command.run)
    demo.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=Path("napari-n2s-demo"),
        metavar="FOLDER",
        help="folder to write the images to (default: %(default)s)",
    )
    _add_settings(demo)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    budget = parser.add_mutually_exclusive_group()
    common: dict[str, Any] = {"seconds": budget, "steps": budget, "device": parser, "seed": parser}
    advanced = parser.add_argument_group("advanced settings")
    for each in fields(Settings):
        place: Any = common.get(each.name, advanced)
        options: dict[str, Any] = {
            "default": argparse.SUPPRESS,
            "help": _help(each.name, each.default),
        }
        if each.type == "bool":
            either = argparse.BooleanOptionalAction
            options["action"] = either if each.default else "store_true"
        elif among := choices(each.name):
            options["choices"] = among
        else:
            options["type"] = int if "int" in str(each.type) else float
            options["metavar"] = each.name[0].upper()
            if "tuple" in str(each.type):
                options["nargs"] = "+"
        place.add_argument(f"--{each.name.replace('_', '-')}", **options)


def _help(name: str, default: Any) -> str:
    about = words(name).replace("%", "%%")
    if default is None or isinstance(default, bool):
        return about
    return f"{about} (default: {default})"
