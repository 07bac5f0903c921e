"""The shell: ``napari-n2s denoise``, ``calibrate`` and ``demo``."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from napari_n2s import __version__, cli_calibrate
from napari_n2s.ideas.errors import N2SError, SettingsError
from napari_n2s.ideas.settings import Settings, choices, words
from napari_n2s.work.load import load_torch
from napari_n2s.work.progress import Applying, Preview, Progress

if TYPE_CHECKING:
    from napari_n2s.work.denoise import Denoised
    from napari_n2s.work.files import Recording


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the shell command and return its exit status: 0, or 2 after one sentence on stderr."""
    chosen = _parser().parse_args(arguments)
    try:
        chosen.run(chosen)
    except N2SError as error:
        print(f"napari-n2s: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nnapari-n2s: given up.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="napari-n2s", description=sys.modules["napari_n2s"].__doc__
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    text = "denoise an image file with a network trained on it alone"
    denoise = commands.add_parser("denoise", help=text, description=text.capitalize() + ".")
    denoise.set_defaults(run=_denoise)
    denoise.add_argument("input", type=Path, metavar="INPUT", help="a TIFF or PNG file")
    denoise.add_argument(
        "-o",
        "--output",
        type=Path,
        help="the TIFF file to write; INPUT_n2s.tif beside it if left out",
    )
    denoise.add_argument(
        "--axes", help="one letter for each axis, as TYX; read from the file if left out"
    )
    denoise.add_argument(
        "--dtype",
        choices=("float32", "same"),
        default="float32",
        help="type of the result: float32, or the same as the input, rounded and clipped",
    )
    denoise.add_argument(
        "--method",
        choices=cli_calibrate.METHODS,
        help=f"calibrate a filter instead of training a network: {cli_calibrate.METHOD}",
    )
    denoise.add_argument("--report", type=Path, metavar="FILE.json", help="write an account here")
    _add_settings(denoise)

    cli_calibrate.add_command(commands)

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
            options["action"] = "store_true"
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


def _settings(chosen: argparse.Namespace) -> Settings:
    names = {each.name for each in fields(Settings)}
    return Settings(**{name: value for name, value in vars(chosen).items() if name in names})


def _denoise(chosen: argparse.Namespace) -> None:
    from napari_n2s.work import files

    settings = _settings(chosen)
    recording = files.read(chosen.input)
    output = chosen.output or chosen.input.with_name(f"{chosen.input.stem}_n2s.tif")
    files.check_output(output)
    if chosen.report:
        files.check_output(chosen.report, (".json",))
    if recording.others:
        print(f"{chosen.input} holds {recording.others + 1} images; the first is taken.")
    recording = replace(recording, axes=(chosen.axes or recording.axes).upper())
    dtype = recording.image.dtype if chosen.dtype == "same" else "float32"
    if chosen.method:
        ours = {each.name for each in fields(Settings)} - {"missing", "seed"}
        if given := sorted(ours & set(vars(chosen))):
            raise SettingsError(
                f"{', '.join(given)}: for networks, not for a filter; leave that out, or --method."
            )
        _filter(chosen, recording, settings, dtype, output)
        return
    clean, report = _denoise_and_show(recording.image, recording.axes, settings, dtype)
    files.write(output, clean, recording)
    print(f"Wrote {output} after {report.seconds:.0f} s on the {report.device}.")
    print(report.sentence())
    if chosen.report:
        files.write_whole(chosen.report, lambda part: part.write_text(report.to_json()))
        print(f"Wrote {chosen.report}.")


def _filter(
    chosen: argparse.Namespace,
    recording: Recording,
    settings: Settings,
    dtype: Any,
    output: Path,
) -> None:
    from napari_n2s.work import files

    clean, found = cli_calibrate.filter_image(
        recording.image, recording.axes, dtype, chosen.method, settings.missing, settings.seed
    )
    files.write(output, clean, recording)
    print(f"Wrote {output}.\n{cli_calibrate.account(found)}")
    if chosen.report:
        text = json.dumps(found.to_dict(), indent=2) + "\n"
        files.write_whole(chosen.report, lambda part: part.write_text(text))
        print(f"Wrote {chosen.report}.")


def _demo(chosen: argparse.Namespace) -> None:
    from napari_n2s.work import files

    settings, folder = _settings(chosen), chosen.folder
    paths = {
        name: folder / f"{name}.{'png' if name == 'before_after' else 'tif'}"
        for name in ("noisy", "denoised", "truth", "before_after")
    }
    files.make_folder(folder)
    for path in paths.values():
        files.check_output(path, (path.suffix,))
    from napari_n2s.work import demo, simulate

    sample = simulate.picture(seed=settings.seed)
    print("Simulated a fluorescence image of 512 x 512 pixels with filaments and nuclei.")
    clean, report = _denoise_and_show(sample.noisy, sample.axes, settings, "float32")
    for name, image in (("noisy", sample.noisy), ("denoised", clean), ("truth", sample.truth)):
        files.write(paths[name], image, files.Recording(image, sample.axes))
    files.write_png(paths["before_after"], demo.before_and_after(sample, clean))
    print(f"Wrote {', '.join(path.name for path in paths.values())} to {folder}.")
    print(
        f"Against the truth: noisy {demo.psnr(sample.noisy, sample.truth):.1f} dB, "
        f"best Gaussian blur {demo.best_blur(sample):.1f} dB, "
        f"denoised {demo.psnr(clean, sample.truth):.1f} dB "
        f"({report.seconds:.0f} s on the {report.device})."
    )
    print(report.sentence())


def _denoise_and_show(image: Any, axes: str, settings: Settings, dtype: Any) -> Denoised:
    """Denoise with a bar on a terminal, or a plain line now and then; Ctrl-C ends the training."""
    load_torch()
    from napari_n2s.work.denoise import denoising

    with _interrupt() as stop:
        work = denoising(image, axes=axes, settings=settings, dtype=dtype, stop=stop.is_set)
        terminal, shown = sys.stderr.isatty(), -1
        while True:
            try:
                state = next(work)
            except StopIteration as end:
                if terminal:
                    print(file=sys.stderr)
                result: Denoised = end.value
                return result
            if isinstance(state, Preview):
                continue
            percent = int(100 * state.done)
            if terminal:
                line = f"[{'#' * (percent // 5):20}] {percent:3d} % {_line(state)}"
                width = shutil.get_terminal_size().columns - 1
                print(f"\r{line[:width]:{width}}", end="", file=sys.stderr, flush=True)
            elif percent // 10 != shown:
                shown = percent // 10
                print(f"{percent:3d} % {_line(state)}", file=sys.stderr, flush=True)


@contextmanager
def _interrupt() -> Iterator[Event]:
    """Let the first Ctrl-C set an event; the second interrupts as ever."""
    stop = Event()

    def note(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _line(state: Progress | Applying) -> str:
    """Say where the work stands."""
    if isinstance(state, Applying):
        return "applying the network"
    left = state.seconds_left
    time = f"{state.seconds:.0f} s" if left is None else f"{left:.0f} s left"
    short = ", memory is short" if state.learner.shrunk else ""
    return (
        f"training, {time}{short}, step {state.step}, "
        f"error {state.best.score.loss:.4g} (median {state.baselines[0].score.loss:.4g})"
    )
