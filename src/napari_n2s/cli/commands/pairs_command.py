"""The shell, where there are several readings of one thing: files, folders of files, or an axis."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_n2s.cli.commands import info_command
from napari_n2s.cli.console import say
from napari_n2s.cli.progress_bar import show
from napari_n2s.core.errors import FileError, ImageError, SettingsError
from napari_n2s.core.settings import Settings
from napari_n2s.core.torch_loading import load_torch
from napari_n2s.images.axes import APART, parse_axes
from napari_n2s.images.dtypes import named_kind
from napari_n2s.images.image import Image

if TYPE_CHECKING:
    from napari_n2s.io.recording import Recording
    from napari_n2s.replicates.replicates import Replicates

PAIRINGS = ("neighbours", "halves", "repeats")
SUFFIXES = (".tif", ".tiff", ".png")
OPTIONS = ("pair", "pairs", "pairs_axis", "split_photons", "register")
LOST = ("Labels", "Plane", "finterval", "fps", "TimeIncrement")
"""What a file says of an axis that its result does not have."""
PER_AXIS = {"axes", "scale", "translation"}
"""What OME-Zarr says of every axis in turn."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the ways to name further readings."""
    group = parser.add_argument_group(
        "readings of the same thing, each learnt from the others (Noise2Noise)"
    )
    text = "further recordings of what INPUT shows, of the same size"
    group.add_argument("--pair", type=Path, nargs="+", metavar="FILE", help=text)
    text = "folders with recordings of the same things under the same names, in place of INPUT"
    group.add_argument("--pairs", type=Path, nargs="+", metavar="FOLDER", help=text)
    text = "the letter of the axis of INPUT along which it holds such recordings, as T"
    group.add_argument("--pairs-axis", metavar="AXIS", help=text)
    group.add_argument(
        "--pairing",
        choices=PAIRINGS,
        default=PAIRINGS[0],
        help="what lies along that axis: frames, each learnt from those beside it (neighbours), or "
        "exposures to be made into one picture: the even learnt from the odd ones (halves), or "
        "each from all others (repeats)",
    )
    text = "INPUT holds counted photons: share them out at random into two readings"
    group.add_argument("--split_photons", action="store_true", help=text)
    text = "move recordings that are shifted back, by whole pixels"
    group.add_argument("--register", action="store_true", help=text)


def wanted(chosen: argparse.Namespace) -> bool:
    """Whether any of them was typed."""
    return any(getattr(chosen, name) for name in OPTIONS) or chosen.pairing != PAIRINGS[0]


def denoise(chosen: argparse.Namespace, settings: Settings) -> None:
    """Denoise readings into one file, or those of folders into a folder.

    Raises
    ------
    N2SError
        With one sentence that says what is wrong and what to do.
    """
    if chosen.method or chosen.scheduler:
        raise SettingsError("--method and --scheduler are for one reading; leave them out.")
    if chosen.pairs:
        _denoise_folders(chosen, settings)
    else:
        _denoise_file(chosen, settings)


def _denoise_file(chosen: argparse.Namespace, settings: Settings) -> None:
    from napari_n2s.io import files, paths, writing
    from napari_n2s.replicates.find import find_replicates

    recording = info_command.read_chosen(chosen)
    output = chosen.output or paths.beside_input(chosen.input, recording.flavour)
    _check(chosen, output)
    recording = replace(recording, axes=(chosen.axes or recording.axes).upper())
    others = [files.read(each).image for each in chosen.pair or []]
    replicates = find_replicates(
        recording.image,
        recording.axes,
        pair=others or None,
        along=chosen.pairs_axis,
        pairing=chosen.pairing,
        photons_split=chosen.split_photons,
        register=chosen.register,
        seed=settings.seed,
    )
    assert replicates is not None
    replicates = replicates.guided([files.read(each).image for each in chosen.guide])
    kind = named_kind(chosen.dtype, recording.image)
    with writing.creating(output, kind, _as_shown(recording, replicates)) as out:
        report = _run(replicates, settings, out)
    say(f"Wrote {output} after {report.seconds:.0f} s on the {report.device}.")
    _tell(chosen, replicates, report)


