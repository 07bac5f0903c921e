"""Fully convolutional networks for images with two or three axes of space.

Each states its receptive radius (`halo`) and the shifts of the input under which it is equivariant
(`stride`), which is all that tiling needs to know.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from itertools import pairwise
from math import sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.1
"""Negative slope of the leaky ReLUs."""
GENERATOR: ContextVar[torch.Generator | None] = ContextVar("generator", default=None)
"""Generator of initial weights in this thread; None is PyTorch's global generator."""


class _Convolution(nn.Module):
    """A convolution whose initial weights are drawn from `GENERATOR`.

    PyTorch's own draw from its global generator, which other threads use at the same time.
    """

    weight: Tensor
    bias: Tensor | None

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw weights and biases as PyTorch does: uniformly, up to 1 / sqrt(fan-in)."""
        bound = self.weight[0].numel() ** -0.5
        for each in (self.weight, self.bias):
            if each is not None:
                each.uniform_(-bound, bound, generator=GENERATOR.get())


class Convolution2d(_Convolution, nn.Conv2d):
    """`torch.nn.Conv2d`, drawn from `GENERATOR`."""


class Convolution3d(_Convolution, nn.Conv3d):
    """`torch.nn.Conv3d`, drawn from `GENERATOR`."""


CONVOLUTION: dict[int, type[Any]] = {2: Convolution2d, 3: Convolution3d}
POOLING: dict[int, type[nn.Module]] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
BATCH_NORM: dict[int, type[nn.Module]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


class Network(nn.Module, ABC):
    """A network from an image ``(B, C, *space)`` of any size to one of the same size.

    Attributes
    ----------
    halo : int
        No output depends on an input farther away than this many pixels along any axis.
    stride : tuple of int
        Along each axis of space: shifting the input by a multiple of it shifts the output equally.
    border : str
        The mode in which `torch.nn.functional.pad` pads an image to a multiple of the stride.
    lattice : tuple of int
        Along each axis, the distance of neighbouring pixels of a phase, if it works on phases.
    last : Module
        The output layer.
    """

    last: nn.Module
    halo: int
    stride: tuple[int, ...]
    border = "reflect"
    lattice: tuple[int, ...] = ()

    @property
    def members(self) -> Sequence[Network]:
        """The independent networks of which it consists: itself alone."""
        return (self,)

    def forward(self, x: Tensor) -> Tensor:
        """Pad the image to a multiple of the stride, run the body, and crop."""
        y: Tensor = self.body(self.pad(x))
        return y[(slice(None), slice(None), *map(slice, x.shape[2:]))]

    def pad(self, x: Tensor) -> Tensor:
        """Pad an image at its ends to a multiple of the stride."""
        spare = [-size % each for size, each in zip(x.shape[2:], self.stride, strict=True)]
        if not any(spare):
            return x
        thin = any(after >= size for after, size in zip(spare, x.shape[2:], strict=True))
        border = "replicate" if thin and self.border == "reflect" else self.border
        return F.pad(x, [p for after in reversed(spare) for p in (0, after)], mode=border)

    @abstractmethod
    def body(self, x: Tensor) -> Tensor:
        """Map an image whose sides are multiples of the stride."""


class UNet(Network):
    """A U-Net with skip connections, after Ronneberger et al. 2015, without normalisation.

    Parameters
    ----------
    channels : int
        Channels of the image.
    ndim : int
        Axes of space, 2 or 3.
    width : int
        Features at full resolution; doubled at each level. 32 with 3 levels is Noise2Self's, 16
        with 2 levels its small one.
    levels : int
        Number of times that the resolution is halved.
    guides : int
        Further input channels, after those of the image, that are not predicted.
    """

    def __init__(
        self,
        channels: int = 1,
        ndim: int = 2,
        width: int = 32,
        levels: int = 3,
        guides: int = 0,
    ) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(levels + 1)]
        self.stride = (2**levels,) * ndim
        self.halo = 8 * 2**levels - 6
        self.down = nn.ModuleList(
            _pair(before, after, ndim)
            for before, after in zip([channels + guides, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(_pair(skip + below, skip, ndim) for skip, below in pairwise(widths))
        self.pool = POOLING[ndim](2)
        self.grow = nn.Upsample(scale_factor=2, mode="nearest")
        self.last = CONVOLUTION[ndim](width, channels, 1)
        initialise(self)

    def body(self, x: Tensor) -> Tensor:
        """Contract, keeping the features of each level, and expand, concatenating them."""
        skips: list[Tensor] = []
        for level, down in enumerate(self.down):
            x = down(self.pool(x) if level else x)
            skips.append(x)
        for level in reversed(range(len(self.up))):
            x = self.up[level](torch.cat([self.grow(x), skips[level]], 1))
        y: Tensor = self.last(x)
        return y


class DnCNN(Network):
    """A plain chain of convolutions with batch normalisation, after Zhang et al. 2017.

    The image is predicted, not the noise: a residual connection would carry each visible pixel to
    its own output. Batch normalisation does not break the blind spot: hidden pixels are replaced
    before the network sees the image, and its statistics are constant after training.

    Parameters
    ----------
    channels, ndim : int
        As for `UNet`.
    width : int
        Features in every layer.
    layers : int
        Convolutions: 17, or 8 for the single-shot recipe of Noise2Self.
    guides : int
        As for `UNet`.
    """

    def __init__(
        self,
        channels: int = 1,
        ndim: int = 2,
        width: int = 64,
        layers: int = 17,
        guides: int = 0,
    ) -> None:
        super().__init__()
        self.stride, self.halo = (1,) * ndim, layers
        convolution, norm = CONVOLUTION[ndim], BATCH_NORM[ndim]
        first = convolution(channels + guides, width, 3, padding=1, bias=False)
        chain: list[nn.Module] = [first, nn.ReLU()]
        for _ in range(layers - 2):
            chain += [convolution(width, width, 3, padding=1, bias=False), norm(width), nn.ReLU()]
        self.chain = nn.Sequential(*chain)
        self.last = convolution(width, channels, 3, padding=1, bias=False)
        initialise(self)

    def body(self, x: Tensor) -> Tensor:
        """Apply all layers."""
        y: Tensor = self.last(self.chain(x))
        return y


NETWORKS: dict[str, Callable[..., Network]] = {
    "unet-small": partial(UNet, width=16, levels=2),
    "unet": UNet,
    "dncnn": DnCNN,
}


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw the initial weights of networks built in this context, and this thread, from a seed.

    PyTorch's global generator is neither used nor changed.
    """
    token = GENERATOR.set(torch.Generator().manual_seed(seed))
    try:
        yield
    finally:
        GENERATOR.reset(token)


def _pair(before: int, after: int, ndim: int) -> nn.Sequential:
    convolution = CONVOLUTION[ndim]
    return nn.Sequential(
        convolution(before, after, 3, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
        convolution(after, after, 3, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


@torch.no_grad()
def initialise(network: nn.Module) -> None:
    """Draw the weights of all convolutions by He's rule, which keeps the variance of activations.

    They are normal with variance 2 / ((1 + slope²) fan-in), biases are zero (He et al., ICCV 2015).
    """
    gain = nn.init.calculate_gain("leaky_relu", SLOPE)
    for module in network.modules():
        if isinstance(module, _Convolution):
            deviation = gain / sqrt(module.weight[0].numel())
            module.weight.normal_(0, deviation, generator=GENERATOR.get())
            if module.bias is not None:
                module.bias.zero_()
