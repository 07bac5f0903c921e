"""What repeats in a picture, denoised together: non-local Bayes with a network's picture to go by.

A network sees the surroundings of a pixel; that the same stripe or cell lies elsewhere in the
picture it does not see. Here the patches most alike are gathered, found where they are hardly
noisy, in the network's picture. How they differ from each other tells what such patches may look
like: their covariance is the prior by which the noisy ones are denoised, all of them around one
mean (Lebrun, Buades & Morel, "A Nonlocal Bayesian Image Denoising Algorithm", SIAM J. Imaging Sci.
2013, whose second step has its own first one to go by).

What all patches of a group have lost alike in the network's picture is missing from that mean. Of
what the noisy ones have there on average it gets back the share that is more than noise (James &
Stein, Proc. Berkeley Symp. 1961).
"""

from __future__ import annotations

from collections.abc import Generator
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_n2s.core.device import working_threads

PATCH, STEP = 8, 5
"""Side of a patch, and distance of those that are compared with all others around, in pixels."""
WINDOW = 16
"""How far the patches of a group may lie from the first, along each axis."""
MEMBERS = 32
"""Patches in a group."""
CHANCE = 1 + 2 * (2 / PATCH**2) ** 0.5
"""What the mean square of a patch of noise may be, by two standard errors, for one expected."""
GROUPS, GPU_GROUPS = 16, 45
"""Groups along each axis that are denoised at a time: on a GPU some 100 MB; on a processor so few
that their memory is used again, where more would be taken from the system anew each time."""
REACH = 2 * (WINDOW + PATCH)
"""How far from a pixel lies what it depends on, at most: all members of the groups it is in."""
ROUNDING = 1e-6
"""Share of what the patches of a group hold that keeps its matrix regular in single precision."""
LEAST = 1e-6
"""The variance of the noise is never taken for less, as a share of the picture's."""


def fits(space: tuple[int, ...]) -> bool:
    """Whether there is room for groups: in a picture that is not too narrow."""
    return len(space) == 2 and min(space) >= 2 * PATCH


def denoise_alike(
    picture: Tensor, noisy: Tensor, noise: Tensor, device: torch.device
) -> Generator[float, None, Tensor]:
    """Denoise a picture by its patches, yielding the share done.

    Parameters
    ----------
    picture : Tensor, shape (C, Y, X)
        What is known of it already, hardly noisy; of variance 1, on the CPU, as the others.
    noisy : Tensor, shape (C, Y, X)
        The noise of its pixels is independent.
    noise : Tensor, shape (C, Y, X)
        Its variance.
    device : torch.device
        If Apple's, the processor is taken: PyTorch lacks some of this there.

    Returns
    -------
    Tensor, shape (C, Y, X)
    """
    device = device if device.type == "cuda" else torch.device("cpu")
    *_, height, width = picture.shape
    border = [0, -(width - PATCH) % STEP, 0, -(height - PATCH) % STEP]
    known, values, variance = (
        F.pad(each, border, mode="replicate").to(device)
        for each in (picture, noisy, noise.clamp(min=LEAST))
    )
    total, count = torch.zeros_like(known), torch.zeros_like(known[:1])
    sides = [range(0, size - PATCH + 1, STEP) for size in known.shape[1:]]
    groups = GPU_GROUPS if device.type == "cuda" else GROUPS
    parts = [[side[i : i + groups] for i in range(0, len(side), groups)] for side in sides]
    corners = list(product(*parts))
    for number, starts in enumerate(corners):
        spans = [
            slice(max(0, start[0] - WINDOW), min(size, start[-1] + PATCH + WINDOW))
            for start, size in zip(starts, known.shape[1:], strict=True)
        ]
        y, x = spans
        with torch.inference_mode(), working_threads():
            part = [each[:, y, x] for each in (known, values, variance)]
            members = _find(part[0], *(_shifted(*each) for each in zip(starts, spans, strict=True)))
            for channel, images in enumerate(zip(*part, strict=True)):
                patches = [_patches(each) for each in images]
                total[channel, y, x] += _overlay(_denoise(members, *patches), images[0])
            hits = torch.bincount(members.flatten(), minlength=len(patches[0]))
            count[:, y, x] += _overlay(hits[:, None].expand_as(patches[0]), part[0][0])
        yield (number + 1) / len(corners)
    return (total / count)[:, :height, :width].cpu()


