"""A trained network with all that is needed to use it: weights, scale and settings."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_n2s.ideas.axes import Context, Layout, layout
from napari_n2s.ideas.errors import ImageError
from napari_n2s.ideas.image import Box, Scale, as_image, check_dtype, find_missing, to_dtype
from napari_n2s.ideas.score import Score
from napari_n2s.ideas.settings import Settings
from napari_n2s.work.apply import predict
from napari_n2s.work.device import choose_device
from napari_n2s.work.machine import require_memory
from napari_n2s.work.method import choose
from napari_n2s.work.progress import Applying
from napari_n2s.work.steps import finish, share

Read = tuple[Layout, NDArray[np.generic], NDArray[np.bool_]]
TILE = 512
"""Side of a tile in pixels: some 400 MB at work for the widest network."""
AT_WORK, BESIDE = 70, 16
"""Bytes for each value of one picture while it is denoised, and for each that it is seen beside."""


def read(
    image: NDArray[np.generic],
    axes: str | None,
    channels: int,
    settings: Settings,
    guides: int = 0,
) -> Read:
    """Read an image as a model for so many channels does, with so many pictures beside each.

    Returns
    -------
    tuple of Layout, ndarray, ndarray of bool
        How its axes lie, the image ``(N, C, *space)``, and where it is missing ``(N, 1, *space)``.

    Raises
    ------
    ImageError
        If it cannot be denoised by such a model.
    """
    found = layout(image.shape, axes)
    canonical = found.canonical(image)
    if canonical.shape[1] != channels:
        raise ImageError(
            f"The image has {canonical.shape[1]} channels, but the model was trained on "
            f"{channels}; choose an image like the one it was trained on."
        )
    require_memory(4 * canonical.size + (AT_WORK + BESIDE * guides) * canonical[0].size)
    return found, canonical, find_missing(canonical, settings.missing)


@dataclass(frozen=True)
class Model:
    """What training leaves behind, at some step of it.

    Attributes
    ----------
    settings : Settings
    channels, ndim : int
        Channels and axes of space of the images that it takes.
    scale : Scale
        The intensities that it was trained on.
    context : Context or None
        The pictures that it sees beside one.
    weights : mapping of str to Tensor
        On the CPU; copies that training no longer touches.
    step : int
        Steps it had been trained for.
    score : Score
        Its error on the held-out pixels.
    turns : int
        Over how many flips and turns its output is averaged.
    """

    settings: Settings
    channels: int
    ndim: int
    scale: Scale
    context: Context | None
    weights: Mapping[str, Tensor]
    step: int
    score: Score
    turns: int

    def apply(
        self,
        image: Any,
        *,
        axes: str | None = None,
        dtype: Any = np.float32,
        invariant: bool | None = None,
        tile: int = TILE,
    ) -> NDArray[np.generic]:
        """Denoise an image.

        Parameters
        ----------
        image : array_like
            With as many channels as the image that the model was trained on, taken to be on the
            same intensity scale. It is not changed.
        axes : str, optional
            One letter for each axis, as ``"TYX"``; guessed from the shape if left out.
        dtype : dtype
            Type of the result: float32, or an integer type, rounded and clipped into its range.
        invariant : bool, optional
            Predict every pixel without looking at it; as in the settings if left out.
        tile : int
            Side of the tiles in pixels. The result does not depend on it.

        Returns
        -------
        ndarray
            The denoised image, of the same shape and axes, on the image's intensity scale.

        Raises
        ------
        ImageError
            If the image cannot be denoised by this model.
        """
        return finish(self.applying(image, axes=axes, dtype=dtype, invariant=invariant, tile=tile))

    def applying(
        self,
        image: Any,
        *,
        axes: str | None = None,
        dtype: Any = np.float32,
        invariant: bool | None = None,
        tile: int = TILE,
        quick: bool = False,
        device: torch.device | None = None,
        part: Box | None = None,
    ) -> Generator[Applying, None, NDArray[np.generic]]:
        """Do as `apply`, yielding how far it is after each tile.

        Quick does without flips, turns and the posterior: a good picture, many times as fast. The
        device is that of the settings if left out. Of the image only a part is denoised if there is
        one: a slice for each axis.
        """
        image, inner = _cut(image, axes, part, self.context)
        image = as_image(image)
        kind = check_dtype(dtype, image, self.settings.missing)
        settings = self.settings if part is None else replace(self.settings, missing="leave")
        count = 2 * self.context.count if self.context else 0
        found, canonical, missing = read(image, axes, self.channels, settings, count)
        invariant = self.settings.invariant if invariant is None else invariant
        device = device or choose_device(self.settings.device)
        beside = found.beside(self.context) if self.context else np.empty((len(canonical), 0), int)
        guides = beside.shape[1] * self.channels
        method = choose(self.settings, self.channels, self.ndim, guides)
        method.network.load_state_dict(self.weights)
        method.network.to(device).eval()
        result = np.empty(canonical.shape, kind)
        wanted = found.samples_within(inner) if inner else np.arange(len(canonical))
        for number, n in enumerate(wanted):
            sample, gaps = canonical[n], missing[n]
            around = [self.scale.normalise(canonical[b], missing[b]) for b in beside[n]]
            empty = np.empty((0, *sample.shape[1:]), np.float32)
            work = predict(
                method,
                torch.from_numpy(self.scale.normalise(sample, gaps))[None],
                torch.from_numpy(gaps)[None],
                torch.from_numpy(np.concatenate([empty, *around]))[None],
                tile,
                device,
                invariant=invariant,
                seed=self.settings.seed,
                turns=1 if quick else self.turns,
                quick=quick,
            )
            prediction = yield from share(work, number, len(wanted), Applying)
            restored = self.scale.restore(prediction[0].numpy())
            np.copyto(restored, sample, where=gaps, casting="unsafe")
            result[n] = to_dtype(restored, kind)
        restored_axes = found.restore(result)
        return restored_axes[inner] if inner else restored_axes


def _cut(
    image: Any, axes: str | None, part: Box | None, context: Context | None
) -> tuple[Any, Box | None]:
    """Cut a part out of an image with what is beside it; and say where in that it lies."""
    if part is None:
        return image, None
    letters = layout(np.shape(image), axes).axes
    read, inner = list(part), [slice(0, side.stop - side.start) for side in part]
    if context and context.axis in letters:
        axis = letters.index(context.axis)
        side, size = part[axis], np.shape(image)[axis]
        low = max(0, side.start - context.count)
        read[axis] = slice(low, min(size, side.stop + context.count))
        inner[axis] = slice(side.start - low, side.stop - low)
    return image[tuple(read)], tuple(inner)
