"""One denoising in a background thread."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.qt.threading import thread_worker

from napari_n2s.ideas.errors import MissingPixelsError, N2SError
from napari_n2s.ideas.settings import Settings
from napari_n2s.work.load import load_torch

if TYPE_CHECKING:
    from napari_n2s.work.denoise import Denoised
    from napari_n2s.work.progress import Applying, Progress


@dataclass(frozen=True)
class Failure:
    """Why there is no result, in a sentence for the user.

    Attributes
    ----------
    sentence : str
    missing : bool
        Whether it is for pixels that are NaN, which might be left as they are.
    """

    sentence: str
    missing: bool = False


class UnexpectedError(Exception):
    """A fault of the program; the worker would swallow it as the RuntimeError that it often is."""


@thread_worker
def denoise_job(
    image: Any, axes: str, settings: Settings, dtype: Any, stop: Callable[[], bool]
) -> Generator[Progress | Applying, None, Denoised | Failure]:
    """Denoise an image; when `stop` says so, apply what was learnt so far."""
    try:
        load_torch()
        from napari_n2s.work.denoise import denoising

        return (yield from denoising(image, axes=axes, settings=settings, dtype=dtype, stop=stop))
    except N2SError as error:
        return Failure(str(error), missing=isinstance(error, MissingPixelsError))
    except RuntimeError as error:
        raise UnexpectedError(f"Denoising failed: {error}") from error


@thread_worker
def device_job() -> str:
    """Find out what will be computed on, in words."""
    load_torch()
    from napari_n2s.work.device import choose_device, describe

    return describe(choose_device())
