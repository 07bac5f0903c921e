"""The donut network: a blind spot at chosen pixels, by architecture, without altering others.

Its first kernel has a blind spot at its centre. The feature map is split into phases: one image for
every position on a lattice so wide that no kernel at one site reaches into the blind spot of
another. Any network may then process each phase, with any depth and pooling, because no feature at
one site depends on the pixel there. The pixel itself enters by a separate path where it is visible;
where it is hidden, it is replaced by the mean of the nearest pixels, and an input channel says so.
A quarter of the pixels can thus be predicted blindly in one pass from unchanged surroundings; masks
on an ordinary network hide a sixteenth, and hide these pixels from the prediction of all others.

With all pixels hidden it is 𝒥-invariant with one set for each pixel (Batson & Royer 2019). The
variance that it predicts together with the mean is for the posterior of Laine et al., "High-Quality
Self-Supervised Deep Image Denoising", NeurIPS 2019.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_n2s.core.device import prefer_layout
from napari_n2s.nn.networks import CONVOLUTION, SLOPE, Network, UNet, initialise

CONVOLVE = {2: F.conv2d, 3: F.conv3d}
REACH = 1
"""Pixels by which the first kernel reaches beyond the blind spot to each side."""
SMALLEST_VARIANCE = 1e-4
"""Lower bound of the predicted variance, for images of variance 1: keeps the likelihood finite
where there is no noise."""


class BlindSpotNetwork(Network):
    """A network that predicts mean and variance of each pixel, blindly where pixels are hidden.

    It takes ``(B, C + 2 + G, *space)``: the image, its valid pixels (1, or 0 at a pixel without a
    value), its hidden pixels (1, or 0), and guides. It returns ``(B, 2 C, *space)``: the mean of
    each channel, then the variance of the noisy pixel around it.

    Parameters
    ----------
    channels : int
        C. A pixel is hidden in all of them.
    ndim : int
        Axes of space, 2 or 3.
    radius : tuple of int
        Blind-spot radius along each axis. (0, 0) hides the pixel alone; (0, 2) also the two to its
        left and to its right, for noise that is correlated along X.
    guides : int
        G, further images without a blind spot that are not predicted, such as neighbouring slices.
    width, levels : int
        As for the `UNet` that processes each phase.
    """

    border = "constant"
    mask: Tensor

    def __init__(
        self,
        channels: int = 1,
        ndim: int = 2,
        radius: tuple[int, ...] = (0, 0),
        guides: int = 0,
        width: int = 16,
        levels: int = 1,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.guides = guides
        self.reach = tuple(k + REACH for k in radius)
        self.lattice = tuple(r + k + 1 for r, k in zip(self.reach, radius, strict=True))
        kernel = tuple(2 * r + 1 for r in self.reach)
        self.radius = radius
        self.first: Any = CONVOLUTION[ndim](2 * channels + 2 + guides, width, kernel)
        self.register_buffer("mask", torch.ones_like(self.first.weight[:1]), persistent=False)
        around, centre = self.mask[0, : channels + 1], self.mask[0, channels + 1 : 2 * channels + 2]
        inside = [slice(r - k, r + k + 1) for r, k in zip(self.reach, radius, strict=True)]
        everywhere: list[Any] = [slice(None)]
        around[(*everywhere, *inside)] = 0
        centre.zero_()[(*everywhere, *self.reach)] = 1
        self.trunk = UNet(width, ndim, width, levels)
        self.last = CONVOLUTION[ndim](width, 2 * channels, 1)
        self.stride = tuple(p * s for p, s in zip(self.trunk.stride, self.lattice, strict=True))
        self.halo = max(
            r + s * self.trunk.halo for r, s in zip(self.reach, self.lattice, strict=True)
        )
        initialise(self)

    def body(self, x: Tensor) -> Tensor:
        """Apply the first kernel, then the trunk to each phase, and join the phases."""
        guides = x.shape[1] - self.channels - 2
        image, valid, hidden, others = torch.split_with_sizes(x, [self.channels, 1, 1, guides], 1)
        centre = torch.where(hidden > 0, self._mean_of_nearest(torch.cat([image, valid], 1)), image)
        border = [r for r in reversed(self.reach) for _ in range(2)]
        around = prefer_layout(F.pad(torch.cat([image, valid, centre, hidden, others], 1), border))
        kernel = self.first.weight * self.mask
        h = F.leaky_relu(CONVOLVE[x.ndim - 2](around, kernel, self.first.bias), SLOPE, inplace=True)
        h = F.leaky_relu(self.trunk(split_phases(h, self.lattice)), SLOPE, inplace=True)
        mean, variance = join_phases(self.last(h), self.lattice).chunk(2, 1)
        return torch.cat([mean, F.softplus(variance) + SMALLEST_VARIANCE], 1)

    def _mean_of_nearest(self, image: Tensor) -> Tensor:
        """Average the valid pixels next to the blind spot along each axis."""
        total = torch.zeros_like(image)
        for axis, k in enumerate(self.radius, start=2):
            step, rest = k + 1, image.shape[axis] - k - 1
            total.narrow(axis, step, rest).add_(image.narrow(axis, 0, rest))
            total.narrow(axis, 0, rest).add_(image.narrow(axis, step, rest))
        return total[:, :-1] / total[:, -1:].clamp(min=1)


def split_phases(x: Tensor, lattice: tuple[int, ...]) -> Tensor:
    """Split ``(B, C, *space)`` into its phases, ``(B * prod(lattice), C, *(space / lattice))``."""
    batch, channels, *space = x.shape
    small = [n // s for n, s in zip(space, lattice, strict=True)]
    last = x.movedim(1, -1).reshape(batch, *chain(*zip(small, lattice, strict=True)), channels)
    places, phases = range(1, last.ndim - 1, 2), range(2, last.ndim - 1, 2)
    order = last.permute(0, *phases, *places, last.ndim - 1)
    return order.reshape(-1, *small, channels).movedim(-1, 1)


def join_phases(x: Tensor, lattice: tuple[int, ...]) -> Tensor:
    """Invert `split_phases`."""
    _, channels, *small = x.shape
    ndim = len(small)
    last = x.movedim(1, -1).reshape(-1, *lattice, *small, channels)
    pairs = chain(*((1 + ndim + axis, 1 + axis) for axis in range(ndim)))
    order = last.permute(0, *pairs, last.ndim - 1)
    space = [n * s for n, s in zip(small, lattice, strict=True)]
    return order.reshape(-1, *space, channels).movedim(-1, 1)
