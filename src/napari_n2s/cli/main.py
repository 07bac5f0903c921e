"""The shell: ``napari-n2s denoise``, ``calibrate``, ``info`` and ``demo``."""

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
from napari_n2s.cli.console import TRACEBACK, in_a_sentence, printable, tolerant_streams
from napari_n2s.core.errors import N2SError
from napari_n2s.core.settings import Settings, choices, words
from napari_n2s.core.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the shell command and return its exit status: 0, or 2 after one sentence on stderr."""
    with tolerant_streams():
        chosen = _parser().parse_args(arguments)
        try:
            chosen.run(chosen)
        except N2SError as error:
            _complain(str(error))
            return 2
        except KeyboardInterrupt:
            _complain("given up.")
            return 130
        except Exception as error:  # an oversight of ours, whose traceback helps nobody but us
            if os.environ.get(TRACEBACK):
                raise
            _complain(in_a_sentence(error))
            return 2
    return 0


def _complain(text: str) -> None:
    print(f"napari-n2s: {printable(text)}", file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    """Shows what was typed so that it does no harm to a terminal."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="napari-n2s", description=sys.modules["napari_n2s"].__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    text = "denoise an image file with a network trained on it alone"
    order = "%(prog)s INPUT [INPUT ...] [options]\n       %(prog)s --pairs FOLDER FOLDER [options]"
    about = (
        text.capitalize() + ". INPUT comes first; of several, or of the images in a folder, each "
        "is denoised by itself."
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
        help="the TIFF file or the folder of OME-Zarr (.zarr) to write, with --pairs a folder of "
        "TIFF files, with several INPUTs a folder; if left out, INPUT_n2s beside it, OME-Zarr or "
        "MRC where that is and TIFF elsewhere",
    )
    denoise.add_argument(
        "--stack",
        action="store_true",
        help="the images in the folder INPUT are single slices, in the order of the numbers in "
        "their names: denoise them as one stack along Z, or T with --axes TYX, into one file",
    )
    denoise.add_argument(
        "--axes", help="one letter for each axis, as TYX; read from the file if left out"
    )
    denoise.add_argument(
        "--dtype",
        choices=("float32", "float64", "same"),
        help="type of the result, or the same as the input, rounded and clipped; if left out, "
        "float32, or float64 where that has too few digits for the differences in the image",
    )
    denoise.add_argument(
        "--method",
        choices=calibrate_command.METHODS,
        help=f"calibrate a filter instead of training a network: {calibrate_command.METHOD}",
    )
    denoise.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="apply what was learnt on the cluster of this scheduler of dask.distributed; the "
        "output is a .zarr that its workers can reach",
    )
    denoise.add_argument("--report", type=Path, metavar="FILE.json", help="write an account here")
    denoise.add_argument(
        "--guide",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="images of the same field that the network sees besides and does not predict, as a "
        "clean channel or a transmitted-light image",
    )
    info_command.add_choice(denoise)
    pairs_command.add_options(denoise)
    _add_settings(denoise)

    calibrate_command.add_command(commands)
    info_command.add_command(commands, calibrate_command.INPUT)

    text = "simulate a noisy micrograph, denoise it, and compare with the truth"
    demo = commands.add_parser("demo", help=text, description=text.capitalize() + ".")
    demo.set_defaults(run=demo_command.run)
    demo.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=Path("napari-n2s-demo"),
        metavar="FOLDER",
        help="where to write the images (default: %(default)s)",
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
    shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
    return f"{about} (default: {shown})"
