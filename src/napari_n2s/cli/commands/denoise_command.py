"""The command ``napari-n2s denoise``."""

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
from napari_n2s.cli.progress_bar import run_with_progress
from napari_n2s.core.errors import SettingsError
from napari_n2s.core.settings import Settings
from napari_n2s.core.torch_loading import load_torch
from napari_n2s.images.dtypes import named_kind
from napari_n2s.images.image import Image, open_image

if TYPE_CHECKING:
    from napari_n2s.io.file_image import FileImage
    from napari_n2s.pipeline.denoise_one import Denoised
    from napari_n2s.pipeline.reports.report import Report

RESUMABLE = (
    "The network is being applied; Ctrl-C once more stops it, and the same command resumes after "
    "the last finished planes."
)
"""Printed at the first Ctrl-C while a network is applied into OME-Zarr."""


def settings_from(args: argparse.Namespace) -> Settings:
    """Return the settings given on the command line."""
    names = {each.name for each in fields(Settings)}
    return Settings(**{name: value for name, value in vars(args).items() if name in names})


def denoise(args: argparse.Namespace) -> None:
    """Run the command."""
    settings_from(args)
    if not (args.input or args.pairs):
        raise SettingsError("Name an image to denoise, or folders after --pairs.")
    if args.stack:
        _denoise_stack(args)
    elif batch.is_batch(args):
        batch.denoise_batch(args, _denoise_one)
    else:
        args.input = args.input[0] if args.input else None
        _denoise_one(args)


def _denoise_stack(args: argparse.Namespace) -> None:
    from napari_n2s.io import output_paths

    if pairs_command.has_replicates(args):
        raise SettingsError(
            "--stack cannot be combined with replicates; leave out the options for them."
        )
    file_image, sources = batch.read_stack(args)
    first = output_paths.named(args.input[0])
    args.input = first.with_name(f"{first.name}.tif") if first.is_dir() else first
    _denoise_image(args, file_image, sources)


def _denoise_one(args: argparse.Namespace) -> None:
    if pairs_command.has_replicates(args):
        pairs_command.denoise(args, settings_from(args))
    else:
        _denoise_image(args, info_command.read_selected(args), [args.input])


def _denoise_image(args: argparse.Namespace, file_image: FileImage, sources: list[Path]) -> None:
    from napari_n2s.io import output_paths, reading, writing

    settings = settings_from(args)
    output = args.output or output_paths.default_output(args.input, file_image.file_format)
    output_paths.check_output(output, output_paths.OUTPUT_SUFFIXES)
    if args.report:
        output_paths.check_output(args.report, (".json",))
    file_image = replace(file_image, axes=(args.axes or file_image.axes).upper())
    guides = [reading.read_image(each).image for each in args.guide]
    image = open_image(file_image.image, file_image.axes, guides, volume=settings.volume)
    dtype = named_kind(args.dtype, file_image.image)
    info_command.print_lost_metadata(output, dtype, file_image)
    if args.scheduler and (args.method or not output_paths.is_zarr(output)):
        raise SettingsError(
            "--scheduler needs a network and an output that ends in .zarr; leave it out, or choose "
            "such a name."
        )
    if args.method:
        network_only = {each.name for each in fields(Settings)} - {"nan_policy", "seed"}
        given = sorted(network_only & set(vars(args))) + ["guide"] * bool(args.guide)
        if given:
            raise SettingsError(
                f"{', '.join(given)}: for networks, not for a filter; leave that out, or --method."
            )
        _filter(args, file_image, settings, dtype, output)
        return
    if output_paths.is_zarr(output):
        report = _denoise_to_zarr(args, file_image, guides, settings, dtype, output, sources)
    else:
        with writing.open_output(output, dtype, file_image) as out:
            _, report = denoise_with_progress(image, settings, out)
    say(f"Wrote {output} after {report.seconds:.0f} s on the {report.device}.")
    say(report.sentence())
    if args.report:
        output_paths.write_atomically(args.report, lambda part: part.write_text(report.to_json()))
        say(f"Wrote {args.report}.")


def _filter(
    args: argparse.Namespace,
    file_image: FileImage,
    settings: Settings,
    dtype: np.dtype[Any],
    output: Path,
) -> None:
    from napari_n2s.io import output_paths

    found = calibrate_command.filter_file(
        output, dtype, file_image, args.method, settings.nan_policy, settings.seed
    )
    for line in (f"Wrote {output}.", *calibrate_command.summary_lines(found)):
        say(line)
    if args.report:
        text = json.dumps(found.to_dict(), indent=2) + "\n"
        output_paths.write_atomically(args.report, lambda part: part.write_text(text))
        say(f"Wrote {args.report}.")


def _denoise_to_zarr(
    args: argparse.Namespace,
    file_image: FileImage,
    guides: list[Any],
    settings: Settings,
    dtype: np.dtype[Any],
    output: Path,
    sources: list[Path],
) -> Report:
    load_torch()
    from napari_n2s.inference.distributed import connect
    from napari_n2s.pipeline.resumable import denoising_to
    from napari_n2s.pipeline.unfinished import Unfinished

    unfinished = Unfinished(output)
    resumed = unfinished.begun
    client = connect(args.scheduler) if args.scheduler else None
    read = [*sources, *args.guide]
    job = (output, read, file_image, settings, dtype, client)
    begin = partial(denoising_to, *job, guides=guides)

    def message() -> str:
        kept = f"{unfinished.folder} keeps the finished planes; repeat the command to resume."
        return printable(kept) if unfinished.begun else ""

    try:
        with signals.exit_message(message):
            report: Report = run_with_progress(begin, RESUMABLE)
    finally:
        if client:
            client.close()
    if resumed:
        say(f"Resumed from {unfinished.folder}.")
    return report


def denoise_with_progress(image: Image, settings: Settings, out: Any = None) -> Denoised:
    """Denoise with a progress bar; Ctrl-C ends the training."""
    load_torch()
    from napari_n2s.pipeline.denoise_one import denoising

    start = partial(denoising, image, settings=settings, out=out)
    result: Denoised = run_with_progress(start)
    return result
