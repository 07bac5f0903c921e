"""Inference on a cluster of dask.distributed."""

from __future__ import annotations

from collections.abc import Generator
from threading import Lock
from typing import Any

import numpy as np

from napari_n2s.core.device import choose_device
from napari_n2s.core.errors import DeviceError, ImageError, SettingsError
from napari_n2s.core.generators import finish
from napari_n2s.core.progress import Applying
from napari_n2s.images.image import Image
from napari_n2s.images.sources import Box, Part
from napari_n2s.inference.tile_size import Applicable, applying
from napari_n2s.preparation.streaming import require_writable

RETRIES = 2
"""Number of retries of a box after an error, as of a network file system."""
_NETWORK_LOCK = Lock()
"""The network uses all cores by itself, however many threads a worker has."""


def connect(address: str) -> Any:
    """Connect to a scheduler as a client.

    Raises
    ------
    DeviceError
        If nothing answers, or dask.distributed is not installed.
    """
    distributed = _distributed()
    try:
        return distributed.Client(address, set_as_default=False)
    except (OSError, ValueError) as error:
        raise DeviceError(
            f"No scheduler answers at {address}; check that it runs; an address is tcp://host:8786."
        ) from error


def applying_on(
    client: Any,
    model: Applicable,
    image: Image,
    out: Any,
    boxes: list[Box],
    invariant: bool | None = None,
) -> Generator[Applying, None, None]:
    """Denoise boxes of an image on a client's workers, which also write them.

    Parameters
    ----------
    client : distributed.Client
    model : Model
    image : Image
    out : array_like
        Image and result in files that every worker can access by the same path.
    boxes : list of tuple of slice
        No two boxes may write to the same chunk.
    invariant : bool, optional

    Yields
    ------
    Applying
        After each box.

    Raises
    ------
    ImageError, DeviceError
    """
    distributed = _distributed()
    in_memory = (
        isinstance(out, np.ndarray) or type(getattr(out, "store", None)).__name__ == "MemoryStore"
    )
    if out is None or in_memory:
        raise ImageError(
            "Workers cannot write to the memory of this process; give as out an array in a file "
            "that they can reach, as zarr's."
        )
    require_writable(out, image.shape, image)
    # As the result of a task, shared objects are sent once, passed from worker to worker, and
    # recomputed if the workers that hold them are lost.
    shared = client.submit(_share, (model, image, out), pure=False)
    options = {"pure": False, "retries": RETRIES}
    futures = client.map(_denoise, boxes, shared=shared, invariant=invariant, **options)
    with client.as_current():
        finished = distributed.as_completed(futures)
    try:
        for done, future in enumerate(finished, start=1):
            future.result()
            yield Applying(done / len(boxes))
    except (
        distributed.KilledWorker,
        distributed.CancelledError,
        distributed.comm.CommClosedError,
    ) as error:
        raise DeviceError(
            "The connection to the cluster was lost, or its workers died; see their logs, give "
            "each more memory, and try again."
        ) from error
    finally:
        client.cancel(futures)


def _denoise(box: Box, shared: tuple[Any, Image, Any], invariant: bool | None) -> None:
    model, image, out = shared
    device = choose_device(model.settings.device, volume=model.settings.volume)
    with _NETWORK_LOCK:
        part = Part(out, box)
        finish(applying(model, device, image, invariant=invariant, part=box, out=part))


def _share(shared: Any) -> Any:
    return shared


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise SettingsError(
            "To compute on a cluster, install dask.distributed: pip install "
            "'napari-n2s[distributed]'."
        ) from error
    return distributed
