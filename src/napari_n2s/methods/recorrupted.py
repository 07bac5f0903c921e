"""Recorrupted-to-Recorrupted: of two recorrupted images, one is predicted from the other.

The network is that of the blind-spot method, with nothing hidden. See `noise.recorruption`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from napari_n2s.core import generators
from napari_n2s.methods import nonlocal_bayes
from napari_n2s.methods.blind_spot import gaussian_loss
from napari_n2s.nn.blind_spot_network import BlindSpotNetwork
from napari_n2s.nn.per_channel import PerChannelNetwork
from napari_n2s.noise.recorruption import Recorruption
from napari_n2s.preparation.augmentation import Orientation

MIN_EIGENVALUE = 0.02
"""Minimum eigenvalue of the correlation matrix of the noise of a patch: the measured covariance may
not be positive definite."""


@dataclass(frozen=True)
class Recorrupted2Recorrupted:
    """Recorrupted-to-Recorrupted as a training method, for noise that is correlated.

    Attributes
    ----------
    network : BlindSpotNetwork or PerChannelNetwork
    orientations : tuple of Orientation
    radius : tuple of int
        Along each axis of space, up to which noise is correlated.
    """

    combines_predictions: ClassVar[bool] = False
    refines: ClassVar[bool] = True
    network: BlindSpotNetwork | PerChannelNetwork
    orientations: tuple[Orientation, ...]
    radius: tuple[int, ...]

    def draw_mask(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Return a mask of all pixels, which are compared though none is hidden."""
        return torch.ones(shape, dtype=torch.bool, device=generator.device)

    def count_masks(self, ndim: int) -> int:
        """Return 1."""
        return 1

    def masks(self, space: tuple[int, ...], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield the mask of all pixels."""
        yield torch.ones(1, 1, *space, dtype=torch.bool)

    def make_input(
        self,
        x: Tensor,
        hidden: Tensor,
        blocked: Tensor,
        guides: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Concatenate image (blocked pixels set to 0), valid mask, blocked mask and guides."""
        valid, unseen = (each.expand_as(x[:, :1]).to(x) for each in (~blocked, blocked))
        return torch.cat([x * valid, valid, unseen, guides], 1)

    def mean(self, output: Tensor) -> Tensor:
        """Return the first half of the channels; the second is the total variance."""
        return output.chunk(2, 1)[0]

    def loss(self, output: Tensor, target: Tensor, counted: Tensor, done: float) -> Tensor:
        """Compute the mean negative Gaussian log-likelihood of the target."""
        return gaussian_loss(output, target, counted)

    def refine(
        self,
        mean: Tensor,
        x: Tensor,
        missing: Tensor,
        model: Recorruption,
        device: torch.device,
    ) -> Generator[float, None, Tensor]:
        """Denoise an image by non-local Bayes, with the prediction as pilot.

        Parameters
        ----------
        mean, x : Tensor, shape (1, C, *space)
            The prediction, and the normalised image.
        missing : Tensor of bool, shape (1, 1 or C, *space)
            Missing pixels are given their prediction.
        model : Recorruption
            The noise.
        device : torch.device

        Yields
        ------
        float
            Fraction done.

        Returns
        -------
        Tensor, shape (1, C, *space)
        """
        if not nonlocal_bayes.is_applicable(tuple(x.shape[2:])):
            return mean
        average = mean[0]
        values = torch.where(missing[0], average, x[0])
        variance = torch.from_numpy(model.noise.variance(average.numpy()))
        network, refined = self.network, []
        size = network.colours if isinstance(network, PerChannelNetwork) else len(average)
        for first in range(0, len(average), size):
            part = slice(first, first + size)
            whitening = [_whiten(model, channel) for channel in range(len(average))[part]]
            work = nonlocal_bayes.denoise_patches(
                average[part], values[part], variance[part], device, whitening
            )
            refined.append(
                (yield from generators.share(work, first // size, len(average) // size, float))
            )
        return torch.cat(refined)[None]


def _whiten(model: Recorruption, channel: int) -> nonlocal_bayes.Whitening:
    """Compute the square roots of the correlation matrix of the noise of a patch."""
    values, vectors = np.linalg.eigh(model.correlation(channel, nonlocal_bayes.PATCH))
    values = np.maximum(values, MIN_EIGENVALUE)
    values *= len(values) / values.sum()
    return nonlocal_bayes.Whitening(
        *(torch.from_numpy((vectors * values**power) @ vectors.T).float() for power in (0.5, -0.5))
    )
