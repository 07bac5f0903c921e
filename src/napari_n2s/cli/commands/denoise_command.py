"""The shell: ``napari-n2s denoise``, and what it shows meanwhile."""

from __future__ import annotations

import argparse
import json
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_n2s.cli import signals
from napari_n2s.cli.commands import batch, calibrate_command, info_command, pairs_command
from napari_n2s.cli.console import printable, say
from napari_n2s.cli.progress_bar import show
from napari_n2s.core.errors import SettingsError
from napari_n2s.core.settings import Settings
from napari_n2s.core.torch_loading import load_torch
from napari_n2s.images.dtypes import named_kind
from napari_n2s.images.guides import guide

if TYPE_CHECKING:
    from napari_n2s.io.file_image import FileImage
    from napari_n2s.pipeline.denoise_one import Denoised
    from napari_n2s.pipeline.report import Report

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
    elif batch.wanted(chosen):
        batch.denoise(chosen, _denoise_one)
    else:
        chosen.input = chosen.input[0] if chosen.input else None
        _denoise_one(chosen)


def _denoise_stack(chosen: argparse.Namespace) -> None:
    if pairs_command.wanted(chosen):
        raise SettingsError("--stack is for one reading; leave out what names others.")
    recording, sources = batch.read_stack(chosen)
    first = chosen.input[0] if chosen.input[0].name.strip(".") else chosen.input[0].resolve()
    chosen.input = first.with_name(f"{first.name}.tif") if first.is_dir() else first
    _denoise_recording(chosen, recording, sources)


def _denoise_one(chosen: argparse.Namespace) -> None:
    if pairs_command.wanted(chosen):
        pairs_command.denoise(chosen, settings_of(chosen))
    else:
        _denoise_recording(chosen, info_command.read_chosen(chosen), [chosen.input])


def _denoise_recording(
    chosen: argparse.Namespace, recording: FileImage, sources: list[Path]
) -> None:
    from napari_n2s.io import output_paths, reading, writing

    settings = settings_of(chosen)
    output = chosen.output or output_paths.default_output(chosen.input, recording.file_format)
    output_paths.check_output(output, output_paths.OUTPUT_SUFFIXES)
    if chosen.report:
        output_paths.check_output(chosen.report, (".json",))
    recording = replace(recording, axes=(chosen.axes or recording.axes).upper())
    guides = [reading.read_image(each).image for each in chosen.guide]
    recording = replace(recording, image=guide(recording.image, recording.axes, guides))
    kind = named_kind(chosen.dtype, recording.image)
    info_command.tell_losses(output, kind, recording)
    if chosen.scheduler and (chosen.method or not output_paths.is_zarr(output)):
        raise SettingsError(
            "--scheduler is for networks and for an output that ends in .zarr; leave it out, or "
            "choose such a name."
        )
    if chosen.method:
        ours = {each.name for each in fields(Settings)} - {"nan_policy", "seed"}
        given = sorted(ours & set(vars(chosen))) + ["guide"] * bool(chosen.guide)
        if given:
            raise SettingsError(
                f"{', '.join(given)}: for networks, not for a filter; leave that out, or --method."
            )
        _filter(chosen, recording, settings, kind, output)
        return
    if output_paths.is_zarr(output):
        report = _denoise_to_zarr(chosen, recording, settings, kind, output, sources)
    else:
        with writing.open_output(output, kind, recording) as out:
            _, report = denoise_and_show(recording.image, recording.axes, settings, out)
    say(f"Wrote {output} after {report.seconds:.0f} s on the {report.device}.")
    say(report.sentence())
    if chosen.report:
        output_paths.write_atomically(chosen.report, lambda part: part.write_text(report.to_json()))
        say(f"Wrote {chosen.report}.")


def _filter(
    chosen: argparse.Namespace,
    recording: FileImage,
    settings: Settings,
    kind: np.dtype[Any],
    output: Path,
) -> None:
    from napari_n2s.io import output_paths

    found = calibrate_command.filter_file(
        output, kind, recording, chosen.method, settings.nan_policy, settings.seed
    )
    for line in (f"Wrote {output}.", *calibrate_command.account(found)):
        say(line)
    if chosen.report:
        text = json.dumps(found.to_dict(), indent=2) + "\n"
        output_paths.write_atomically(chosen.report, lambda part: part.write_text(text))
        say(f"Wrote {chosen.report}.")


def _denoise_to_zarr(
    chosen: argparse.Namespace,
    recording: FileImage,
    settings: Settings,
    kind: np.dtype[Any],
    output: Path,
    sources: list[Path],
) -> Report:
    load_torch()
    from napari_n2s.inference.distributed import connect
    from napari_n2s.pipeline.resumable import denoising_to
    from napari_n2s.pipeline.unfinished import Unfinished

    unfinished = Unfinished(output)
    begun = unfinished.begun
    client = connect(chosen.scheduler) if chosen.scheduler else None
    read = [*sources, *chosen.guide]
    begin = partial(denoising_to, output, read, recording, settings, kind, client)

    def words() -> str:
        kept = f"{unfinished.folder} keeps what is finished; repeat the command to go on."
        return printable(kept) if unfinished.begun else ""

    try:
        with signals.last_words(words):
            report: Report = show(begin, STOPS)
    finally:
        if client:
            client.close()
    if begun:
        say(f"Went on with what was finished in {unfinished.folder}.")
    return report


def denoise_and_show(image: Any, axes: str, settings: Settings, out: Any = None) -> Denoised:
    """Denoise, telling how far it is; Ctrl-C ends the training."""
    load_torch()
    from napari_n2s.pipeline.denoise_one import denoising

    start = partial(denoising, image, axes=axes, settings=settings, out=out)
    result: Denoised = show(start)
    return result
