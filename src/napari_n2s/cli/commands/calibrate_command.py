"""The command ``napari-n2s calibrate``, and ``denoise --method`` with a calibrated filter."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_n2s.cli.commands import info_command
from napari_n2s.cli.console import say
from napari_n2s.core.settings import choices, words
from napari_n2s.images.dtypes import result_kind

if TYPE_CHECKING:
    from napari_n2s.calibration.result import Calibration, Tried
    from napari_n2s.io.file_image import FileImage

INPUT = "an image file (TIFF, PNG, MRC, CZI and others), or a folder of OME-Zarr or zarr"
METHODS = ("median", "mean", "gaussian", "nlm", "wavelet", "tv", "bilateral", "butterworth")
METHOD = (
    "median, mean or gaussian, whose footprint excludes the centre pixel; or scikit-image's "
    "nlm (non-local means), wavelet, tv (total variation), bilateral, butterworth"
)
MIX = (
    "mix the noisy pixels back into the blind prediction of a filter; by default if the noise can "
    "be estimated well enough"
)


def add_command(commands: Any) -> None:
    """Add the command to the shell's."""
    text = "find the best strength of a filter for an image file, without ground truth"
    parser = commands.add_parser("calibrate", help=text, description=text.capitalize() + ".")
    parser.set_defaults(run=_calibrate)
    parser.add_argument("input", type=Path, metavar="INPUT", help=INPUT)
    parser.add_argument("--method", choices=METHODS, default="median", help=METHOD)
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="plot the curve to this file")
    parser.add_argument(
        "--json", type=Path, metavar="FILE.json", help="write all values to this file"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help="write the image, filtered at the best strength, to this file",
    )
    parser.add_argument(
        "--axes", help="one letter for each axis, as TYX; default: read from the file"
    )
    parser.add_argument(
        "--z-step",
        type=float,
        metavar="D",
        help="filter across neighbouring slices too, which are D pixels apart (median, mean, "
        "gaussian)",
    )
    info_command.add_selection(parser)
    parser.add_argument("--mix", action=argparse.BooleanOptionalAction, default=None, help=MIX)
    parser.add_argument(
        "--nan-policy", choices=choices("nan_policy"), default="raise", help=words("nan_policy")
    )
    parser.add_argument("--seed", type=int, default=0, help=words("seed"))


def filter_file(
    output: Path, dtype: Any, file_image: FileImage, method: str, nan_policy: str, seed: int
) -> Calibration:
    """Calibrate a filter on an image, and write the image filtered at the best strength."""
    from napari_n2s.calibration.calibrate import calibrate
    from napari_n2s.core.generators import finish
    from napari_n2s.io.writing import open_output

    image, axes = file_image.image, file_image.axes
    with open_output(output, dtype, file_image) as out:
        found = calibrate(image, method, axes=axes, nan_policy=nan_policy, seed=seed)
        finish(found.applying(found.open(image), out=out))
    return found


def summary_lines(found: Calibration) -> list[str]:
    """Summarise a calibration, with the expected gain of mixing the noisy pixels back."""
    lines = [found.sentence()]
    if found.denoiser.blind:
        gain = f"Mixing the noisy pixels back should gain {found.mixing.gain:.1f} dB"
        doubt = "" if found.mixes else ", but the noise estimate is too uncertain: it is left out"
        lines.append(f"{gain}{doubt}.")
    return lines


def _calibrate(args: argparse.Namespace) -> None:
    from napari_n2s.core.generators import finish
    from napari_n2s.io import output_paths
    from napari_n2s.io.writing import open_output

    file_image = info_command.read_selected(args)
    for path, suffixes in ((args.plot, (".png",)), (args.json, (".json",))):
        if path:
            output_paths.check_output(path, suffixes)
    if args.output:
        output_paths.check_output(args.output, output_paths.OUTPUT_SUFFIXES)
    file_image = replace(file_image, axes=(args.axes or file_image.axes).upper())
    if args.output:
        with open_output(args.output, result_kind(file_image.image), file_image) as out:
            found = _calibrate_and_print(args, file_image)
            finish(found.applying(found.open(file_image.image), mix=args.mix, out=out))
    else:
        _calibrate_and_print(args, file_image)
    for path in filter(None, (args.plot, args.json, args.output)):
        say(f"Wrote {path}.")


def _calibrate_and_print(args: argparse.Namespace, file_image: FileImage) -> Calibration:
    from napari_n2s.calibration.calibrate import calibrating, get_ready, spacing_of
    from napari_n2s.filters.catalogue import choose_denoiser
    from napari_n2s.io import output_paths

    spacing = spacing_of(args.z_step)
    denoiser = choose_denoiser(args.method, None, spacing)
    ready = get_ready(
        file_image.image,
        file_image.axes,
        nan_policy=args.nan_policy,
        seed=args.seed,
        volume=len(spacing) > 2,
    )
    work = calibrating(ready, denoiser)
    while True:
        try:
            say(_row(next(work)))
        except StopIteration as end:
            found: Calibration = end.value
            break
    for line in summary_lines(found):
        say(line)
    if args.plot:
        from napari_n2s.calibration.curve import draw

        output_paths.write_atomically(args.plot, lambda part: draw(found, part))
    if args.json:
        text = json.dumps(found.to_dict(), indent=2) + "\n"
        output_paths.write_atomically(args.json, lambda part: part.write_text(text))
    return found


def _row(tried: Tried) -> str:
    values = " ".join(f"{name} {value:<8.4g}" for name, value in tried.values.items())
    return f"{values} error {tried.score.loss:.5g} ± {tried.score.error:.2g}"
