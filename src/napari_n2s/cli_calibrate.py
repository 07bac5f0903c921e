"""The shell: ``napari-n2s calibrate``, and denoising by a filter in place of a network."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_n2s.ideas.settings import choices, words

if TYPE_CHECKING:
    from napari_n2s.work.calibration import Calibration, Tried

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
    parser.add_argument("input", type=Path, metavar="INPUT", help="a TIFF or PNG file")
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
    parser.add_argument("--mix", action=argparse.BooleanOptionalAction, default=None, help=MIX)
    parser.add_argument(
        "--missing", choices=choices("missing"), default="refuse", help=words("missing")
    )
    parser.add_argument("--seed", type=int, default=0, help=words("seed"))


def filter_image(
    image: Any, axes: str, dtype: Any, method: str, missing: str, seed: int
) -> tuple[Any, Calibration]:
    """Calibrate a filter on an image, and apply it at its best."""
    from napari_n2s.work.calibrate import calibrate

    found = calibrate(image, method, axes=axes, missing=missing, seed=seed)
    return found.apply(image, dtype=dtype), found


def account(found: Calibration) -> str:
    """Say what came out, and what mixing promises."""
    lines = [found.sentence()]
    if found.denoiser.blind:
        gain = f"Mixing the noisy pixels back promises {found.mixing.gain:.1f} dB"
        doubt = "" if found.mixes else ", but the noise is not known well enough: it is left out"
        lines.append(f"{gain}{doubt}.")
    return "\n".join(lines)


def _calibrate(chosen: argparse.Namespace) -> None:
    from napari_n2s.work import files

    recording = files.read(chosen.input)
    for path, suffixes in ((chosen.plot, (".png",)), (chosen.json, (".json",))):
        if path:
            files.check_output(path, suffixes)
    if chosen.output:
        files.check_output(chosen.output)
    recording = replace(recording, axes=(chosen.axes or recording.axes).upper())
    from napari_n2s.work.calibrate import calibrating, get_ready
    from napari_n2s.work.denoisers import choose_denoiser

    spacing = (chosen.z_step, 1.0, 1.0) if chosen.z_step else (1.0, 1.0)
    denoiser = choose_denoiser(chosen.method, None, spacing)
    ready = get_ready(
        recording.image,
        recording.axes,
        missing=chosen.missing,
        seed=chosen.seed,
        volume=len(spacing) > 2,
    )
    work = calibrating(ready, denoiser)
    while True:
        try:
            print(_row(next(work)))
        except StopIteration as end:
            found: Calibration = end.value
            break
    print(account(found))
    if chosen.plot:
        from napari_n2s.work.curve import draw

        files.write_whole(chosen.plot, lambda part: draw(found, part))
    if chosen.json:
        text = json.dumps(found.to_dict(), indent=2) + "\n"
        files.write_whole(chosen.json, lambda part: part.write_text(text))
    if chosen.output:
        files.write(chosen.output, found.apply(recording.image, mix=chosen.mix), recording)
    for path in filter(None, (chosen.plot, chosen.json, chosen.output)):
        print(f"Wrote {path}.")


def _row(tried: Tried) -> str:
    values = " ".join(f"{name} {value:<8.4g}" for name, value in tried.values.items())
    return f"{values} error {tried.score.loss:.5g} ± {tried.score.error:.2g}"
