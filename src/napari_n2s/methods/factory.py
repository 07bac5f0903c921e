"""Making the method that settings describe, with the weights that it begins with."""

from __future__ import annotations

from dataclasses import replace

from napari_n2s.core.settings import Settings
from napari_n2s.methods.blind_spot import BlindSpot
from napari_n2s.methods.masked import MaskedMethod
from napari_n2s.methods.noise2noise import Noise2Noise
from napari_n2s.nn import masks, pretrained
from napari_n2s.nn.blind_spot_network import BlindSpotNetwork
from napari_n2s.nn.networks import NETWORKS, seeded
from napari_n2s.nn.per_channel import PerChannelNetwork
from napari_n2s.preparation.augmentation import turns

TRUNK: dict[int, dict[str, int]] = {3: {"width": 32, "levels": 0}}
"""The donut's trunk, by the axes of space, where it is not the usual one.

In a volume eleven voxels across hold as many as forty pixels across a picture; a deeper one would
see little else than the border of its cubes.
"""


def choose(
    settings: Settings,
    channels: int,
    ndim: int,
    beside: int = 0,
    guides: int = 0,
    *,
    paired: bool = False,
) -> MaskedMethod | BlindSpot | Noise2Noise:
    """Make the method that the settings describe, with the weights that it begins with.

    Parameters
    ----------
    settings : Settings
    channels, ndim : int
    beside : int
        Pictures that are seen beside one.
    guides : int
        Channels of further images that are.
    paired : bool
        Whether readings of one thing are learnt from each other.
    """
    if settings.channels == "independent" and channels > 1:
        each = [choose(settings, 1, ndim, beside, guides) for _ in range(channels)]
        outputs = 2 if isinstance(each[0], BlindSpot) else 0
        return replace(
            each[0], network=PerChannelNetwork([method.network for method in each], outputs, guides)
        )
    with seeded(settings.seed):
        if paired:
            name = "unet-small" if settings.network == "donut" else settings.network
            network = NETWORKS[name](channels, ndim, guides=guides)
            return Noise2Noise(network, turns(ndim), settings.loss, guides)
        if settings.network == "donut":
            radius = settings.radius_along(ndim)
            square = len(set(radius[-2:])) == 1
            donut = BlindSpotNetwork(
                channels, ndim, radius, beside * channels + guides, **TRUNK.get(ndim, {})
            )
            ahead = settings.pretrained and pretrained.fits(settings, channels, ndim)
            if ahead:
                donut.load_state_dict(pretrained.weights_for(donut.radius, donut.guides))
            return BlindSpot(donut, turns(ndim, swaps=square), ahead, wide=any(radius))
        masked = NETWORKS[settings.network](channels, ndim, guides=guides)
    partition: masks.Partition = (
        masks.GridPartition(settings.grid_width)
        if settings.partition == "grid"
        else masks.RandomPartition(settings.density)
    )
    return MaskedMethod(masked, turns(ndim), partition, settings.fill)