def _shifted(starts: range, span: slice) -> range:
    """Count from where a part begins."""
    return range(starts.start - span.start, starts.stop - span.start, starts.step)


def _find(part: Tensor, tops: range, lefts: range) -> Tensor:
    """Find the patches most like each that begins there; their places, itself first."""
    high, wide = (slice(each[0], each[-1] + PATCH) for each in (tops, lefts))
    size = wide.stop - wide.start
    around = F.pad(part, [WINDOW] * 4, value=float("inf"))
    apart = part.new_empty(2 * WINDOW + 1, high.stop - high.start, size)
    distances: list[Tensor] = []
    for lines in range(2 * WINDOW + 1):
        channels = []
        for own, others in zip(part, around, strict=True):
            line = others[high.start + lines : high.stop + lines]
            shifted = line[:, wide.start : wide.stop + 2 * WINDOW].unfold(1, size, 1)
            torch.sub(shifted.transpose(0, 1), own[high, wide], out=apart)
            channels.append(F.avg_pool2d(apart.square_(), PATCH, STEP).flatten(1))
        distances.append(sum(channels[1:], channels[0]))
    distances[WINDOW][WINDOW] = -1  # itself, though others may be equal
    nearest = torch.cat(distances).T.topk(MEMBERS, largest=False).indices
    down, along = nearest // (2 * WINDOW + 1) - WINDOW, nearest % (2 * WINDOW + 1) - WINDOW
    y, x = torch.meshgrid(
        *(torch.tensor(each, device=part.device) for each in (tops, lefts)), indexing="ij"
    )
    return (y.reshape(-1, 1) + down) * (part.shape[2] - PATCH + 1) + x.reshape(-1, 1) + along


def _denoise(members: Tensor, known: Tensor, noisy: Tensor, noise: Tensor) -> Tensor:
    """Denoise groups of patches ``(places, pixels)``; the sum of what is found at each place.

    With the covariance C of the patches and the diagonal N of the noise, an estimate is the noisy
    patch less what it is off the mean times (C + N)⁻¹ N. C is of so few differences that a matrix
    as large as the group is inverted instead (Woodbury).
    """
    pictures, values, variance = known[members], noisy[members], noise[members[:, :1]]
    mean = pictures.mean(1, keepdim=True)
    lost = values.mean(1, keepdim=True) - mean
    chance = CHANCE / MEMBERS * variance.mean(2, keepdim=True)
    centre = mean + (1 - chance / lost.square().mean(2, keepdim=True)).clamp(min=0) * lost
    spread = variance.sqrt()
    differ = (pictures - mean) / spread / (MEMBERS - 1) ** 0.5
    off = (values - centre) / spread
    gram = differ @ differ.mT
    own = gram.diagonal(dim1=1, dim2=2)
    own += 1 + ROUNDING * own.sum(1, keepdim=True)
    off -= torch.linalg.solve(gram, differ @ off.mT).mT @ differ
    clean = values - off * spread
    return torch.zeros_like(known).index_add_(0, members.flatten(), clean.flatten(0, 1))


def _patches(lines: Tensor) -> Tensor:
    """List all patches of an image ``(Y, X)``, place after place."""
    return lines.unfold(0, PATCH, 1).unfold(1, PATCH, 1).reshape(-1, PATCH**2)


def _overlay(patches: Tensor, lines: Tensor) -> Tensor:
    """Add patches up, one for each place, to an image as large as the one they were listed of."""
    return F.fold(patches.T[None].to(lines), tuple(lines.shape), PATCH)[0, 0]
