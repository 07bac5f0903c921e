"""A trained network that can be applied to images."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import lcm, prod
from typing import Any
from warnings import warn

import numpy as np
import torch

from napari_n2s.core.device import choose_device
from napari_n2s.core.errors import FitWarning, ImageError, SettingsError
from napari_n2s.core.generators import finish, share
from napari_n2s.core.progress import Applying
from napari_n2s.core.settings import Settings
from napari_n2s.core.system import require_memory
from napari_n2s.filters.baselines import BASELINES
from napari_n2s.filters.donut_filters import donut_filter
from napari_n2s.images.chunks import chunks_of, cut
from napari_n2s.images.image import Image, open_image
from napari_n2s.images.missing import require_usable
from napari_n2s.images.sources import Box
from napari_n2s.inference.brightness import keep_brightness
from napari_n2s.inference.distributed import applying_on
from napari_n2s.inference.tile_size import TILE
from napari_n2s.inference.tiling import Predicting, Tile, divide, predict, tiles
from napari_n2s.inference.trained_network import TrainedNetwork
from napari_n2s.inference.transfer import look
from napari_n2s.methods.noise2noise import NOT_BLIND
from napari_n2s.methods.nonlocal_bayes import REACH, STEP
from napari_n2s.preparation.streaming import CHUNK, SampleReader, SampleStream

BLOCK, DEEP = 2**22, 16
"""Pixels of a picture, and slices of a volume at least, that are denoised at a time; tiles are for
the network, blocks for all."""
NUMBERED = 100
"""Bytes for each picture of an image: its number, and those of the ones beside it."""
AT_WORK, BESIDE = 90, 16
"""Bytes for each value of a block while it is denoised, and for each that it is seen beside."""


def check(image: Image, channels: int, settings: Settings, beside: int = 0) -> None:
    """Make sure that a model for so many channels can denoise an image.

    Missing pixels are looked for in what lies in memory only.

    Raises
    ------
    ImageError, DeviceError
        If it cannot.
    """
    samples, there, *space = image.layout.canonical_shape
    if there != channels:
        raise ImageError(
            f"The image has {there} channels, but the model was trained on "
            f"{channels}; choose an image like the one it was trained on."
        )
    require_memory((AT_WORK + BESIDE * beside) * there * prod(_block(space)) + NUMBERED * samples)
    if image.in_memory and settings.nan_policy == "raise" and image.any_missing:
        require_usable(image.missing, settings.nan_policy)


@dataclass(frozen=True)
class Model(TrainedNetwork):
    """What training leaves behind, at some step of it, and how it denoises images."""

    def apply(
        self,
        image: Any,
        *,
        axes: str | None = None,
        dtype: Any = None,
        invariant: bool | None = None,
        tile: int = TILE,
        out: Any = None,
        client: Any = None,
        guides: Sequence[Any] = (),
    ) -> Any:
        """Denoise an image.

        Parameters
        ----------
        image : array_like
            With as many channels as the image that the model was trained on. Another offset and
            gain are adapted to, if its own held-out pixels are predicted better so; a channel that
            was constant in training is handed back as it is. It is not changed.
        axes : str, optional
            One letter for each axis, as ``"TYX"``; guessed from the shape if left out.
        dtype : dtype, optional
            Type of the result; of an integer type, it is rounded and clipped into its range. If
            left out, float32, or float64 where that has too few digits for the image's differences.
        invariant : bool, optional
            Predict every pixel without looking at it; as in the settings if left out.
        tile : int
            Side of the tiles in pixels. The result does not depend on it.
        out : array_like, optional
            Where to write the result: an array of the image's shape in memory or in a file, as
            zarr's. Its type is then the result's.
        client : distributed.Client, optional
            Of a cluster of dask.distributed whose workers denoise the image, a few pictures at a
            time, and write them to `out`. Image and `out` lie in files that all can reach.
        guides : sequence of array_like
            What the network sees besides, as in its training.

        Returns
        -------
        array_like
            The denoised image, of the same shape and axes, on the image's intensity scale.

        Raises
        ------
        ImageError, SettingsError, DeviceError
            If the image cannot be denoised by this model, or not on that cluster, or if what the
            model predicts of its held-out pixels is worth nothing.

        Warns
        -----
        FitWarning
            If that is worse than a median, and was not where the model learnt.
        """
        opened = open_image(image, axes, guides, volume=self.settings.volume)
        self.open_guides(opened)
        beside = len(self.guides.shift) if self.guides else 0
        check(opened, self.channels, self.settings, beside)
        model, fit = look(self, opened)
        if fit.doubt:
            warn(fit.doubt, FitWarning, stacklevel=2)
        if client is None:
            options = {"dtype": dtype, "invariant": invariant, "tile": tile, "out": out}
            clean = finish(model.applying(opened, **options))
            return opened.labelled(clean) if out is None else out
        boxes = cut(opened.layout, opened.chunks, chunks_of(out, len(opened.shape)))
        finish(applying_on(client, model, opened, out, boxes, invariant))
        return out

    def applying(
        self,
        image: Image,
        *,
        dtype: Any = None,
        invariant: bool | None = None,
        tile: int = TILE,
        quick: bool = False,
        device: torch.device | None = None,
        part: Box | None = None,
        out: Any = None,
    ) -> Generator[Applying, None, Any]:
        """Do as `apply`, yielding how far it is after each tile.

        Quick does without flips, turns, the posterior and, where that is faster and the pixels are
        seen, full precision: a good picture, many times as fast. The device is that of the settings
        if left out. Of the image only a part is denoised if there is one: a slice for each axis.
        What the result is written to, if not to memory, is of that part's shape and of the type
        wanted.
        """
        guides = self.open_guides(image)
        settings = self.settings if part is None else replace(self.settings, nan_policy="omit")
        if out is not None:
            dtype = out.dtype
        kind = image.result_dtype(dtype, settings.nan_policy)
        if invariant is None:
            invariant = self.settings.invariant
        if self.paired and invariant:
            raise SettingsError(NOT_BLIND)
        count = 2 * self.context.count if self.context else 0
        seen = len(self.guides.shift) if self.guides else 0
        check(image, self.channels, settings, count + seen)
        beside = image.layout.neighbours(self.context) if self.context else None
        looked = self.settings
        if self.paired:  # what is in one reading alone is left out by the others
            looked = replace(looked, outliers="ignore", constant_areas="denoise")
        stream = SampleStream(image, part, kind, looked, out, beside)
        device = device or choose_device(self.settings.device, volume=self.ndim > 2)
        method = self.method(count, seen, device)
        run = partial(
            predict,
            method,
            side=tile,
            device=device,
            invariant=invariant,
            seed=self.settings.seed,
            turns=1 if quick else self.turns,
            quick=quick,
        )
        space, network = image.layout.canonical_shape[2:], method.network
        size = tuple(side.stop - side.start for side in stream.space)
        halo, stride = network.halo, network.stride
        if method.combines_predictions:
            halo, stride = halo + REACH, tuple(lcm(each, STEP) for each in stride)
        cuts = tiles(space, _block(size), halo, stride, stream.space)
        blocks = list(cuts)
        for order, number in enumerate(stream.samples):
            work = self._denoise(stream, guides, number, blocks, run)
            yield from share(work, order, len(stream.samples), Applying)
        return stream.result

    def _denoise(
        self,
        stream: SampleStream,
        guides: SampleReader | None,
        number: int,
        blocks: list[Tile],
        run: Callable[..., Predicting],
    ) -> Generator[float, None, None]:
        """Denoise a picture block by block, all of them mixed as the one in the middle is."""
        blend, blank = None, self.scale.spread == 0
        middle = blocks[len(blocks) // 2]
        order = [middle, *(each for each in blocks if each is not middle)]
        for step, block in enumerate(order):
            (sample, excluded), beside = stream.read(number, block.read[2:])
            x, gaps = self.on_scale(sample, excluded), excluded.gaps
            keep, kept = block.keep[1:], excluded.kept(stream.settings)
            kept[blank] = True
            kept = kept[keep]
            if self.fallback:
                kind, strength = BASELINES[self.fallback.name], self.fallback.strength
                filtered = donut_filter(x, kind, strength, (1.0,) * self.ndim)
                clean = self.scale.restore(filtered[keep])
                stream.write(number, block.write[2:], clean, sample[keep], kept)
                yield (step + 1) / len(order)
                continue
            empty = np.empty((0, *x.shape[1:]), np.float32)
            also = [self.on_scale(*each) for each in beside]
            if guides and self.guides:
                seen = guides.read(number, block.read[2:])
                also.append(self.guides.normalise(seen, ~np.isfinite(seen)))
            inner = (x, gaps, np.concatenate([empty, *also]))
            work = run(*(torch.from_numpy(each)[None] for each in inner), blend=blend)
            picture, grouped, blend = yield from share(work, step, len(order), float)
            counts = torch.tensor(self.nonlocal_weight).to(picture).reshape(-1, *(1,) * self.ndim)
            found = torch.lerp(picture, grouped, counts)[0].numpy()
            if blend is not None:
                start = [side.start for side in block.read[2:]]
                there = ~np.any(gaps, axis=0)
                found = keep_brightness(found, x, blend.noise.variance(found), there, start)
            clean = self.scale.restore(found[keep])
            stream.write(number, block.write[2:], clean, sample[keep], kept)


def _block(size: Sequence[int]) -> tuple[int, ...]:
    """Give the sides of a picture's blocks: all of it, or whole chunks of what is written to.

    Of a volume they are a chunk wide and high, and at least so deep that most of what is read of it
    is not there for the border's sake alone.
    """
    if len(size) > 2:
        plane = [min(side, CHUNK) for side in size[-2:]]
        deep = max(DEEP, BLOCK // prod(plane))
        return (*(min(side, deep) for side in size[:-2]), *plane)
    return tuple(
        side if side == whole else -(-side // CHUNK) * CHUNK
        for side, whole in zip(divide(tuple(size), BLOCK), size, strict=True)
    )
