"""A network for each channel, of which none sees another's pixels.

The channels take their steps side by side, on crops from the same places. What else they have in
common is decided by all of them: where crops are drawn, how many pictures are seen beside one,
which pixels are missing, and at which step the networks are at their best.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from napari_n2s.nn.networks import Network


class PerChannel(Network):
    """Several networks as one, each for a channel.

    It takes what one network for all channels would, ``(B, C + M + G * C + A, *space)``: the image,
    M masks, G pictures that are seen beside it, and A channels of guides. It returns
    ``(B, K * C, *space)``, where each network returns K images.

    Parameters
    ----------
    members : sequence of Network
        One for each channel, all of one kind.
    masks, guides : int
        M and A; every network sees them.
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
        """Show each network its channel."""
        count = len(self.each)
        image, masks, beside, guides = torch.split_with_sizes(
            x,
            [count, self._masks, x.shape[1] - count - self._masks - self._guides, self._guides],
            1,
        )
        shown = (
            torch.cat([image[:, i : i + 1], masks, beside[:, i::count], guides], 1)
            for i in range(count)
        )
        outputs = [each.body(its) for each, its in zip(self.members, shown, strict=True)]
        return torch.stack(outputs, 2).flatten(1, 2)
