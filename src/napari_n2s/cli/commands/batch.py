"""`denoise` with several files or folders, and with a folder of slices as one stack."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from napari_n2s.cli.console import TRACEBACK, error_message, printable, say
from napari_n2s.core.errors import FileError, N2SError, SettingsError
from napari_n2s.io.file_image import FileImage

SINGLE_IMAGE_OPTIONS = ("guide", "pair", "pairs", "report")


def is_batch(args: argparse.Namespace) -> bool:
    """Whether the input is several files, or a folder of images that is no zarr."""
    return len(args.input) > 1 or any(_holds_images(each) for each in args.input)


def _holds_images(path: Path) -> bool:
    from napari_n2s.io.formats import list_image_files

    return _is_plain_folder(path) and bool(list_image_files(path))


def _is_plain_folder(path: Path) -> bool:
    """Whether a path is a folder and no zarr; errors are left to the reader."""
    from napari_n2s.io.formats import is_zarr_folder

    try:
        return path.is_dir() and not is_zarr_folder(path)
    except OSError:
        return False


def denoise_batch(
    args: argparse.Namespace, denoise_one: Callable[[argparse.Namespace], None]
) -> None:
    """Denoise each file by itself, with a training of its own.

    Parameters
    ----------
    args : Namespace
    denoise_one : callable
        Denoises one of them.

    Raises
    ------
    N2SError
        Before any work, if the outputs are unusable; after it, if some images were not denoised.
    """
    from napari_n2s.io import output_paths

    given = [name for name in SINGLE_IMAGE_OPTIONS if getattr(args, name)]
    if given:
        raise SettingsError(f"{', '.join(given)}: only for a single image; leave that out.")
    sources = list_inputs(args.input)
    if not args.output:
        args.output = _default_folder(args.input)
    elif args.output.suffix.lower() in output_paths.OUTPUT_SUFFIXES:
        raise FileError(f"{args.output} is a file name; name a folder for several images.")
    targets = [args.output and args.output / _output_name(each) for each in sources]
    clashing = [str(name) for name, count in Counter(filter(None, targets)).items() if count > 1]
    if clashing:
        raise FileError(
            f"Several images would be written to {clashing[0]}; denoise them into separate folders."
        )
    if args.output:
        if args.output.exists() and not args.output.is_dir():
            raise FileError(f"{args.output} is no folder; name one after -o for several images.")
        with output_paths.output_folder(args.output):
            _denoise_each(args, sources, targets, denoise_one)
    else:
        _denoise_each(args, sources, targets, denoise_one)


def default_output_folder(folder: Path) -> Path:
    """Return the default folder for the results of a folder: next to it.

    Raises
    ------
    FileError
        If it is the root folder.
    """
    from napari_n2s.io.output_paths import named

    folder = named(folder)
    return folder.with_name(f"{folder.name}_n2s")


def _default_folder(inputs: list[Path]) -> Path | None:
    """Return the default output folder; None if the inputs are files, to write next to each."""
    folders = [each for each in inputs if _holds_images(each)]
    if not folders:
        return None
    if len(inputs) > 1:
        raise SettingsError("Name a folder for all results after -o.")
    return default_output_folder(folders[0])


def _denoise_each(
    args: argparse.Namespace,
    sources: list[Path],
    targets: list[Path | None],
    denoise_one: Callable[[argparse.Namespace], None],
) -> None:
    failed = []
    for number, (source, target) in enumerate(zip(sources, targets, strict=True), start=1):
        say(f"{source} ({number} of {len(sources)})")
        try:
            denoise_one(argparse.Namespace(**{**vars(args), "input": source, "output": target}))
        except Exception as error:  # of any type: the other images are still to be denoised
            if not isinstance(error, N2SError) and os.environ.get(TRACEBACK):
                raise
            message = printable(error_message(error))
            print(f"napari-n2s: {message}", file=sys.stderr, flush=True)
            failed.append(source.name)
    if failed:
        shown = ", ".join(failed[:5]) + (f" and {len(failed) - 5} more" if failed[5:] else "")
        raise FileError(f"{len(failed)} of {len(sources)} images were not denoised: {shown}.")


def list_inputs(inputs: list[Path]) -> list[Path]:
    """List the files among the inputs and the images in the folders among them.

    Raises
    ------
    FileError
        If a folder holds no image.
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


def _output_name(source: Path) -> str:
    """Return the name of the source, with the suffix .tif if its format cannot be written."""
    from napari_n2s.io import output_paths

    path = output_paths.named(source)
    written = path.suffix.lower() in output_paths.OUTPUT_SUFFIXES
    return path.name if written else f"{path.stem}.tif"


def read_stack(args: argparse.Namespace) -> tuple[FileImage, list[Path]]:
    """Read the inputs, files or a folder of slices, as one stack; return it and its files.

    Raises
    ------
    FileError
        If they form no stack.
    """
    from napari_n2s.io import image_sequence, reading

    paths = list_inputs(args.input)
    file_image = image_sequence.read_image_sequence(
        paths, reading.read_image, args.axes, reading.LARGE
    )
    size = " x ".join(map(str, file_image.image.shape[1:]))
    say(
        f"A stack of {len(paths)} slices of {size} along {file_image.axes[0]}, from "
        f"{paths[0].name} to {paths[-1].name}."
    )
    return file_image, paths
