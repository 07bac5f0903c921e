"""The donut network: it can be blind to any pixel without changing a pixel around it.

Its first kernel leaves out a blind spot. What that gives is split into its phases: one image for
every position within a lattice so wide that no kernel of one place reaches into the blind spot of
another. Any network
may then work on each phase, with pooling and depth as it likes: nothing that it is given at one
place of the lattice holds the pixel of that place. The pixel itself enters by a path of its own,
where it is shown; where it is hidden, the mean of the pixels around stands in for it, and the
network is told so. So a quarter of the pixels can be predicted blindly in one pass from unspoilt
surroundings, where masks on a common network hide a sixteenth, and those from every other pixel's
view as well.

With everything hidden it is 𝒥-invariant with one set for each pixel (Batson & Royer 2019). The
variance that it predicts beside the mean is for the posterior of Laine et al., "High-Quality
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

CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
SMALLEST_VARIANCE = 1e-4
"""Of an image of variance 1: keeps the likelihood finite where there is no noise."""


class BlindSpotNetwork(Network):
    """A network that predicts each pixel, and how far off that is, blindly where it is told to.

    It takes ``(B, C + 2 + G, *space)``: the image, where it is valid (1, or 0 at a pixel without a
    value), where it is hidden (1, or 0), and guides. It returns ``(B, 2 C, *space)``: the mean of
    each channel, then the variance of the noisy pixel around it.

    Parameters
    ----------
    channels : int
        C. A pixel is hidden in all of them.
    ndim : int
        Axes of space, 1 to 3.
    radius : tuple of int
        How far the blind spot reaches to each side along each axis. (0, 0) hides the pixel alone;
        (0, 2) also the two to its left and to its right, for noise that correlates along X.
    guides : int
        G, further images that are seen whole and not predicted, as neighbouring slices.
    reach : int
        How far the first kernel looks beyond the radius.
    width, levels : int
        As for the `UNet` that works on each phase.
    """

    border = "constant"
    ring: Tensor

    def __init__(
        self,
        channels: int = 1,
        ndim: int = 2,
        radius: tuple[int, ...] = (0, 0),
        guides: int = 0,
        reach: int = 1,
        width: int = 16,
        levels: int = 1,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.guides = guides
        self.reach = tuple(k + reach for k in radius)
        self.lattice = tuple(r + k + 1 for r, k in zip(self.reach, radius, strict=True))
        kernel = tuple(2 * r + 1 for r in self.reach)
        self.radius = radius
        self.first: Any = CONVOLUTION[ndim](2 * channels + 2 + guides, width, kernel)
        self.register_buffer("ring", torch.ones_like(self.first.weight[:1]), persistent=False)
        around, centre = self.ring[0, : channels + 1], self.ring[0, channels + 1 : 2 * channels + 2]
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
        """Look around the blind spot and through it, work on each phase, and join the phases."""
        guides = x.shape[1] - self.channels - 2
        image, valid, hidden, others = torch.split_with_sizes(x, [self.channels, 1, 1, guides], 1)
        centre = torch.where(hidden > 0, self._beside(torch.cat([image, valid], 1)), image)
        border = [r for r in reversed(self.reach) for _ in range(2)]
        around = prefer_layout(F.pad(torch.cat([image, valid, centre, hidden, others], 1), border))
        ring = self.first.weight * self.ring
        h = F.leaky_relu(CONVOLVE[x.ndim - 2](around, ring, self.first.bias), SLOPE, inplace=True)
        h = F.leaky_relu(self.trunk(split(h, self.lattice)), SLOPE, inplace=True)
        mean, variance = join(self.last(h), self.lattice).chunk(2, 1)
        return torch.cat([mean, F.softplus(variance) + SMALLEST_VARIANCE], 1)

    def _beside(self, image: Tensor) -> Tensor:
        """Average the pixels next to the radius along each axis, as far as they are valid."""
        total = torch.zeros_like(image)
        for axis, k in enumerate(self.radius, start=2):
            step, rest = k + 1, image.shape[axis] - k - 1
            total.narrow(axis, step, rest).add_(image.narrow(axis, 0, rest))
            total.narrow(axis, 0, rest).add_(image.narrow(axis, step, rest))
        return total[:, :-1] / total[:, -1:].clamp(min=1)


def split(x: Tensor, lattice: tuple[int, ...]) -> Tensor:
    """Split ``(B, C, *space)`` into its phases, ``(B * prod(lattice), C, *(space / lattice))``."""
    batch, channels, *space = x.shape
    small = [n // s for n, s in zip(space, lattice, strict=True)]
    last = x.movedim(1, -1).reshape(batch, *chain(*zip(small, lattice, strict=True)), channels)
    places, phases = range(1, last.ndim - 1, 2), range(2, last.ndim - 1, 2)
    order = last.permute(0, *phases, *places, last.ndim - 1)
    return order.reshape(-1, *small, channels).movedim(-1, 1)


def join(x: Tensor, lattice: tuple[int, ...]) -> Tensor:
    """Put the phases that `split` made together again."""
    _, channels, *small = x.shape
    ndim = len(small)
    last = x.movedim(1, -1).reshape(-1, *lattice, *small, channels)
    pairs = chain(*((1 + ndim + axis, 1 + axis) for axis in range(ndim)))
    order = last.permute(0, *pairs, last.ndim - 1)
    space = [n * s for n, s in zip(small, lattice, strict=True)]
    return order.reshape(-1, *space, channels).movedim(-1, 1)
