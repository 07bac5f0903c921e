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

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_n2s.work.device import working_threads

PATCH, STEP = 8, 5
"""Side of a patch, and distance of those that are compared with all others around, in pixels."""
WINDOW = 16
"""How far the patches of a group may lie from the first, along each axis."""
ALIKE = 32
"""Patches in a group."""
CHANCE = 1 + 2 * (2 / PATCH**2) ** 0.5
"""What the mean square of a patch of noise may be, by two standard errors, for one expected."""
GROUPS = 2048
"""Groups that are denoised at a time: some 100 MB."""
REACH = 2 * (WINDOW + PATCH)
"""How far from a pixel lies what it depends on, at most: all members of the groups it is in."""
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
    columns = (known.shape[2] - PATCH) // STEP + 1
    rows = (known.shape[1] - PATCH) // STEP + 1
    together = max(1, GROUPS // columns)
    total, count = torch.zeros_like(known), torch.zeros_like(known[:1])
    for first in range(0, rows, together):
        last = min(rows, first + together)
        top = max(0, first * STEP - WINDOW)
        bottom = min(known.shape[1], (last - 1) * STEP + PATCH + WINDOW)
        with torch.inference_mode(), working_threads():
            strip = [each[:, top:bottom] for each in (known, values, variance)]
            members = _find(strip[0], range(first * STEP - top, last * STEP - top, STEP))
            for channel, lines in enumerate(zip(*strip, strict=True)):
                patches = [_patches(each) for each in lines]
                total[channel, top:bottom] += _overlay(_denoise(members, *patches), lines[0])
            hits = torch.bincount(members.flatten(), minlength=len(patches[0]))
            count[:, top:bottom] += _overlay(hits[:, None].expand_as(patches[0]), strip[0][0])
        yield last / rows
    return (total / count)[:, :height, :width].cpu()


def _find(strip: Tensor, tops: range) -> Tensor:
    """Find the patches most like each that begins in these lines; their places, itself first."""
    width = strip.shape[2]
    first, last = tops[0], tops[-1] + PATCH
    around = F.pad(strip, [WINDOW] * 4, value=float("inf"))
    apart = strip.new_empty(2 * WINDOW + 1, last - first, width)
    distances: list[Tensor] = []
    for lines in range(2 * WINDOW + 1):
        channels = []
        for own, others in zip(strip, around, strict=True):
            shifted = others[first + lines : last + lines].unfold(1, width, 1).transpose(0, 1)
            torch.sub(shifted, own[first:last], out=apart)
            channels.append(F.avg_pool2d(apart.square_(), PATCH, STEP).flatten(1))
        distances.append(sum(channels[1:], channels[0]))
    distances[WINDOW][WINDOW] = -1  # itself, though others may be equal
    nearest = torch.cat(distances).T.topk(ALIKE, largest=False).indices
    down, along = nearest // (2 * WINDOW + 1) - WINDOW, nearest % (2 * WINDOW + 1) - WINDOW
    y, x = torch.meshgrid(
        torch.tensor(tops, device=strip.device),
        torch.arange(0, width - PATCH + 1, STEP, device=strip.device),
        indexing="ij",
    )
    return (y.reshape(-1, 1) + down) * (width - PATCH + 1) + x.reshape(-1, 1) + along


def _denoise(members: Tensor, known: Tensor, noisy: Tensor, noise: Tensor) -> Tensor:
    """Denoise groups of patches ``(places, pixels)``; the sum of what is found at each place.

    With the covariance C of the patches and the diagonal N of the noise, an estimate is the noisy
    patch less what it is off the mean times (C + N)⁻¹ N. C is of so few differences that a matrix
    as large as the group is inverted instead (Woodbury).
    """
    pictures, values, variance = known[members], noisy[members], noise[members[:, :1]]
    mean = pictures.mean(1, keepdim=True)
    lost = values.mean(1, keepdim=True) - mean
    chance = CHANCE / ALIKE * variance.mean(2, keepdim=True)
    centre = mean + (1 - chance / lost.square().mean(2, keepdim=True)).clamp(min=0) * lost
    spread = variance.sqrt()
    differ = (pictures - mean) / spread / (ALIKE - 1) ** 0.5
    off = (values - centre) / spread
    gram = differ @ differ.mT
    gram.diagonal(dim1=1, dim2=2).add_(1)
    off -= torch.linalg.solve(gram, differ @ off.mT).mT @ differ
    clean = values - off * spread
    return torch.zeros_like(known).index_add_(0, members.flatten(), clean.flatten(0, 1))


def _patches(lines: Tensor) -> Tensor:
    """List all patches of an image ``(Y, X)``, place after place."""
    return lines.unfold(0, PATCH, 1).unfold(1, PATCH, 1).reshape(-1, PATCH**2)


def _overlay(patches: Tensor, lines: Tensor) -> Tensor:
    """Add patches up, one for each place, to an image as large as the one they were listed of."""
    return F.fold(patches.T[None].to(lines), tuple(lines.shape), PATCH)[0, 0]