def _denoise_folders(chosen: argparse.Namespace, settings: Settings) -> None:
    from napari_n2s.io import paths

    others = (chosen.input, chosen.pair, chosen.pairs_axis, chosen.split_photons, chosen.guide)
    if any(others) or chosen.pairing != PAIRINGS[0]:
        raise SettingsError(
            "--pairs takes the place of INPUT, --pair, --pairs-axis, --pairing, "
            "--split-photons and --guide."
        )
    names, left_out = _common_names(chosen.pairs)
    first = chosen.pairs[0]
    output = chosen.output or first.with_name(f"{first.resolve().name}_n2s")
    targets = [output / f"{Path(name).stem}.tif" for name in names]
    if len(set(targets)) < len(targets):
        raise FileError(
            "Several files of a folder differ only in how their names end, so that their results "
            "would have one name; name them otherwise."
        )
    with paths.folder(output):
        for target in targets:
            paths.check_output(target)
        _check(chosen, None)
        with paths.claim(targets[0]):
            _denoise_all(chosen, settings, names, left_out, targets)


def _denoise_all(
    chosen: argparse.Namespace,
    settings: Settings,
    names: list[str],
    left_out: int,
    targets: list[Path],
) -> None:
    """Denoise the files of these names in all folders, each to its target."""
    from napari_n2s.io import files
    from napari_n2s.replicates.find import replicates_from_images

    recordings = [[files.read(folder / name) for name in names] for folder in chosen.pairs]
    axes = (chosen.axes or recordings[0][0].axes).upper()
    stacks = [_stack(names, row) for row in recordings]
    if left_out:
        say(f"{left_out} files have no partner of the same name and are left out.")
    how = f"{len(names)} pictures in {len(stacks)} noisy readings each"
    layout = parse_axes(stacks[0].shape[1:], axes)
    layout = replace(layout, axes=APART + layout.axes, shape=stacks[0].shape)
    every = [Image(each, layout) for each in stacks]
    replicates = replicates_from_images(every, register=chosen.register, description=how)
    kind = named_kind(chosen.dtype, stacks[0])
    clean = np.empty(stacks[0].shape, kind)
    report = _run(replicates, settings, clean)
    for target, image, recording in zip(targets, clean, recordings[0], strict=True):
        files.write(target, image, replace(recording, axes=axes))
    say(
        f"Wrote {len(targets)} files to {targets[0].parent} after {report.seconds:.0f} s on the "
        f"{report.device}."
    )
    _tell(chosen, replicates, report)


def _common_names(folders: list[Path]) -> tuple[list[str], int]:
    """List the names of images that all folders hold, and count those that some do not."""
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
            f"The folders {', '.join(map(str, folders))} hold no image (TIFF or PNG) of the same "
            "name; name the recordings of one thing alike."
        )
    return sorted(common), len(set.union(*found) - common)


def _stack(names: list[str], recordings: list[Recording]) -> Any:
    """Lay the images of a folder on each other."""
    images = [np.asarray(each.image) for each in recordings]
    for name, image in zip(names, images, strict=True):
        if (image.shape, image.dtype) != (images[0].shape, images[0].dtype):
            raise ImageError(
                f"{name} is not of the size and type of {names[0]}; put images of one kind into a "
                "folder."
            )
    return np.stack(images)


def _as_shown(recording: Recording, replicates: Replicates) -> Recording:
    """Say of the result what its file says, but for an axis that it does not have."""
    if replicates.averaged_axis is None:
        return recording
    metadata = {name: each for name, each in recording.metadata.items() if name not in LOST}
    for name in PER_AXIS & set(metadata):
        kept = list(metadata[name])
        del kept[replicates.averaged_axis]
        metadata[name] = kept
    return replace(recording, image=replicates.images[0], axes=replicates.axes, metadata=metadata)


def _check(chosen: argparse.Namespace, output: Path | None) -> None:
    from napari_n2s.io import paths

    if output:
        paths.check_output(output, paths.RESULTS)
    if chosen.report:
        paths.check_output(chosen.report, (".json",))


def _run(replicates: Replicates, settings: Settings, out: Any) -> Any:

    for sentence in replicates.findings:
        say(sentence)
    load_torch()
    from napari_n2s.pipeline.denoise_replicates import denoising_replicates

    _, report = show(partial(denoising_replicates, replicates, settings=settings, out=out))
    return report


def _tell(chosen: argparse.Namespace, replicates: Replicates, report: Any) -> None:
    """Say what was found only in training, and how well it went."""
    from napari_n2s.io import paths

    for sentence in report.findings[len(replicates.findings) :]:
        say(sentence)
    say(report.sentence())
    if chosen.report:
        paths.write_whole(chosen.report, lambda part: part.write_text(report.to_json()))
        say(f"Wrote {chosen.report}.")
