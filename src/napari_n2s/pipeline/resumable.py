"""Resumable denoising of large images to a zarr folder."""

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
from napari_n2s.images.chunks import cut
from napari_n2s.images.image import Image, open_image
from napari_n2s.images.sources import Box, Part
from napari_n2s.inference.distributed import applying_on
from napari_n2s.inference.model import Model
from napari_n2s.inference.tile_size import applying
from napari_n2s.io.file_image import FileImage
from napari_n2s.io.ome_zarr.writing import ZarrOutput, ome_zarr_order
from napari_n2s.io.output_paths import lock_output, write_error
from napari_n2s.pipeline.reports.report import Report, report_of
from napari_n2s.pipeline.safeguard import safest
from napari_n2s.pipeline.unfinished import Unfinished
from napari_n2s.training.progress import Progress
from napari_n2s.training.train import conclude, training

SAMPLE_BYTES = 100
"""Bytes per sample of an image that is denoised box by box."""
AGAIN = "; solve this, then repeat the command to continue"
"""Ending of messages on errors after which the command can be repeated."""


def denoising_to(
    path: Path,
    sources: Sequence[Path],
    recording: FileImage,
    settings: Settings,
    kind: np.dtype[Any],
    client: Any = None,
    *,
    guides: Sequence[Any] = (),
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Progress | Applying, None, Report]:
    """Train on a recording and write it, denoised, to a zarr folder.

    If interrupted, finished boxes are kept; the next call computes only the others, with the same
    result.

    Parameters
    ----------
    path : Path
        The folder to write, which must not exist.
    sources : sequence of Path
        Paths of the recording and of its guides.
    recording : FileImage
    settings : Settings
    kind : dtype
        Type of the result.
    client : distributed.Client, optional
        Client of a cluster for inference; this machine if left out.
    guides : sequence of array_like
        As for `denoise`.
    stop : callable
        Whether to end the training and apply the best model so far.

    Raises
    ------
    ImageError, SettingsError, DeviceError, FileError
        With one sentence that says what is wrong and what to do.
    """
    unfinished = Unfinished(path)
    ome_zarr_order(recording)
    image = open_image(recording.image, recording.axes, guides, volume=settings.volume)
    require_memory(SAMPLE_BYTES * image.layout.canonical_shape[0])
    image.result_dtype(kind, settings.nan_policy)
    request = _describe_request(sources, recording, settings, kind)
    try:
        with lock_output(path), memory_in_words():
            begun = unfinished.take_up(request)
            if begun is None:
                for progress in training(image, settings):
                    yield progress
                    if stop():
                        break
                progress = conclude(progress)
                safe = safest(progress)
                begun = safe.model, report_of(progress, fallback=safe.reason)
                unfinished.begin(*begun, request, recording, kind)
            model, report = begun
            begin = time.monotonic()
            try:
                out = ZarrOutput(unfinished.folder, recording, kind)
            except ValueError as error:
                raise unfinished.damaged() from error
            boxes = cut(image.layout, image.chunks, out.chunks)
            left = [box for box in boxes if not out.is_written(box)]
            if client:
                yield from applying_on(client, model, image, out, left)
            else:
                yield from _applying_here(model, image, out, left, len(boxes))
            out.remove_partial_chunks()
            unfinished.finish()
    except OSError as error:
        raise write_error(path, error, AGAIN) from error
    return replace(report, seconds=report.seconds + time.monotonic() - begin)


def _applying_here(
    model: Model, image: Image, out: ZarrOutput, boxes: list[Box], count: int
) -> Generator[Applying, None, None]:
    """Denoise the remaining boxes of `count` one after the other."""
    device = choose_device(model.settings.device, volume=model.settings.volume)
    for number, box in enumerate(boxes, start=count - len(boxes)):
        work = applying(model, device, image, part=box, out=Part(out, box))
        yield from share(_shares(work), number, count, Applying)


def _shares(work: Generator[Applying, None, Any]) -> Generator[float, None, None]:
    for state in work:
        yield state.done


def _describe_request(
    sources: Sequence[Path], recording: FileImage, settings: Settings, kind: np.dtype[Any]
) -> dict[str, Any]:
    """Collect all that the result depends on, as it is after a round trip through JSON."""
    request = {
        "input": [[str(each.resolve()), each.stat().st_mtime_ns] for each in sources],
        "image": [recording.image.shape, str(recording.image.dtype)],
        "axes": recording.axes,
        "settings": asdict(settings),
        "type": str(kind),
        "version": __version__,
    }
    as_json: dict[str, Any] = json.loads(json.dumps(request))
    return as_json
