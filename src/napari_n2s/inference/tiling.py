"""Running a network over an image in tiles, with the same result as over the whole."""

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
from napari_n2s.methods.blind_spot import Blend, BlindSpot, Probe
from napari_n2s.nn.networks import Network
from napari_n2s.preparation.augmentation import Orientation

PROBED = 512
"""Side of the part, in pixels, in which the network's response is measured."""
NUDGE = 0.02
"""By how much a pixel is moved for that, in standard deviations of the image."""


class Prediction(NamedTuple):
    """What a network predicts of an image.

    Attributes
    ----------
    picture, grouped : Tensor, shape (1, C, *space)
        By the network alone, and after what repeats in it was denoised together; on the CPU.
    blend : Blend or None
        How what it predicted seeing the pixel and blindly was mixed, if it was.
    """

    picture: Tensor
    grouped: Tensor
    blend: Blend | None


Predicting = Generator[float, None, Prediction]


class Tile(NamedTuple):
    """One piece of an image ``(B, C, *space)``: what is read, what is kept, and where that goes."""

    read: tuple[slice, ...]
    keep: tuple[slice, ...]
    write: tuple[slice, ...]


def fit(space: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Give the sides of the box of at most about `count` pixels, as even as an image allows."""
    found, left = dict.fromkeys(range(len(space)), 1), float(count)
    for done, axis in enumerate(sorted(found, key=lambda each: space[each])):
        even = max(1, int(left ** (1 / (len(space) - done)) + 1e-6))
        found[axis] = min(space[axis], even)
        left /= found[axis]
    return tuple(found.values())


def divide(space: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Give the sides of boxes of at most about `count` pixels that divide an image evenly."""
    most = zip(space, fit(space, count), strict=True)
    return tuple(ceil(size / ceil(size / side)) for size, side in most)


def tiles(
    space: tuple[int, ...],
    sides: tuple[int, ...],
    halo: int,
    stride: tuple[int, ...],
    part: tuple[slice, ...] | None = None,
) -> Iterator[Tile]:
    """Cover an image, or a part of it, with tiles of about some size with a halo around each.

    Parameters
    ----------
    space, sides : tuple of int
        Sizes of the image and of a tile along each axis of space.
    halo : int
        Pixels; rounded up to a multiple of the stride, so that what is read begins on it.
    stride : tuple of int
        Of the network, along each axis of space.
    part : tuple of slice, optional
    """
    every, spans = (slice(None), slice(None)), []
    parts = part or [slice(0, size) for size in space]
    for size, side, whole, step in zip(space, sides, parts, stride, strict=True):
        around = -(-halo // step) * step
        starts = range(whole.start, whole.stop, side)
        ends = [*starts[1:], whole.stop]
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
    """Count the passes over an image that `predict` takes for each turn."""
    blindly = invariant or (method.mixes and not quick)
    return (not invariant) + (method.sets(ndim) if blindly else 0)


def predict(
    method: Method,
    x: Tensor,
    missing: Tensor,
    guides: Tensor,
    side: int,
    device: torch.device,
    *,
    invariant: bool,
    seed: int,
    turns: int = 1,
    quick: bool = False,
    blend: Blend | None = None,
) -> Predicting:
    """Predict an image, yielding the share done after each tile.

    Parameters
    ----------
    method : Method
        Its network lies on `device` and is in evaluation mode.
    x : Tensor
        Normalised image ``(1, C, *space)`` on the CPU.
    missing : Tensor of bool, shape (1, 1 or C, *space)
        Pixels that have no usable value, in all channels or in each; those in all are never shown.
    guides : Tensor, shape (1, G, *space)
        What is seen besides.
    side : int
        Side of the tiles in pixels, without their halo; of volumes, that of a square of as many.
    invariant : bool
        Predict every pixel from the others alone, not in one pass that sees them all.
    seed : int
        For partitions and fills drawn at random.
    turns : int
        Average over this many flips and turns of each tile.
    quick : bool
        Leave out the passes that only make a good picture better, and run the one that sees all
        with fewer digits where that is faster.
    blend : Blend, optional
        How to mix what was predicted seeing the pixel with what was blindly; found here if left
        out.

    Returns
    -------
    Prediction
    """
    generator = torch.Generator().manual_seed(seed)
    space, ways = tuple(x.shape[2:]), method.turns[:turns]
    count = count_passes(method, len(space), invariant, quick)
    parts = count + (count > 1 and not invariant)
    seen = blind = None
    gone = missing.all(1, keepdim=True)
    if not invariant:
        shown = method.show(x, torch.zeros_like(gone), gone, guides, generator)
        work = _in_tiles(method.network, shown, side, device, ways, quick)
        seen = yield from share(work, 0, parts, float)
    if count > int(not invariant):
        for number, hidden in enumerate(method.masks(space, generator), start=int(not invariant)):
            shown = method.show(x, hidden, gone, guides, generator)
            work = _in_tiles(method.network, shown, side, device, ways)
            output = yield from share(work, number, parts, float)
            blind = output if blind is None else torch.where(hidden, output, blind)
    if seen is None:
        assert blind is not None
        return Prediction(method.mean(blind), method.mean(blind), None)
    if blind is None or not isinstance(method, BlindSpot):
        return Prediction(method.mean(seen), method.mean(seen), None)
    if blend is None:
        probe = _probe(method, x, gone, guides, device, generator)
        blend = method.plan(seen, blind, x, missing, probe)
    mixing = method.mix(seen, blind, x, missing, blend, device)
    picture, grouped = yield from share(mixing, count, parts, float)
    return Prediction(picture, grouped, blend)


def _probe(
    method: Method,
    x: Tensor,
    missing: Tensor,
    guides: Tensor,
    device: torch.device,
    generator: torch.Generator,
) -> Probe:
    """Measure the response of each pixel in the middle of an image, all of them at once.

    Each is nudged up or down at random. What a pixel's neighbours do to it then averages out (the
    estimate of a trace by Hutchinson, and of Stein's by Ramani et al., IEEE TIP 2008).
    """
    space = tuple(x.shape[2:])
    corners = [
        ((size - side) // 2, side) for size, side in zip(space, fit(space, PROBED**2), strict=True)
    ]
    box = (slice(None), *(slice(low, low + side) for low, side in corners))
    middle, gaps, beside = (each[(slice(None), *box)] for each in (x, missing, guides))
    nudge = NUDGE * (2.0 * torch.randint(2, middle.shape, generator=generator) - 1)
    outputs = []
    for moved in (middle + nudge, middle - nudge):
        shown = method.show(moved, torch.zeros_like(gaps), gaps, beside, generator)
        work = _in_tiles(method.network, shown, PROBED, device, method.turns[:1])
        outputs.append(method.mean(finish(work)))
    return Probe(box, (outputs[0] - outputs[1]) / (2 * nudge))


def _in_tiles(
    network: Network,
    shown: Tensor,
    side: int,
    device: torch.device,
    ways: tuple[Orientation, ...],
    quick: bool = False,
) -> Generator[float, None, Tensor]:
    space = shown.shape[2:]
    # On a whole number of strides, a flipped tile lies on the same lattice as the flipped image.
    padded = network.pad(shown)
    whole = tuple(padded.shape[2:])
    size = tuple(
        ceil(each / step) * step
        for each, step in zip(divide(whole, side**2), network.stride, strict=True)
    )
    every = list(tiles(whole, size, network.halo, network.stride))
    result: Tensor | None = None
    for number, tile in enumerate(every):
        digits = fast_arithmetic(device) if quick else nullcontext()
        with torch.inference_mode(), working_threads(), digits:
            piece = padded[tile.read].to(device)
            outputs = [way.undo(network(prefer_layout(way.do(piece))))[tile.keep] for way in ways]
            kept = torch.stack(outputs).float().mean(0).cpu()
        if result is None:
            result = kept.new_empty(1, kept.shape[1], *padded.shape[2:])
        result[tile.write] = kept
        yield (number + 1) / len(every)
    assert result is not None
    return result[(slice(None), slice(None), *map(slice, space))]
