"""Tiled inference, with the same result as for the whole image, in visible and blind passes."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import nullcontext
from itertools import product
from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor

from napari_n2s.core.device import fast_arithmetic, prefer_layout, working_threads
from napari_n2s.core.generators import finish, share
from napari_n2s.methods.base import Method
from napari_n2s.methods.blind_spot import BlendModel, BlindSpot, PixelResponse
from napari_n2s.methods.recorrupted import Recorrupted2Recorrupted
from napari_n2s.nn.networks import Network
from napari_n2s.noise.recorruption import Recorruption, measure_recorruption
from napari_n2s.preparation.augmentation import Orientation

RESPONSE_SIDE = 256
"""Side in pixels of the central part in which the pixel response is measured. With 512, results of
ten images were neither better nor worse on average."""
PERTURBATION = 0.02
"""Perturbation of pixels for that, in standard deviations of the image."""


class Prediction(NamedTuple):
    """Prediction of an image.

    Attributes
    ----------
    averaged, refined : Tensor, shape (1, C, *space)
        By the network, and after non-local Bayes; on the CPU.
    blend : BlendModel, Recorruption or None
        How visible and blind predictions were combined, or how noise is correlated.
    """

    averaged: Tensor
    refined: Tensor
    blend: BlendModel | Recorruption | None


Predicting = Generator[float, None, Prediction]


class Tile(NamedTuple):
    """A tile of an image ``(B, C, *space)``: the part to read, and what of it to write where."""

    read: tuple[slice, ...]
    keep: tuple[slice, ...]
    write: tuple[slice, ...]


def fit(space: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Return the sides of a box of at most about `count` pixels, as equal as the image allows."""
    found, left = dict.fromkeys(range(len(space)), 1), float(count)
    for done, axis in enumerate(sorted(found, key=lambda each: space[each])):
        even = max(1, int(left ** (1 / (len(space) - done)) + 1e-6))
        found[axis] = min(space[axis], even)
        left /= found[axis]
    return tuple(found.values())


