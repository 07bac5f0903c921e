"""The shell: ``napari-n2s denoise``, ``calibrate``, ``info`` and ``demo``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from napari_n2s import __version__, cli_calibrate, cli_denoise, cli_info, cli_pairs
from napari_n2s.cli_streams import printable, say, tolerant_streams
from napari_n2s.ideas.errors import N2SError
from napari_n2s.ideas.settings import Settings, choices, words
from napari_n2s.work.places import reason

TRACEBACK = "NAPARI_N2S_TRACEBACK"
"""Environment variable that has the traceback of an unexpected error shown."""


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


def in_a_sentence(error: Exception) -> str:
    """Say what went wrong, whatever it is."""
    if isinstance(error, N2SError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory; close other programs, or denoise a part of the image."
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be read or written: {reason(error)}."
    return (
        f"Something went wrong that should not ({type(error).__name__}: {error}); with the "
        f"environment variable {TRACEBACK}=1 it is shown where, for a report."
    )


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
    denoise.set_defaults(run=cli_denoise.denoise)
    denoise.add_argument("input", type=Path, nargs="*", metavar="INPUT", help=cli_calibrate.INPUT)
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
        choices=cli_calibrate.METHODS,
        help=f"calibrate a filter instead of training a network: {cli_calibrate.METHOD}",
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
    cli_info.add_choice(denoise)
    cli_pairs.add_options(denoise)
    _add_settings(denoise)

    cli_calibrate.add_command(commands)
    cli_info.add_command(commands, cli_calibrate.INPUT)

    text = "simulate a noisy micrograph, denoise it, and compare with the truth"
    demo = commands.add_parser("demo", help=text, description=text.capitalize() + ".")
    demo.set_defaults(run=_demo)
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


def _demo(chosen: argparse.Namespace) -> None:
    from napari_n2s.work import places

    settings, folder = cli_denoise.settings_of(chosen), chosen.folder
    paths = {
        name: folder / f"{name}.{'png' if name == 'before_after' else 'tif'}"
        for name in ("noisy", "denoised", "truth", "before_after")
    }
    with places.folder(folder):
        for path in paths.values():
            places.check_output(path, (path.suffix,))
        with places.claim(paths["noisy"]):
            _simulate_and_denoise(settings, folder, paths)


def _simulate_and_denoise(settings: Settings, folder: Path, paths: dict[str, Path]) -> None:
    from napari_n2s.work import demo, files, simulate
    from napari_n2s.work.recording import Recording

    sample = simulate.picture(seed=settings.seed)
    say("Simulated a fluorescence image of 512 x 512 pixels with filaments and nuclei.")
    clean, report = cli_denoise.denoise_and_show(sample.noisy, sample.axes, settings)
    for name, image in (("noisy", sample.noisy), ("denoised", clean), ("truth", sample.truth)):
        files.write(paths[name], image, Recording(image, sample.axes))
    files.write_png(paths["before_after"], demo.before_and_after(sample, clean))
    say(f"Wrote {', '.join(path.name for path in paths.values())} to {folder}.")
    say(
        f"Against the truth: noisy {demo.psnr(sample.noisy, sample.truth):.1f} dB, "
        f"best Gaussian blur {demo.best_blur(sample):.1f} dB, "
        f"denoised {demo.psnr(clean, sample.truth):.1f} dB "
        f"({report.seconds:.0f} s on the {report.device})."
    )
    say(report.sentence())
