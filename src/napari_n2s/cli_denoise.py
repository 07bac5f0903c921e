"""The shell: ``napari-n2s denoise``, and what it shows meanwhile."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from threading import Event, current_thread, main_thread
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_n2s import cli_calibrate, cli_info, cli_pairs, cli_several, cli_start
from napari_n2s.cli_streams import printable, say
from napari_n2s.ideas.errors import SettingsError
from napari_n2s.ideas.guides import guide
from napari_n2s.ideas.kinds import named_kind
from napari_n2s.ideas.settings import Settings
from napari_n2s.work.load import load_torch
from napari_n2s.work.progress import Applying, Preview, Progress

if TYPE_CHECKING:
    from napari_n2s.work.denoise import Denoised
    from napari_n2s.work.recording import Recording
    from napari_n2s.work.report import Report

GIVES_UP = "The network is being applied; Ctrl-C once more gives up, and nothing is kept."
STOPS = (
    "The network is being applied; Ctrl-C once more stops that, and the same command goes on after "
    "the last finished pictures."
)


def settings_of(chosen: argparse.Namespace) -> Settings:
    """Gather the settings from what was typed."""
    names = {each.name for each in fields(Settings)}
    return Settings(**{name: value for name, value in vars(chosen).items() if name in names})


def denoise(chosen: argparse.Namespace) -> None:
    """Run the command."""
    settings_of(chosen)
    if not (chosen.input or chosen.pairs):
        raise SettingsError("Name an image to denoise, or folders after --pairs.")
    if chosen.stack:
        _denoise_stack(chosen)
    elif cli_several.wanted(chosen):
        cli_several.denoise(chosen, _denoise_one)
    else:
        chosen.input = chosen.input[0] if chosen.input else None
        _denoise_one(chosen)


def _denoise_stack(chosen: argparse.Namespace) -> None:
    if cli_pairs.wanted(chosen):
        raise SettingsError("--stack is for one reading; leave out what names others.")
    recording, sources = cli_several.read_stack(chosen)
    first = chosen.input[0] if chosen.input[0].name.strip(".") else chosen.input[0].resolve()
    chosen.input = first.with_name(f"{first.name}.tif") if first.is_dir() else first
    _denoise_recording(chosen, recording, sources)


def _denoise_one(chosen: argparse.Namespace) -> None:
    if cli_pairs.wanted(chosen):
        cli_pairs.denoise(chosen, settings_of(chosen))
    else:
        _denoise_recording(chosen, cli_info.read_chosen(chosen), [chosen.input])


def _denoise_recording(
    chosen: argparse.Namespace, recording: Recording, sources: list[Path]
) -> None:
    from napari_n2s.work import files, places, results

    settings = settings_of(chosen)
    output = chosen.output or places.beside_input(chosen.input, recording.flavour)
    places.check_output(output, places.RESULTS)
    if chosen.report:
        places.check_output(chosen.report, (".json",))
    recording = replace(recording, axes=(chosen.axes or recording.axes).upper())
    guides = [files.read(each).image for each in chosen.guide]
    recording = replace(recording, image=guide(recording.image, recording.axes, guides))
    kind = named_kind(chosen.dtype, recording.image)
    cli_info.tell_losses(output, kind, recording)
    if chosen.scheduler and (chosen.method or not places.is_zarr(output)):
        raise SettingsError(
            "--scheduler is for networks and for an output that ends in .zarr; leave it out, or "
            "choose such a name."
        )
    if chosen.method:
        ours = {each.name for each in fields(Settings)} - {"missing", "seed"}
        given = sorted(ours & set(vars(chosen))) + ["guide"] * bool(chosen.guide)
        if given:
            raise SettingsError(
                f"{', '.join(given)}: for networks, not for a filter; leave that out, or --method."
            )
        _filter(chosen, recording, settings, kind, output)
        return
    if places.is_zarr(output):
        report = _denoise_to_zarr(chosen, recording, settings, kind, output, sources)
    else:
        with results.creating(output, kind, recording) as out:
            _, report = denoise_and_show(recording.image, recording.axes, settings, out)
    say(f"Wrote {output} after {report.seconds:.0f} s on the {report.device}.")
    say(report.sentence())
    if chosen.report:
        places.write_whole(chosen.report, lambda part: part.write_text(report.to_json()))
        say(f"Wrote {chosen.report}.")


def _filter(
    chosen: argparse.Namespace,
    recording: Recording,
    settings: Settings,
    kind: np.dtype[Any],
    output: Path,
) -> None:
    from napari_n2s.work import places

    found = cli_calibrate.filter_file(
        output, kind, recording, chosen.method, settings.missing, settings.seed
    )
    for line in (f"Wrote {output}.", *cli_calibrate.account(found)):
        say(line)
    if chosen.report:
        text = json.dumps(found.to_dict(), indent=2) + "\n"
        places.write_whole(chosen.report, lambda part: part.write_text(text))
        say(f"Wrote {chosen.report}.")


def _denoise_to_zarr(
    chosen: argparse.Namespace,
    recording: Recording,
    settings: Settings,
    kind: np.dtype[Any],
    output: Path,
    sources: list[Path],
) -> Report:
    load_torch()
    from napari_n2s.work.cluster import connect
    from napari_n2s.work.long_job import denoising_to
    from napari_n2s.work.unfinished import Unfinished

    unfinished = Unfinished(output)
    begun = unfinished.begun
    client = connect(chosen.scheduler) if chosen.scheduler else None
    read = [*sources, *chosen.guide]
    start = partial(denoising_to, output, read, recording, settings, kind, client)

    def words() -> str:
        kept = f"{unfinished.folder} keeps what is finished; repeat the command to go on."
        return printable(kept) if unfinished.begun else ""

    try:
        with cli_start.last_words(words):
            report: Report = show(start, STOPS)
    finally:
        if client:
            client.close()
    if begun:
        say(f"Went on with what was finished in {unfinished.folder}.")
    return report


def denoise_and_show(image: Any, axes: str, settings: Settings, out: Any = None) -> Denoised:
    """Denoise, telling how far it is; Ctrl-C ends the training."""
    load_torch()
    from napari_n2s.work.denoise import denoising

    start = partial(denoising, image, axes=axes, settings=settings, out=out)
    result: Denoised = show(start)
    return result


def show(start: Callable[..., Generator[Any, None, Any]], second: str = GIVES_UP) -> Any:
    """Do some work with a bar on a terminal, or a plain line now and then.

    While the network is applied, the first Ctrl-C has it said what a second one would do.
    """
    with _interrupt() as stop:
        work = start(stop=stop.is_set)
        terminal, shown, told = sys.stderr.isatty(), -1, {""}
        while True:
            try:
                state = next(work)
            except StopIteration as end:
                if terminal:
                    print(file=sys.stderr)
                return end.value
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
            if (news := _news(state, second if stop.is_set() else "")) not in told:
                told.add(news)
                print(terminal * "\n" + news, file=sys.stderr, flush=True)


@contextmanager
def _interrupt() -> Iterator[Event]:
    """Let the first Ctrl-C set an event; the second does what it did before."""
    stop, before = Event(), signal.getsignal(signal.SIGINT)

    def note(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    # Only the main thread may, and what runs in the background is not to be stopped.
    heeded = current_thread() is main_thread() and before is not signal.SIG_IGN
    if heeded:
        signal.signal(signal.SIGINT, note)
    try:
        yield stop
    finally:
        if heeded:
            signal.signal(signal.SIGINT, before)


def _news(state: Progress | Applying, interrupted: str) -> str:
    """Say what there is to be said beside the bar, if anything."""
    if isinstance(state, Applying):
        return interrupted
    material = state.learner.material
    return "" if material.paired else " ".join(material.findings)  # of pairs it was said before


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
