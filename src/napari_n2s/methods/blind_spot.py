"""How the donut network learns, and how the image that is delivered is made from what it predicts.

Blind predictions tell the noise; with it known, each pixel is put back by its noise, what the
network makes of the pixels that it sees is mixed in, and what repeats in the picture is denoised
together.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_n2s.core import generators
from napari_n2s.methods import nonlocal_bayes
from napari_n2s.nn.blind_spot_network import BlindSpotNetwork
from napari_n2s.nn.per_channel import PerChannelNetwork
from napari_n2s.noise.bias import Bias, estimate_bias, roughness
from napari_n2s.noise.from_differences import correct_memorised
from napari_n2s.noise.noise_model import (
    NoiseCurve,
    noise_from_residuals,
    posterior,
    posterior_weight,
    prior_weight,
    sure_weight,
    winsorise,
)
from napari_n2s.noise.quantile_curve import Curve, evaluate_in_bins
from napari_n2s.noise.stripes import stripe_strength
from napari_n2s.preparation.augmentation import Orientation

HIDDEN = 0.25
"""Share of the pixels that one step of the donut network hides."""
SEEING = 0.75
"""What the pass that saw all counts with pretrained weights, as far as the noise is not known."""
FEWEST_KNOWN = 1000
"""Pixels at least that have a value in all channels, for others to be left aside."""
NEARLY_ALL = 0.98
"""Share of the pixels that need a value for the noise of neighbouring ones to be compared."""
KINDS, FEWEST = 8, 2**15
"""Of how many kinds of pixels, the smooth and the rough, it is asked what that pass should count,
and of how many pixels at least."""


class Probe(NamedTuple):
    """How the network answers to its own pixel in a part of an image.

    Attributes
    ----------
    box : tuple of slice
        That part of an array ``(C, *space)``.
    response : Tensor, shape (1, C, *part)
        Derivative of the output that saw `x` by the pixel itself; right on average.
    """

    box: tuple[slice, ...]
    response: Tensor


class Blend(NamedTuple):
    """How the output that saw the pixels and the blind one become one.

    Attributes
    ----------
    noise : NoiseCurve
    bias : Bias
        What both err by.
    trust : ndarray, shape (C,)
        How far the posterior of the second is taken.
    share : Curve
        What the first counts beside it, over the roughness: where a picture is smooth, the two
        differ little, and hardly by what can be told.
    """

    noise: NoiseCurve
    bias: Bias
    trust: NDArray[np.float64]
    share: Curve


@dataclass(frozen=True)
class BlindSpot:
    """The donut network: a quarter of the pixels is hidden and counted; the rest stays as it is.

    Attributes
    ----------
    network : BlindSpotNetwork
    turns : tuple of Orientation
    sees : bool
        Whether pretraining has taught it what to make of pixels that are shown.
    wide : bool
        Whether the radius is wider than a pixel, as neighbours share their noise. Some of that
        reaches farther than any radius, and the pixel, put back by its noise, would bring it along.
    """

    mixes: ClassVar[bool] = True
    network: BlindSpotNetwork | PerChannelNetwork
    turns: tuple[Orientation, ...]
    sees: bool = False
    wide: bool = False

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Draw each pixel by itself."""
        return torch.rand(shape, generator=generator, device=generator.device) < HIDDEN

    def sets(self, ndim: int) -> int:
        """Count two for each axis."""
        return int(2**ndim)

    def masks(self, space: tuple[int, ...], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield every second block along each axis: the next pixels on a pixel's lattice show."""
        blocks = [
            torch.arange(size).div(s, rounding_mode="floor") % 2
            for size, s in zip(space, self.network.lattice, strict=True)
        ]
        for phase in product(range(2), repeat=len(space)):
            lines = [block == each for block, each in zip(blocks, phase, strict=True)]
            yield torch.stack(torch.meshgrid(*lines, indexing="ij")).all(0)[None, None]

    def show(
        self,
        x: Tensor,
        hidden: Tensor,
        blocked: Tensor,
        guides: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Say which pixels are hidden; remove those that are blocked."""
        valid, hidden = (each.expand_as(x[:, :1]).to(x) for each in (~blocked, hidden | blocked))
        return torch.cat([x * valid, valid, hidden, guides], 1)

    def mean(self, output: Tensor) -> Tensor:
        """Take the first half of the output."""
        return output.chunk(2, 1)[0]

    def loss(self, output: Tensor, target: Tensor, counted: Tensor, done: float) -> Tensor:
        """Average the negative Gaussian log-likelihood of the noisy pixels, up to a constant."""
        mean, total = output.chunk(2, 1)
        weight = counted.expand_as(target).to(target)
        surprise = (mean - target).square() / total + total.log()
        return 0.5 * (surprise * weight).sum() / weight.sum().clamp(min=1)

    def plan(
        self, seen: Tensor, blind: Tensor, x: Tensor, missing: Tensor, probe: Probe
    ) -> Blend | None:
        """Read the noise off the blind output, and find on the probe what the other should count.

        The pass that saw all trusts its weights, which were learnt with a stand-in for the pixel,
        or on simulated pictures; the posterior of the blind one the noise that it reads off its own
        residuals. Their errors differ.
        """
        there = ~missing[0].any(0).numpy()
        if there.sum() < FEWEST_KNOWN:
            there = ~missing[0].all(0).numpy()
        if not there.any():
            return None
        mean, total, noisy = (each[0].numpy() for each in (*blind.chunk(2, 1), x))
        other = self.mean(seen)[0].numpy()
        known = [each[:, there] for each in (mean, total, noisy)]
        noise, trust = noise_from_residuals(*known), posterior_weight(*known)
        noise = correct_memorised(noise, mean, noisy) if there.mean() > NEARLY_ALL else noise
        bias = estimate_bias(known[0], known[1], other[:, there], known[2], noise)
        mean, total, other = bias.correct(mean, total, other, noise)
        taken = trust * (not self.wide)
        estimate, promised = posterior(mean, total, noisy, noise, taken)
        usual = prior_weight(estimate, promised, other, there)
        expected = np.full_like(usual, SEEING) if self.sees else usual
        within = there[probe.box[1:]]
        variance = noise.variance(mean)
        probed = [each[probe.box][:, within] for each in (mean, total, noisy, variance, other)]
        probed.append(probe.response[0].numpy()[:, within])
        probed += [np.broadcast_to(each[:, None], probed[0].shape) for each in (taken, expected)]
        rough = roughness(probed[1], probed[3])
        share = evaluate_in_bins(sure_weight, rough, *probed, bins=KINDS, fewest=FEWEST)
        best = share.value
        if mean.ndim > 2 and not self.wide:  # that takes noise for independent
            lines = stripe_strength(mean, total, noisy, variance, there)
            best = best + lines[:, None] * (expected[:, None] - best)
        best = best if self.sees else np.minimum(usual[:, None], best)
        return Blend(noise, bias, trust, Curve(share.at, best))

    def mix(
        self,
        seen: Tensor,
        blind: Tensor,
        x: Tensor,
        missing: Tensor,
        blend: Blend | None,
        device: torch.device,
    ) -> Generator[float, None, tuple[Tensor, Tensor]]:
        """Average the pass that saw all with the posterior of the blind one.

        In a picture that is for non-local Bayes to go by, in each channel by itself where each has
        a network of its own. Pixels without a value are as they are predicted.
        """
        if blend is None:
            return self.mean(blind), self.mean(blind)
        mean, total, noisy = (each[0].numpy() for each in (*blind.chunk(2, 1), x))
        other = self.mean(seen)[0].numpy()
        mean, total, other = blend.bias.correct(mean, total, other, blend.noise)
        estimate, _ = posterior(mean, total, noisy, blend.noise, blend.trust * (not self.wide))
        share = torch.from_numpy(blend.share.over(roughness(total, blend.noise.variance(mean))))
        predicted, unknown = torch.from_numpy(mean), missing[0]
        mixed = torch.lerp(torch.from_numpy(estimate), torch.from_numpy(other), share)
        mixed = torch.where(unknown, predicted, mixed)
        if not nonlocal_bayes.fits(tuple(x.shape[2:])):
            return mixed[None], mixed[None]
        values = torch.where(unknown, mixed, torch.from_numpy(winsorise(mean, total, noisy)))
        noise = torch.from_numpy(blend.noise.variance(mean))
        size = 1 if isinstance(self.network, PerChannelNetwork) else len(mixed)
        parts = [slice(first, first + size) for first in range(0, len(mixed), size)]
        together = []
        for number, part in enumerate(parts):
            work = nonlocal_bayes.denoise_alike(mixed[part], values[part], noise[part], device)
            together.append((yield from generators.share(work, number, len(parts), float)))
        trust = torch.from_numpy(blend.trust).to(x).reshape(-1, *(1,) * (x.ndim - 2))
        return mixed[None], torch.lerp(mixed, torch.cat(together), trust)[None]
