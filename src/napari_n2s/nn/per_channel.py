"""An independent network for each channel.

The networks are trained in parallel, on patches at the same positions. All channels together decide
what is common to them: where patches are drawn, the number of neighbouring slices or frames, which
pixels are missing, and the step at which the networks are best.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from napari_n2s.nn.networks import Network


class PerChannelNetwork(Network):
    """Several networks as one, each for one channel.

    Its input is that of one network for all channels, ``(B, C + M + G * C + A, *space)``: the
    image, M masks, G neighbouring slices or frames, and A channels of guides. It returns
    ``(B, K * C, *space)``, where each network returns K images.

    Parameters
    ----------
    members : sequence of Network
        One for each channel, all of one architecture.
    colours : int
        Number of colours of each channel, which its network sees together: C is the number of
        channels times colours.
    masks, guides : int
        M and A; all networks see them.
    """

    def __init__(
        self, members: Sequence[Network], masks: int, guides: int, colours: int = 1
    ) -> None:
        super().__init__()
        self.each, self._masks, self._guides = nn.ModuleList(members), masks, guides
        self.colours = colours
        first = members[0]
        self.stride, self.halo, self.border = first.stride, first.halo, first.border
        self.lattice = first.lattice

    @property
    def members(self) -> Sequence[Network]:
        """The networks."""
        return cast("Sequence[Network]", self.each)

    def body(self, x: Tensor) -> Tensor:
        """Apply each network to its channel."""
        count = len(self.each) * self.colours
        image, masks, neighbours, guides = torch.split_with_sizes(
            x,
            [count, self._masks, x.shape[1] - count - self._masks - self._guides, self._guides],
            1,
        )
        own = (len(self.each), self.colours)
        batch, _, *space = x.shape
        images = image.reshape(batch, *own, *space)
        adjacent = neighbours.reshape(batch, neighbours.shape[1] // count, *own, *space)
        shown = (
            torch.cat([images[:, i], masks, adjacent[:, :, i].flatten(1, 2), guides], 1)
            for i in range(len(self.each))
        )
        outputs = [
            each.body(its).reshape(batch, -1, self.colours, *space)
            for each, its in zip(self.members, shown, strict=True)
        ]
        return torch.stack(outputs, 2).flatten(1, 3)
