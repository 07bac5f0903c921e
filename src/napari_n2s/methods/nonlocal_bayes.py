"""Non-local Bayes denoising of similar patches, with a network's prediction as pilot estimate.

A network sees the surroundings of a pixel, but not that the same stripe or cell lies elsewhere in
the image. Here groups of similar patches are found in the pilot estimate. The mean and covariance
of a group are those of a Gaussian prior by which its noisy patches are denoised (second step of
Lebrun, Buades & Morel, "A Nonlocal Bayesian Image Denoising Algorithm", SIAM J. Imaging Sci. 2013,
whose pilot is its own first step).

Structure that the network has removed from all patches of a group is missing from the mean of the
pilot. The mean of the noisy patches restores it, shrunk by the fraction that noise explains (James
& Stein, Proc. Berkeley Symp. 1961). That is left out where noise is correlated between pixels: it
does not average out over patches that overlap.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import product
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_n2s.core.device import working_threads

PATCH, STEP = 8, 5
"""Side of a patch, and step between reference patches, in pixels."""
WINDOW = 16
"""Maximum distance of similar patches from their reference patch along each axis, in pixels."""
GROUP_SIZE = 32
"""Number of patches in a group."""
MAX_NOISE = 1 + 2 * (2 / PATCH**2) ** 0.5
"""Upper limit of the mean square of a patch of unit noise: the mean plus two standard errors."""
BLOCK = 6
"""Side of a block of reference patches that are compared together. With 4 or 8, comparing takes a
third longer."""
GROUPS, GPU_GROUPS = 18, 48
"""Groups along each axis in a batch: on a GPU some 100 MB; on a CPU so few that the allocator
reuses their memory instead of asking the system for it each time."""
REACH = 2 * (WINDOW + PATCH)
"""Radius in pixels of what a result depends on: all members of all groups that a pixel is in."""
ROUNDING = 1e-6
"""Regularisation of a group's Gram matrix in single precision, relative to its trace."""
MIN_VARIANCE = 1e-6
"""Lower limit of the noise variance, for an image of variance 1."""


def is_applicable(space: tuple[int, ...]) -> bool:
    """Whether an image of this shape is two-dimensional and wide enough for groups of patches."""
    return len(space) == 2 and min(space) >= 2 * PATCH


class Whitening(NamedTuple):
    """Square root of the correlation matrix of the noise of a patch, and its inverse.

    Both are of the shape ``(PATCH**2, PATCH**2)`` and symmetric.
    """

    root: Tensor
    inverse: Tensor


def denoise_patches(
    pilot: Tensor,
    noisy: Tensor,
    variance: Tensor,
    device: torch.device,
    whitening: Sequence[Whitening] | None = None,
) -> Generator[float, None, Tensor]:
    """Denoise an image by groups of similar patches, yielding the fraction done.

    Parameters
    ----------
    pilot : Tensor, shape (C, Y, X)
        Pilot estimate with little noise, of variance 1; on the CPU, as the others.
    noisy : Tensor, shape (C, Y, X)
        The noisy image.
    variance : Tensor, shape (C, Y, X)
        Variance of the noise.
    device : torch.device
        The CPU is used in place of MPS, for which PyTorch lacks some operators.
    whitening : sequence of Whitening, optional
        For noise that is correlated between pixels, of each channel.

    Returns
    -------
    Tensor, shape (C, Y, X)
    """
    device = device if device.type == "cuda" else torch.device("cpu")
    *_, height, width = pilot.shape
    border = [0, -(width - PATCH) % STEP, 0, -(height - PATCH) % STEP]
    pilots, values, variances = (
        F.pad(each, border, mode="replicate").to(device)
        for each in (pilot, noisy, variance.clamp(min=MIN_VARIANCE))
    )
    total, count = torch.zeros_like(pilots), torch.zeros_like(pilots[:1])
    sides = [range(0, size - PATCH + 1, STEP) for size in pilots.shape[1:]]
    groups = GPU_GROUPS if device.type == "cuda" else GROUPS
    parts = [[side[i : i + groups] for i in range(0, len(side), groups)] for side in sides]
    corners = list(product(*parts))
    every = [Whitening(*(each.to(device) for each in one)) for one in whitening or ()]
    for number, starts in enumerate(corners):
        spans = [
            slice(max(0, start[0] - WINDOW), min(size, start[-1] + PATCH + WINDOW))
            for start, size in zip(starts, pilots.shape[1:], strict=True)
        ]
        y, x = spans
        with torch.inference_mode(), working_threads():
            part = [each[:, y, x] for each in (pilots, values, variances)]
            members = _find(part[0], *(_shifted(*each) for each in zip(starts, spans, strict=True)))
            for channel, images in enumerate(zip(*part, strict=True)):
                patches = [_patches(each) for each in images]
                own = every[channel] if every else None
                clean = _denoise(members, *patches, whitening=own)
                total[channel, y, x] += _overlay(clean, images[0])
            hits = torch.bincount(members.flatten(), minlength=len(patches[0])).to(part[0])
            hits = F.pad(hits.view(1, *(n - PATCH + 1 for n in part[0].shape[1:])), [PATCH - 1] * 4)
            count[:, y, x] += PATCH**2 * F.avg_pool2d(hits, PATCH, 1)
        yield (number + 1) / len(corners)
    return (total / count)[:, :height, :width].cpu()


