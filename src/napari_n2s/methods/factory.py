"""Factory of training methods: network, masks and initial weights as the settings describe."""

from __future__ import annotations

from dataclasses import replace

from napari_n2s.core.settings import Settings
from napari_n2s.methods.blind_spot import BlindSpot
from napari_n2s.methods.masked import MaskedMethod
from napari_n2s.methods.noise2noise import Noise2Noise
from napari_n2s.methods.recorrupted import Recorrupted2Recorrupted
from napari_n2s.methods.traits import traits_of
from napari_n2s.nn import masks, pretrained
from napari_n2s.nn.blind_spot_network import BlindSpotNetwork
from napari_n2s.nn.networks import NETWORKS, seeded
from napari_n2s.nn.per_channel import PerChannelNetwork
from napari_n2s.preparation.augmentation import orientations

TRUNK: dict[int, dict[str, int]] = {3: {"width": 32, "levels": 0}}
"""Arguments of the blind-spot network's trunk by number of axes of space, where not the default.

A cube eleven voxels wide has as many voxels as a square forty pixels wide has pixels: with more
levels, most of the receptive field would lie beyond the border of a patch.
"""


def make_method(
    settings: Settings,
    channels: int,
    ndim: int,
    neighbours: int = 0,
    guides: int = 0,
    *,
    paired: bool = False,
    colours: int = 1,
) -> MaskedMethod | BlindSpot | Recorrupted2Recorrupted | Noise2Noise:
    """Make the method that the settings describe, with its initial weights.

    Parameters
    ----------
    settings : Settings
    channels, ndim : int
        Number of channels and of axes of space.
    neighbours : int
        Number of neighbouring samples that the network sees.
    guides : int
        Number of channels of guides.
    paired : bool
        Whether it is trained on replicates.
    colours : int
        Number of colours of each channel, which share a network even where channels are
        independent.
    """
    if settings.channels == "independent" and channels > colours:
        own = (replace(settings, channels="joint"), colours, ndim, neighbours, guides)
        per_channel = [make_method(*own) for _ in range(channels // colours)]
        outputs = 2 if isinstance(per_channel[0], BlindSpot | Recorrupted2Recorrupted) else 0
        return replace(
            per_channel[0],
            network=PerChannelNetwork(
                [method.network for method in per_channel], outputs, guides, colours
            ),
        )
    traits = traits_of(settings, paired=paired)
    with seeded(settings.seed):
        if paired:
            name = "unet-small" if settings.network == "donut" else settings.network
            network = NETWORKS[name](channels, ndim, guides=guides)
            return Noise2Noise(network, orientations(ndim), settings.loss, guides)
        if traits.blind_spot:
            noise_radius = settings.radius_along(ndim)
            turns = orientations(ndim, swaps=len(set(noise_radius[-2:])) == 1)
            radius = (0,) * ndim if traits.recorrupts else noise_radius
            donut = BlindSpotNetwork(
                channels, ndim, radius, neighbours * channels + guides, **TRUNK.get(ndim, {})
            )
            recorrupted = {"recorrupted": traits.recorrupts}
            is_pretrained = settings.pretrained and pretrained.fits(
                settings, channels, ndim, **recorrupted
            )
            if is_pretrained:
                donut.load_state_dict(pretrained.weights_for(radius, donut.guides, **recorrupted))
            if traits.recorrupts:
                return Recorrupted2Recorrupted(donut, turns, noise_radius)
            return BlindSpot(donut, turns, is_pretrained)
        masked = NETWORKS[settings.network](channels, ndim, guides=guides)
    partition: masks.Partition = (
        masks.GridPartition(settings.grid_width)
        if settings.partition == "grid"
        else masks.RandomPartition(settings.density)
    )
    return MaskedMethod(masked, orientations(ndim), partition, settings.fill)
