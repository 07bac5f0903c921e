"""Denoising into a folder of zarr, however large, so that it can be taken up where it ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_n2s.core.device import choose_device, memory_in_words
from napari_n2s.core.generators import share
from napari_n2s.core.progress import Applying
from napari_n2s.core.settings import Settings
from napari_n2s.core.system import require_memory
from napari_n2s.core.version import __version__
from napari_n2s.images.axes import layout
from napari_n2s.images.chunks import boxes_of
from napari_n2s.images.image import Box, Part, check_dtype, open_image
from napari_n2s.inference.distributed import applying_on
from napari_n2s.inference.model import Model
from napari_n2s.inference.tile_size import applying
from napari_n2s.io.file_image import FileImage
from napari_n2s.io.ome_zarr.writing import ZarrOutput, ome_zarr_order
from napari_n2s.io.output_paths import lock_output, write_error
from napari_n2s.pipeline.report import Report, account_of
from napari_n2s.pipeline.safeguard import safest
from napari_n2s.pipeline.unfinished import Unfinished
from napari_n2s.training.progress import Progress
from napari_n2s.training.train import train

LISTED = 100
"""Bytes for each picture of an image that is denoised box by box."""
AGAIN = "; see to that, and repeat the command to go on"


def denoising_to(
    path: Path,
    sources: Sequence[Path],
    recording: FileImage,
    settings: Settings,
    kind: np.dtype[Any],
    client: Any = None,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Progress | Applying, None, Report]:
    """Train on a recording and write it, denoised, to a folder of zarr.

    What is finished stays if this is left, and is not done again the next time; the result is the
    same.

    Parameters
    ----------
    path : Path
        The folder to write, which is not there yet.
    sources : sequence of Path
        Where the recording and its guides lie.
    recording : FileImage
    settings : Settings
    kind : dtype
        Type of the result.
    client : distributed.Client, optional
        Where to apply what was learnt, if not here.
    stop : callable
        As soon as it says so, the training ends and the best model so far is applied.

    Raises
    ------
    ImageError, SettingsError, DeviceError, FileError
        With one sentence that says what is wrong and what to do.
    """
    unfinished = Unfinished(path)
    ome_zarr_order(recording)
    image, axes = open_image(recording.image), recording.axes
    require_memory(LISTED * layout(image.shape, axes).canonical_shape[0])
    check_dtype(kind, image, settings.nan_policy)
    asked = _asked(sources, recording, settings, kind)
    try:
        with lock_output(path), memory_in_words():
            begun = unfinished.take_up(asked)
            if begun is None:
                for progress in train(image, axes=axes, settings=settings):
                    yield progress
                    if stop():
                        break
                safe = safest(progress)
                begun = safe.model, account_of(progress, fallback=safe.reason)
                unfinished.begin(*begun, asked, recording, kind)
            model, report = begun
            begin = time.monotonic()
            try:
                out = ZarrOutput(unfinished.folder, recording, kind)
            except ValueError as error:
                raise unfinished.damaged() from error
            boxes = boxes_of(image, axes, out, volume=settings.volume)
            left = [box for box in boxes if not out.is_written(box)]
            if client:
                yield from applying_on(client, model, image, axes, out, left)
            else:
                yield from _applying_here(model, image, axes, out, left, len(boxes))
            out.remove_partial_chunks()
            unfinished.finish()
    except OSError as error:
        raise write_error(path, error, AGAIN) from error
    return replace(report, seconds=report.seconds + time.monotonic() - begin)


def _applying_here(
    model: Model, image: Any, axes: str, out: ZarrOutput, boxes: list[Box], count: int
) -> Generator[Applying, None, None]:
    """Denoise one box after the other, the last of so many."""
    device = choose_device(model.settings.device)
    for number, box in enumerate(boxes, start=count - len(boxes)):
        work = applying(model, device, image, axes, part=box, out=Part(out, box))
        yield from share(_shares(work), number, count, Applying)


def _shares(work: Generator[Applying, None, Any]) -> Generator[float, None, None]:
    for state in work:
        yield state.done


def _asked(
    sources: Sequence[Path], recording: FileImage, settings: Settings, kind: np.dtype[Any]
) -> dict[str, Any]:
    """Say all that the result depends on, as JSON would say it again."""
    asked = {
        "input": [[str(each.resolve()), each.stat().st_mtime_ns] for each in sources],
        "image": [recording.image.shape, str(recording.image.dtype)],
        "axes": recording.axes,
        "settings": asdict(settings),
        "type": str(kind),
        "version": __version__,
    }
    told: dict[str, Any] = json.loads(json.dumps(asked))
    return told