def divide(space: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Return the sides of boxes of at most about `count` pixels that divide an image evenly."""
    most = zip(space, fit(space, count), strict=True)
    return tuple(ceil(size / ceil(size / side)) for size, side in most)


def tiles(
    space: tuple[int, ...],
    sides: tuple[int, ...],
    halo: int,
    stride: tuple[int, ...],
    part: tuple[slice, ...] | None = None,
) -> Iterator[Tile]:
    """Cover an image, or a part of it, with tiles, each with a halo.

    Parameters
    ----------
    space, sides : tuple of int
        Sizes of the image and of a tile along each axis of space.
    halo : int
        Width of the halo in pixels, rounded up to a multiple of the stride, so that tiles are read
        from a multiple of it.
    stride : tuple of int
        Stride of the network along each axis of space.
    part : tuple of slice, optional
        The part to cover; the whole image if left out.

    Yields
    ------
    Tile
    """
    every, spans = (slice(None), slice(None)), []
    parts = part or [slice(0, size) for size in space]
    for size, side, wanted, step in zip(space, sides, parts, stride, strict=True):
        around = -(-halo // step) * step
        starts = range(wanted.start, wanted.stop, side)
        ends = [*starts[1:], wanted.stop]
        spans.append(
            [
                (max(0, (a - around) // step * step), a, b, min(size, b + around))
                for a, b in zip(starts, ends, strict=True)
            ]
        )
    for corner in product(*spans):
        yield Tile(
            read=(*every, *(slice(low, high) for low, _, _, high in corner)),
            keep=(*every, *(slice(a - low, b - low) for low, a, b, _ in corner)),
            write=(*every, *(slice(a, b) for _, a, b, _ in corner)),
        )


def count_passes(method: Method, ndim: int, invariant: bool, quick: bool = False) -> int:
    """Count the passes over an image that `predict` makes for each orientation."""
    blindly = invariant or (method.combines_predictions and not quick)
    return (not invariant) + (method.count_masks(ndim) if blindly else 0)


def predict(
    method: Method,
    x: Tensor,
    missing: Tensor,
    extra_channels: Tensor,
    side: int,
    device: torch.device,
    *,
    invariant: bool,
    seed: int,
    turns: int = 1,
    quick: bool = False,
    blend: BlendModel | Recorruption | None = None,
) -> Predicting:
    """Predict an image, yielding the fraction done after each tile.

    Parameters
    ----------
    method : Method
        Its network is on `device` and in evaluation mode.
    x : Tensor, shape (1, C, *space)
        The normalised image, on the CPU.
    missing : Tensor of bool, shape (1, 1 or C, *space)
        Missing and excluded pixels, in all channels alike or in each; the network does not see
        those in all channels.
    extra_channels : Tensor, shape (1, G, *space)
        Neighbouring samples or other replicates, then guides.
    side : int
        Side of the tiles in pixels, without their halo; for volumes, that of a square of as many.
    invariant : bool
        Give the 𝒥-invariant prediction, with each pixel hidden, instead of the visible one.
    seed : int
        For random partitions and fills.
    turns : int
        Number of orientations for test-time augmentation.
    quick : bool
        Make the visible prediction alone, in reduced precision where that is faster.
    blend : BlendModel or Recorruption, optional
        How to combine visible and blind predictions, or how noise is correlated; estimated if left
        out.

    Returns
    -------
    Prediction
    """
    generator = torch.Generator().manual_seed(seed)
    space, orientations = tuple(x.shape[2:]), method.orientations[:turns]
    count = count_passes(method, len(space), invariant, quick)
    parts = count + (method.refines and not invariant and not quick)
    visible = blind = None
    unusable = missing.all(1, keepdim=True)
    if not invariant:
        inputs = method.make_input(
            x, torch.zeros_like(unusable), unusable, extra_channels, generator
        )
        work = _in_tiles(method.network, inputs, side, device, orientations, quick)
        visible = yield from share(work, 0, parts, float)
    if count > int(not invariant):
        for number, hidden in enumerate(method.masks(space, generator), start=int(not invariant)):
            inputs = method.make_input(x, hidden, unusable, extra_channels, generator)
            work = _in_tiles(method.network, inputs, side, device, orientations)
            output = yield from share(work, number, parts, float)
            blind = output if blind is None else torch.where(hidden, output, blind)
    if visible is None:
        assert blind is not None
        return Prediction(method.mean(blind), method.mean(blind), None)
    if isinstance(method, Recorrupted2Recorrupted) and not quick:
        mean = method.mean(visible)
        noise = blend or measure_recorruption(x.numpy(), missing.numpy(), method.radius)
        if not isinstance(noise, Recorruption):
            return Prediction(mean, mean, None)
        work = method.refine(mean, x, missing, noise, device)
        return Prediction(mean, (yield from share(work, count, parts, float)), noise)
    if blind is None or not isinstance(method, BlindSpot):
        return Prediction(method.mean(visible), method.mean(visible), None)
    if not isinstance(blend, BlendModel):
        response = _measure_response(method, x, unusable, extra_channels, device, generator)
        blend = method.fit_blend(visible, blind, x, missing, response)
    mixing = method.blend(visible, blind, x, missing, blend, device)
    averaged, refined = yield from share(mixing, count, parts, float)
    return Prediction(averaged, refined, blend)


def _measure_response(
    method: Method,
    x: Tensor,
    missing: Tensor,
    extra_channels: Tensor,
    device: torch.device,
    generator: torch.Generator,
) -> PixelResponse:
    """Measure the derivative of each predicted pixel by its own value, in the centre of an image.

    All pixels are perturbed at once, with random signs, so that the influence of other pixels
    averages out (Hutchinson's trace estimator; Ramani et al., IEEE TIP 2008, for SURE).
    """
    space = tuple(x.shape[2:])
    corners = [
        ((size - side) // 2, side)
        for size, side in zip(space, fit(space, RESPONSE_SIDE**2), strict=True)
    ]
    box = (slice(None), *(slice(low, low + side) for low, side in corners))
    centre, unusable, extra_part = (
        each[(slice(None), *box)] for each in (x, missing, extra_channels)
    )
    perturbation = PERTURBATION * (2.0 * torch.randint(2, centre.shape, generator=generator) - 1)
    outputs = []
    for moved in (centre + perturbation, centre - perturbation):
        inputs = method.make_input(
            moved, torch.zeros_like(unusable), unusable, extra_part, generator
        )
        work = _in_tiles(method.network, inputs, RESPONSE_SIDE, device, method.orientations[:1])
        outputs.append(method.mean(finish(work)))
    return PixelResponse(box, (outputs[0] - outputs[1]) / (2 * perturbation))


def _in_tiles(
    network: Network,
    inputs: Tensor,
    side: int,
    device: torch.device,
    orientations: tuple[Orientation, ...],
    quick: bool = False,
) -> Generator[float, None, Tensor]:
    space = inputs.shape[2:]
    # With sides of whole strides, a flipped tile lies on the same lattice as the flipped image.
    padded = network.pad(inputs)
    padded_space = tuple(padded.shape[2:])
    size = tuple(
        ceil(each / step) * step
        for each, step in zip(divide(padded_space, side**2), network.stride, strict=True)
    )
    every = list(tiles(padded_space, size, network.halo, network.stride))
    result: Tensor | None = None
    for number, tile in enumerate(every):
        precision = fast_arithmetic(device) if quick else nullcontext()
        with torch.inference_mode(), working_threads(), precision:
            piece = padded[tile.read].to(device)
            outputs = [
                orientation.invert(network(prefer_layout(orientation.apply(piece))))[tile.keep]
                for orientation in orientations
            ]
            mean = torch.stack(outputs).float().mean(0).cpu()
        if result is None:
            result = mean.new_empty(1, mean.shape[1], *padded.shape[2:])
        result[tile.write] = mean
        yield (number + 1) / len(every)
    assert result is not None
    return result[(slice(None), slice(None), *map(slice, space))]