def _shifted(starts: range, span: slice) -> range:
    """Express positions relative to the start of a part."""
    return range(starts.start - span.start, starts.stop - span.start, starts.step)


def _find(part: Tensor, tops: range, lefts: range) -> Tensor:
    """Find the patches most similar to each reference patch; their indices, the reference first.

    References are compared in blocks with all patches that any of the block may choose from, by one
    product of matrices: |p - q|² = |p|² + |q|² - 2 p · q, where |p|² is the same for all of them.
    """
    high, wide = (size - PATCH + 1 for size in part.shape[1:])
    blocks = [-(-len(each) // BLOCK) for each in (tops, lefts)]
    places = (BLOCK - 1) * STEP + 2 * WINDOW + 1
    border: list[int] = []
    for starts, count, size in zip((lefts, tops), blocks[::-1], (wide, high), strict=True):
        before = WINDOW - starts.start
        border += [before, (count - 1) * BLOCK * STEP + places - size - before]
    part = part - part.mean((1, 2), keepdim=True)  # else rounding would matter
    outside = F.pad(part.new_zeros(high, wide), border, value=float("inf"))
    choices = outside.unfold(0, places, BLOCK * STEP).unfold(1, places, BLOCK * STEP)
    pixels = F.pad(part, border)
    pixels = pixels.unfold(1, places + PATCH - 1, BLOCK * STEP)
    pixels = pixels.unfold(2, places + PATCH - 1, BLOCK * STEP)
    side = 2 * WINDOW + 1
    nearest = []
    for row, free in zip(pixels.unbind(1), choices, strict=True):
        patches = row.unfold(2, PATCH, 1).unfold(3, PATCH, 1).permute(1, 2, 3, 0, 4, 5)
        patches = patches.reshape(len(free), places**2, -1)
        inside = slice(WINDOW, WINDOW + (BLOCK - 1) * STEP + 1, STEP)
        own = patches.view(len(free), places, places, -1)[:, inside, inside].flatten(1, 2)
        norms = patches.square().sum(2) + free.reshape(len(free), -1)
        distances = torch.baddbmm(norms[:, None], own, patches.mT, alpha=-2)
        of_block, of_reference, below, beside = distances.view(
            len(free), BLOCK**2, places, places
        ).stride()
        steps = BLOCK * of_reference + STEP * below, of_reference + STEP * beside
        windows = distances.as_strided(
            (len(free), BLOCK, BLOCK, side, side), (of_block, *steps, below, beside)
        )
        windows[..., WINDOW, WINDOW] = -float("inf")  # itself, though others may be equal
        nearest.append(windows.flatten(3).topk(GROUP_SIZE, largest=False).indices)
    # From (rows of blocks, blocks, references down, along, members) to rows of references.
    members = torch.stack(nearest).transpose(1, 2).flatten(2, 3).flatten(0, 1)
    members = members[: len(tops), : len(lefts)].flatten(0, 1)
    down, along = members // side - WINDOW, members % side - WINDOW
    y, x = torch.meshgrid(
        *(torch.tensor(each, device=part.device) for each in (tops, lefts)), indexing="ij"
    )
    return (y.reshape(-1, 1) + down) * wide + x.reshape(-1, 1) + along


def _denoise(
    members: Tensor, pilot: Tensor, noisy: Tensor, noise: Tensor, *, whitening: Whitening | None
) -> Tensor:
    """Denoise groups of patches ``(places, pixels)``; the sum of the estimates at each place.

    With the covariances C of a group and N of the noise, the estimate of a noisy patch y with prior
    mean m is y - N (C + N)⁻¹ (y - m), computed in coordinates in which N is 1. C has a lower rank
    than patches have pixels, so that a matrix of the size of the group is inverted instead
    (Woodbury).
    """
    pilots, values, variance = pilot[members], noisy[members], noise[members[:, :1]]
    mean = centre = pilots.mean(1, keepdim=True)
    if whitening is None:
        lost = values.mean(1, keepdim=True) - mean
        noise_limit = MAX_NOISE / GROUP_SIZE * variance.mean(2, keepdim=True)
        kept = 1 - noise_limit / lost.square().mean(2, keepdim=True)
        centre = mean + kept.clamp(min=0) * lost
    spread = variance.sqrt()
    deviations = (pilots - mean) / spread / (GROUP_SIZE - 1) ** 0.5
    residuals = (values - centre) / spread
    if whitening is not None:
        deviations, residuals = deviations @ whitening.inverse, residuals @ whitening.inverse
    gram = deviations @ deviations.mT
    own = gram.diagonal(dim1=1, dim2=2)
    own += 1 + ROUNDING * own.sum(1, keepdim=True)
    residuals -= torch.linalg.solve(gram, deviations @ residuals.mT).mT @ deviations
    if whitening is not None:
        residuals = residuals @ whitening.root
    clean = values - residuals * spread
    return torch.zeros_like(pilot).index_add_(0, members.flatten(), clean.flatten(0, 1))


def _patches(lines: Tensor) -> Tensor:
    """List all patches of an image ``(Y, X)``, in order of their position."""
    return lines.unfold(0, PATCH, 1).unfold(1, PATCH, 1).reshape(-1, PATCH**2)


def _overlay(patches: Tensor, lines: Tensor) -> Tensor:
    """Sum patches, one at each position, to an image of the shape of `lines`."""
    return F.fold(patches.T[None].to(lines), tuple(lines.shape), PATCH)[0, 0]
