"""`denoise` with replicates: files, folders of files, or an axis of one file (Noise2Noise)."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_n2s.cli.commands import info_command
from napari_n2s.cli.commands.batch import default_output_folder
from napari_n2s.cli.console import say
from napari_n2s.cli.progress_bar import run_with_progress
from napari_n2s.core.errors import FileError, ImageError, SettingsError
from napari_n2s.core.settings import Settings
from napari_n2s.core.torch_loading import load_torch
from napari_n2s.images.axes import APART, parse_axes
from napari_n2s.images.dtypes import named_kind
from napari_n2s.images.image import Image

if TYPE_CHECKING:
    from napari_n2s.io.file_image import FileImage
    from napari_n2s.replicates.replicates import Replicates

PAIRINGS = ("neighbours", "halves", "repeats")
SUFFIXES = (".tif", ".tiff", ".png")
"""Suffixes of the files that are matched in folders."""
OPTIONS = ("pair", "pairs", "pairs_axis", "split_photons", "register")
PER_FRAME_METADATA = ("Labels", "Plane", "finterval", "fps", "TimeIncrement")
"""Metadata of an axis that a result without that axis cannot have."""
PER_AXIS_METADATA = {"axes", "scale", "translation"}
"""OME-Zarr metadata with one entry for each axis."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select replicates."""
    group = parser.add_argument_group(
        "replicates of the same scene, each predicted from the others (Noise2Noise)"
    )
    text = "further recordings of the same scene as INPUT, of the same size"
    group.add_argument("--pair", type=Path, nargs="+", metavar="FILE", help=text)
    text = "folders with replicates under the same file names, instead of INPUT"
    group.add_argument("--pairs", type=Path, nargs="+", metavar="FOLDER", help=text)
    text = "letter of the axis of INPUT along which the replicates lie, as T"
    group.add_argument("--pairs-axis", metavar="AXIS", help=text)
    group.add_argument(
        "--pairing",
        choices=PAIRINGS,
        default=PAIRINGS[0],
        help="how frames along that axis are paired: each with the adjacent ones, the result is a "
        "movie (neighbours); or, for one image from all, even with odd ones (halves) or each with "
        "all others (repeats)",
    )
    text = "INPUT holds photon counts: split them at random into two replicates"
    group.add_argument("--split-photons", action="store_true", help=text)
    text = "register shifted replicates by whole pixels"
    group.add_argument("--register", action="store_true", help=text)


def has_replicates(args: argparse.Namespace) -> bool:
    """Whether any of these options was given."""
    return any(getattr(args, name) for name in OPTIONS) or args.pairing != PAIRINGS[0]


def denoise(args: argparse.Namespace, settings: Settings) -> None:
    """Denoise replicates of one scene into a file, or those in folders into a folder.

    Raises
    ------
    N2SError
        If the input, the settings or the output are unusable.
    """
    if args.method or args.scheduler:
        raise SettingsError(
            "--method and --scheduler cannot be combined with replicates; leave them out."
        )
    if args.pairs:
        _denoise_folders(args, settings)
    else:
        _denoise_file(args, settings)


def _denoise_file(args: argparse.Namespace, settings: Settings) -> None:
    from napari_n2s.io import output_paths, reading, writing
    from napari_n2s.replicates.find import find_replicates

    file_image = info_command.read_selected(args)
    output = args.output or output_paths.default_output(args.input, file_image.file_format)
    _check_outputs(args, output)
    file_image = replace(file_image, axes=(args.axes or file_image.axes).upper())
    others = [reading.read_image(each).image for each in args.pair or []]
    replicates = find_replicates(
        file_image.image,
        file_image.axes,
        pair=others or None,
        along=args.pairs_axis,
        pairing=args.pairing,
        split_photons=args.split_photons,
        register=args.register,
        seed=settings.seed,
    )
    assert replicates is not None
    replicates = replicates.guided([reading.read_image(each).image for each in args.guide])
    dtype = named_kind(args.dtype, file_image.image)
    with writing.open_output(output, dtype, _result_metadata(file_image, replicates)) as out:
        report = _run(replicates, settings, out)
    say(f"Wrote {output} after {report.seconds:.0f} s on the {report.device}.")
    _print_report(args, replicates, report)


def _denoise_folders(args: argparse.Namespace, settings: Settings) -> None:
    from napari_n2s.io import output_paths

    others = (args.input, args.pair, args.pairs_axis, args.split_photons, args.guide)
    if any(others) or args.pairing != PAIRINGS[0]:
        raise SettingsError(
            "--pairs cannot be combined with INPUT, --pair, --pairs-axis, --pairing, "
            "--split-photons or --guide; leave these out."
        )
    names, left_out = _common_names(args.pairs)
    output = args.output or default_output_folder(args.pairs[0])
    targets = [output / f"{Path(name).stem}.tif" for name in names]
    if len(set(targets)) < len(targets):
        raise FileError(
            "Several files in a folder differ only in their suffix, so that their results would "
            "have the same name; rename them."
        )
    with output_paths.output_folder(output):
        for target in targets:
            output_paths.check_output(target)
        _check_outputs(args, None)
        with output_paths.lock_output(targets[0]):
            _denoise_all(args, settings, names, left_out, targets)


