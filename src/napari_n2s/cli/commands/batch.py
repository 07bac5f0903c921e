"""The shell: several files and folders in one call, and a folder of slices as one stack."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from napari_n2s.cli.console import TRACEBACK, in_a_sentence, printable, say
from napari_n2s.core.errors import FileError, N2SError, SettingsError
from napari_n2s.io.file_image import FileImage

ALONE = ("guide", "pair", "pairs", "report")
"""Options that go with a single image."""


def wanted(chosen: argparse.Namespace) -> bool:
    """Whether several images were named: files, or a folder that is no zarr and holds images."""
    return len(chosen.input) > 1 or any(_holds_images(each) for each in chosen.input)


def _holds_images(path: Path) -> bool:
    from napari_n2s.io.formats import list_image_files

    return _is_plain_folder(path) and bool(list_image_files(path))


def _is_plain_folder(path: Path) -> bool:
    """Whether a path leads to a folder that is no zarr; whoever reads it says what is wrong."""
    from napari_n2s.io.formats import is_zarr_folder

    try:
        return path.is_dir() and not is_zarr_folder(path)
    except OSError:
        return False


def denoise(chosen: argparse.Namespace, one: Callable[[argparse.Namespace], None]) -> None:
    """Denoise each file by itself, with a training of its own.

    Parameters
    ----------
    chosen : Namespace
    one : callable
        Denoises one of them.

    Raises
    ------
    N2SError
        Before any work, if it cannot begin; after it, if some could not be denoised.
    """
    from napari_n2s.io import output_paths

    given = [name for name in ALONE if getattr(chosen, name)]
    if given:
        raise SettingsError(f"{', '.join(given)}: for one image at a time; leave that out.")
    sources = list_images(chosen.input)
    if not chosen.output:
        chosen.output = _folder_beside(chosen.input)
    elif chosen.output.suffix.lower() in output_paths.OUTPUT_SUFFIXES:
        raise FileError(f"{chosen.output} is named like a file; several images go into a folder.")
    targets = [chosen.output and chosen.output / _name(each) for each in sources]
    clashing = [str(name) for name, count in Counter(filter(None, targets)).items() if count > 1]
    if clashing:
        raise FileError(
            f"Several images would be written to {clashing[0]}; denoise them into folders of their "
            "own."
        )
    if chosen.output:
        if chosen.output.exists() and not chosen.output.is_dir():
            raise FileError(f"{chosen.output} is no folder; name one after -o for several images.")
        with output_paths.output_folder(chosen.output):
            _each(chosen, sources, targets, one)
    else:
        _each(chosen, sources, targets, one)


def _folder_beside(inputs: list[Path]) -> Path | None:
    """Name a folder for the results of another; None where files were named, to write beside."""
    folders = [each for each in inputs if _holds_images(each)]
    if not folders:
        return None
    if len(inputs) > 1:
        raise SettingsError("Name a folder for the results of all these after -o.")
    folder = folders[0] if folders[0].name.strip(".") else folders[0].resolve()
    return folder.with_name(f"{folder.name}_n2s")


def _each(
    chosen: argparse.Namespace,
    sources: list[Path],
    targets: list[Path | None],
    one: Callable[[argparse.Namespace], None],
) -> None:
    failed = []
    for number, (source, target) in enumerate(zip(sources, targets, strict=True), start=1):
        say(f"{source} ({number} of {len(sources)})")
        try:
            one(argparse.Namespace(**{**vars(chosen), "input": source, "output": target}))
        except Exception as error:  # of every type: the others are to be denoised all the same
            if not isinstance(error, N2SError) and os.environ.get(TRACEBACK):
                raise
            words = printable(in_a_sentence(error))
            print(f"napari-n2s: {words}", file=sys.stderr, flush=True)
            failed.append(source.name)
    if failed:
        shown = ", ".join(failed[:5]) + (f" and {len(failed) - 5} more" if failed[5:] else "")
        raise FileError(f"{len(failed)} of {len(sources)} images were not denoised: {shown}.")


def list_images(inputs: list[Path]) -> list[Path]:
    """List the files that were named and those in the folders that were.

    Raises
    ------
    FileError
        If a folder holds none.
    """
    from napari_n2s.io.formats import list_image_files

    found: list[Path] = []
    for each in inputs:
        if _is_plain_folder(each):
            inside = list_image_files(each)
            if not inside:
                raise FileError(f"The folder {each} holds no images; name another.")
            found += inside
        else:
            found.append(each)
    return list(dict.fromkeys(found))


def _name(source: Path) -> str:
    """Give a result the name of its source, with an ending that can be written."""
    from napari_n2s.io import output_paths

    path = source if source.name.strip(".") else source.resolve()
    written = path.suffix.lower() in output_paths.OUTPUT_SUFFIXES
    return path.name if written else f"{path.stem}.tif"


def read_stack(chosen: argparse.Namespace) -> tuple[FileImage, list[Path]]:
    """Read the files that were named, or those of a folder, as one stack, and say how.

    Raises
    ------
    FileError
    """
    from napari_n2s.io import image_sequence, reading

    paths = list_images(chosen.input)
    recording = image_sequence.read_image_sequence(
        paths, reading.read_image, chosen.axes, reading.LARGE
    )
    size = " x ".join(map(str, recording.image.shape[1:]))
    say(
        f"A stack of {len(paths)} slices of {size} along {recording.axes[0]}, from "
        f"{paths[0].name} to {paths[-1].name}."
    )
    return recording, paths
