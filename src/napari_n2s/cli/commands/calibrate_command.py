"""The shell: ``napari-n2s calibrate``, and denoising by a filter in place of a network."""

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

INPUT = "a TIFF or PNG file, or a folder of OME-Zarr or zarr"
METHODS = ("median", "mean", "gaussian", "nlm", "wavelet", "tv", "bilateral", "butterworth")
METHOD = (
    "median, mean or gaussian, which leave a pixel out of its own neighbourhood; or scikit-image's "
    "nlm (non-local means), wavelet, tv (total variation), bilateral, butterworth"
)
MIX = (
    "mix the noisy pixels back into what a filter predicts without them; if left out, where the "
    "noise is known well enough"
)


def add_command(commands: Any) -> None:
    """Add the command to the shell's."""
    text = "find the strength of a filter that suits an image file, without ground truth"
    parser = commands.add_parser("calibrate", help=text, description=text.capitalize() + ".")
    parser.set_defaults(run=_calibrate)
    parser.add_argument("input", type=Path, metavar="INPUT", help=INPUT)
    parser.add_argument("--method", choices=METHODS, default="median", help=METHOD)
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the curve here")
    parser.add_argument("--json", type=Path, metavar="FILE.json", help="write every value here")
    parser.add_argument(
        "-o", "--output", type=Path, help="write the image, filtered at its best strength, here"
    )
    parser.add_argument(
        "--axes", help="one letter for each axis, as TYX; read from the file if left out"
    )
    parser.add_argument(
        "--z-step",
        type=float,
        metavar="D",
        help="look at neighbouring slices too, which are D pixels apart (median, mean, gaussian)",
    )
    info_command.add_choice(parser)
    parser.add_argument("--mix", action=argparse.BooleanOptionalAction, default=None, help=MIX)
    parser.add_argument(
        "--nan-policy", choices=choices("nan_policy"), default="raise", help=words("nan_policy")
    )
    parser.add_argument("--seed", type=int, default=0, help=words("seed"))


def filter_file(
    output: Path, kind: Any, recording: FileImage, method: str, nan_policy: str, seed: int
) -> Calibration:
    """Calibrate a filter on a recording, and write it filtered at its best."""
    from napari_n2s.calibration.calibrate import calibrate
    from napari_n2s.core.generators import finish
    from napari_n2s.io.writing import open_output

    image, axes = recording.image, recording.axes
    with open_output(output, kind, recording) as out:
        found = calibrate(image, method, axes=axes, nan_policy=nan_policy, seed=seed)
        finish(found.applying(image, out=out))
    return found


def account(found: Calibration) -> list[str]:
    """Say what came out, and what mixing promises."""
    lines = [found.sentence()]
    if found.denoiser.blind:
        gain = f"Mixing the noisy pixels back promises {found.mixing.gain:.1f} dB"
        doubt = "" if found.mixes else ", but the noise is not known well enough: it is left out"
        lines.append(f"{gain}{doubt}.")
    return lines


def _calibrate(chosen: argparse.Namespace) -> None:
    from napari_n2s.core.generators import finish
    from napari_n2s.io import output_paths
    from napari_n2s.io.writing import open_output

    recording = info_command.read_chosen(chosen)
    for path, suffixes in ((chosen.plot, (".png",)), (chosen.json, (".json",))):
        if path:
            output_paths.check_output(path, suffixes)
    if chosen.output:
        output_paths.check_output(chosen.output, output_paths.OUTPUT_SUFFIXES)
    recording = replace(recording, axes=(chosen.axes or recording.axes).upper())
    if chosen.output:
        with open_output(chosen.output, result_kind(recording.image), recording) as out:
            found = _calibrate_and_tell(chosen, recording)
            finish(found.applying(recording.image, mix=chosen.mix, out=out))
    else:
        _calibrate_and_tell(chosen, recording)
    for path in filter(None, (chosen.plot, chosen.json, chosen.output)):
        say(f"Wrote {path}.")


def _calibrate_and_tell(chosen: argparse.Namespace, recording: FileImage) -> Calibration:
    from napari_n2s.calibration.calibrate import calibrating, get_ready, spacing_of
    from napari_n2s.filters.catalogue import choose_denoiser
    from napari_n2s.io import output_paths

    spacing = spacing_of(chosen.z_step)
    denoiser = choose_denoiser(chosen.method, None, spacing)
    ready = get_ready(
        recording.image,
        recording.axes,
        nan_policy=chosen.nan_policy,
        seed=chosen.seed,
        volume=len(spacing) > 2,
    )
    work = calibrating(ready, denoiser)
    while True:
        try:
            say(_row(next(work)))
        except StopIteration as end:
            found: Calibration = end.value
            break
    for line in account(found):
        say(line)
    if chosen.plot:
        from napari_n2s.calibration.curve import draw

        output_paths.write_atomically(chosen.plot, lambda part: draw(found, part))
    if chosen.json:
        text = json.dumps(found.to_dict(), indent=2) + "\n"
        output_paths.write_atomically(chosen.json, lambda part: part.write_text(text))
    return found


def _row(tried: Tried) -> str:
    values = " ".join(f"{name} {value:<8.4g}" for name, value in tried.values.items())
    return f"{values} error {tried.score.loss:.5g} ± {tried.score.error:.2g}"