def _denoise_all(
    args: argparse.Namespace,
    settings: Settings,
    names: list[str],
    left_out: int,
    targets: list[Path],
) -> None:
    """Denoise the files of these names in all folders together, each to its target."""
    from napari_n2s.io import reading, writing
    from napari_n2s.replicates.find import replicates_from_images

    file_images = [[reading.read_image(folder / name) for name in names] for folder in args.pairs]
    axes = (args.axes or file_images[0][0].axes).upper()
    stacks = [_stack(names, row) for row in file_images]
    if left_out:
        say(f"{left_out} files are not in all folders and are left out.")
    words = f"{len(names)} images in {len(stacks)} noisy replicates each"
    layout = parse_axes(stacks[0].shape[1:], axes)
    layout = replace(layout, axes=APART + layout.axes, shape=stacks[0].shape)
    images = [Image(each, layout) for each in stacks]
    replicates = replicates_from_images(images, register=args.register, description=words)
    dtype = named_kind(args.dtype, stacks[0])
    clean = np.empty(stacks[0].shape, dtype)
    report = _run(replicates, settings, clean)
    for target, image, file_image in zip(targets, clean, file_images[0], strict=True):
        writing.write_image(target, image, replace(file_image, axes=axes))
    say(
        f"Wrote {len(targets)} files to {targets[0].parent} after {report.seconds:.0f} s on the "
        f"{report.device}."
    )
    _print_report(args, replicates, report)


def _common_names(folders: list[Path]) -> tuple[list[str], int]:
    """Return the names of images that are in all folders, and the number of those that are not."""
    if len(folders) < 2:
        raise SettingsError("--pairs needs two folders or more, as even/ odd/.")
    found = []
    for folder in folders:
        if not folder.is_dir():
            raise FileError(f"There is no folder {folder}.")
        found.append({p.name for p in folder.iterdir() if p.suffix.lower() in SUFFIXES})
    common = set.intersection(*found)
    if not common:
        raise FileError(
            f"The folders {', '.join(map(str, folders))} share no image (TIFF or PNG) of the same "
            "name; give the replicates of a scene the same name."
        )
    return sorted(common), len(set.union(*found) - common)


def _stack(names: list[str], file_images: list[FileImage]) -> Any:
    """Stack the images of a folder.

    Raises
    ------
    ImageError
        If they differ in shape or dtype.
    """
    images = [np.asarray(each.image) for each in file_images]
    for name, image in zip(names, images, strict=True):
        if (image.shape, image.dtype) != (images[0].shape, images[0].dtype):
            raise ImageError(
                f"{name} differs from {names[0]} in size or type; a folder must hold images of one "
                "size and type."
            )
    return np.stack(images)


def _result_metadata(file_image: FileImage, replicates: Replicates) -> FileImage:
    """Return the source's metadata without that of an axis that the result does not have."""
    if replicates.averaged_axis is None:
        return file_image
    metadata = {
        name: each for name, each in file_image.metadata.items() if name not in PER_FRAME_METADATA
    }
    for name in PER_AXIS_METADATA & set(metadata):
        kept = list(metadata[name])
        del kept[replicates.averaged_axis]
        metadata[name] = kept
    return replace(file_image, image=replicates.images[0], axes=replicates.axes, metadata=metadata)


def _check_outputs(args: argparse.Namespace, output: Path | None) -> None:
    from napari_n2s.io import output_paths

    if output:
        output_paths.check_output(output, output_paths.OUTPUT_SUFFIXES)
    if args.report:
        output_paths.check_output(args.report, (".json",))


def _run(replicates: Replicates, settings: Settings, out: Any) -> Any:
    for sentence in replicates.findings:
        say(sentence)
    load_torch()
    from napari_n2s.pipeline.denoise_replicates import denoising_replicates

    _, report = run_with_progress(
        partial(denoising_replicates, replicates, settings=settings, out=out)
    )
    return report


def _print_report(args: argparse.Namespace, replicates: Replicates, report: Any) -> None:
    """Print the findings made during training and the summary; write the report."""
    from napari_n2s.io import output_paths

    for sentence in report.findings[len(replicates.findings) :]:
        say(sentence)
    say(report.sentence())
    if args.report:
        output_paths.write_atomically(args.report, lambda part: part.write_text(report.to_json()))
        say(f"Wrote {args.report}.")
