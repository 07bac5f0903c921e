"""An independent network for each channel.

The networks are trained in parallel, on crops from the same places. What they share is decided by
all channels: where crops are drawn, the number of neighbouring slices or frames, which pixels are
missing, and the step at which the networks are best.
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
    masks, guides : int
        M and A; all networks see them.
    """

    def __init__(self, members: Sequence[Network], masks: int, guides: int) -> None:
        super().__init__()
        self.each, self._masks, self._guides = nn.ModuleList(members), masks, guides
        first = members[0]
        self.stride, self.halo, self.border = first.stride, first.halo, first.border
        self.lattice = first.lattice

    @property
    def members(self) -> Sequence[Network]:
        """The networks."""
        return cast("Sequence[Network]", self.each)

    def body(self, x: Tensor) -> Tensor:
        """Apply each network to its channel."""
        count = len(self.each)
        image, masks, neighbours, guides = torch.split_with_sizes(
            x,
            [count, self._masks, x.shape[1] - count - self._masks - self._guides, self._guides],
            1,
        )
        shown = (
            torch.cat([image[:, i : i + 1], masks, neighbours[:, i::count], guides], 1)
            for i in range(count)
        )
        outputs = [each.body(its) for each, its in zip(self.members, shown, strict=True)]
        return torch.stack(outputs, 2).flatten(1, 2)
