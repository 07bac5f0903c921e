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
from napari_n2s.inference.transfer import fit_to
from napari_n2s.methods.noise2noise import NOT_BLIND
from napari_n2s.methods.nonlocal_bayes import REACH, STEP
from napari_n2s.preparation.streaming import CHUNK, SampleReader, SampleStream

BLOCK, DEEP = 2**22, 16
"""Pixels of a block, and minimum number of slices of a block of a volume. A block passes through
all steps of denoising; the network works on tiles of it."""
SAMPLE_BYTES = 100
"""Bytes per sample of an image: its number, and those of its neighbours."""
VALUE_BYTES, EXTRA_BYTES = 90, 16
"""Bytes per value of a block while it is denoised, and per value of its extra channels."""


def check(image: Image, channels: int, settings: Settings, extra: int = 0) -> None:
    """Check that a model can denoise an image, before any work is done.

    Missing pixels are searched for in images in memory only.

    Parameters
    ----------
    image : Image
    channels : int
        Number of channels of the model.
    settings : Settings
    extra : int
        Number of extra channels (neighbours and guides) per channel.

    Raises
    ------
    ImageError, DeviceError
        If the number of channels differs, the memory does not suffice, or pixels are missing
        although that is an error.
    """
    samples, present, *space = image.layout.canonical_shape
    if present != channels:
        raise ImageError(
            f"The image has {present} channels, but the model was trained on "
            f"{channels}; choose an image like the one it was trained on."
        )
    values = present * prod(_block(space))
    require_memory((VALUE_BYTES + EXTRA_BYTES * extra) * values + SAMPLE_BYTES * samples)
    if image.in_memory and settings.nan_policy == "raise" and image.any_missing:
        require_usable(image.missing, settings.nan_policy)


@dataclass(frozen=True)
class Model(TrainedNetwork):
    """A trained network that can be applied to images."""

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
            With as many channels as the image that the model was trained on. If it has another
            offset and gain, its normalisation is adapted if that predicts its held-out pixels
            better. A channel that was constant in training is returned unchanged.
        axes : str, optional
            One letter for each axis, as ``"TYX"``; guessed from the shape if left out.
        dtype : dtype, optional
            Type of the result; of an integer type, it is rounded and clipped into its range. If
            left out, float32, or float64 if that is too coarse for the image's differences.
        invariant : bool, optional
            Give the 𝒥-invariant prediction, which does not see the pixel itself; as in the settings
            if left out.
        tile : int
            Side of the tiles in pixels. The result does not depend on it.
        out : array_like, optional
            Where to write the result: an array of the image's shape in memory or in a file, as
            zarr's. Its type is then the result's.
        client : distributed.Client, optional
            Client of a cluster whose workers denoise the image, a few samples at a time, and write
            them to `out`. Image and `out` must be in files that all workers can access.
        guides : sequence of array_like
            The same guides as in training, of this field.

        Returns
        -------
        array_like
            The denoised image, of the same shape and axes, on the image's intensity scale.

        Raises
        ------
        ImageError, SettingsError, DeviceError
            If the image cannot be denoised by this model, or not on that cluster, or if the model
            predicts its held-out pixels worse than their mean does.

        Warns
        -----
        FitWarning
            If that prediction is worse than a median filter, and was not on the training image.
        """
        opened = open_image(image, axes, guides, volume=self.settings.volume)
        self.open_guides(opened)
        extra = len(self.guides.shift) if self.guides else 0
        check(opened, self.channels, self.settings, extra)
        model, fit = fit_to(self, opened)
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
        """Denoise an image as `apply` does, yielding progress after each tile.

        Parameters
        ----------
        image : Image
        dtype, invariant, tile
            As for `apply`.
        quick : bool
            Leave out test-time augmentation, the posterior mean, non-local Bayes and, where that is
            faster, full precision: a good image many times as fast.
        device : torch.device, optional
            As in the settings if left out.
        part : tuple of slice, optional
            The part of the image to denoise, a slice for each axis.
        out : array_like, optional
            Where to write the result, of that part's shape and of the type wanted.

        Yields
        ------
        Applying

        Returns
        -------
        array_like
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
        neighbours = image.layout.neighbours(self.context) if self.context else None
        exclusion_settings = self.settings
        if self.paired:  # outliers in one replicate average out over the others
            exclusion_settings = replace(self.settings, outliers="ignore", constant_areas="denoise")
        stream = SampleStream(image, part, kind, exclusion_settings, out, neighbours)
        device = device or choose_device(self.settings.device, volume=self.ndim > 2)
        planned = self if invariant == self.settings.invariant else replace(self, passes=None)
        method = planned.method(count, seen, device)
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
        if method.refines:
            halo, stride = halo + REACH, tuple(lcm(each, STEP) for each in stride)
        blocks = list(tiles(space, _block(size), halo, stride, stream.space))
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
        """Denoise a sample block by block, all with the blend model of the central block."""
        blend, constant = None, self.scale.spread == 0
        central = blocks[len(blocks) // 2]
        order = [central, *(each for each in blocks if each is not central)]
        for step, block in enumerate(order):
            (sample, excluded), neighbours = stream.read(number, block.read[2:])
            x, missing = self.normalise(sample, excluded), excluded.gaps
            keep, kept = block.keep[1:], excluded.kept(stream.settings)
            kept[constant] = True
            kept = kept[keep]
            if self.fallback:
                kind, strength = BASELINES[self.fallback.name], self.fallback.strength
                filtered = donut_filter(x, kind, strength, (1.0,) * self.ndim)
                clean = self.scale.restore(filtered[keep])
                stream.write(number, block.write[2:], clean, sample[keep], kept)
                yield (step + 1) / len(order)
                continue
            empty = np.empty((0, *x.shape[1:]), np.float32)
            extra = [self.normalise(*each) for each in neighbours]
            if guides and self.guides:
                seen = guides.read(number, block.read[2:])
                extra.append(self.guides.normalise(seen, ~np.isfinite(seen)))
            arrays = (x, missing, np.concatenate([empty, *extra]))
            work = run(*(torch.from_numpy(each)[None] for each in arrays), blend=blend)
            averaged, refined, blend = yield from share(work, step, len(order), float)
            weight = torch.tensor(self.nonlocal_weight).to(averaged).reshape(-1, *(1,) * self.ndim)
            found = torch.lerp(averaged, refined, weight)[0].numpy()
            if blend is not None:
                start = [side.start for side in block.read[2:]]
                known = ~np.any(missing, axis=0)
                found = keep_brightness(found, x, blend.noise.variance(found), known, start)
            clean = self.scale.restore(found[keep])
            stream.write(number, block.write[2:], clean, sample[keep], kept)


def _block(size: Sequence[int]) -> tuple[int, ...]:
    """Return the sides of a sample's blocks: the whole sample, or whole chunks of the result.

    Blocks of a volume are a chunk wide and high, and deep enough that most of what is read is not
    border.
    """
    if len(size) > 2:
        plane = [min(side, CHUNK) for side in size[-2:]]
        deep = max(DEEP, BLOCK // prod(plane))
        return (*(min(side, deep) for side in size[:-2]), *plane)
    return tuple(
        side if side == whole else -(-side // CHUNK) * CHUNK
        for side, whole in zip(divide(tuple(size), BLOCK), size, strict=True)
    )
