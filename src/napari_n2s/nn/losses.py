"""Losses for training with one noisy replicate as the input and another as the target.

The loss decides which statistic of the noisy targets the network learns: the mean, the median or
the mode (Lehtinen et al., "Noise2Noise", ICML 2018, section 2). Predictions and targets are tensors
``(B, C, *space)``; `counted` is boolean, with one channel or C.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

SMALLEST = 0.01
"""Added to an absolute error before its power is taken, for intensities of range or deviation 1.

With the paper's 1e-8 the few pixels that happen to be nearly right outweigh all others as the power
approaches 0, and the last steps lose 0.5 to 1.5 dB (`benchmarks/README.md`, Noise2Noise).
"""
DARKEST = 0.01
"""Intensity, relative to a mean of 1, below which the loss `hdr` weighs errors equally."""
GAMMA = 2.2
"""Exponent of the tone mapping."""


@dataclass(frozen=True)
class Loss:
    """A loss by name.

    Attributes
    ----------
    words : str
        When to use it.
    errors : callable
        Takes prediction, target and the fraction of the training that is done, 0 to 1; returns the
        loss of each value.
    squared : bool
        Whether its minimum is also that of the squared error, so that the squared error on held-out
        pixels may select the best network.
    """

    words: str
    errors: Callable[[Tensor, Tensor, float], Tensor]
    squared: bool = False

    def __call__(
        self, prediction: Tensor, target: Tensor, counted: Tensor, done: float = 0.0
    ) -> Tensor:
        """Average over the counted values: Σ m e / Σ m."""
        weight = counted.expand_as(target).to(target)
        errors = self.errors(prediction, target, done)
        return (errors * weight).sum() / weight.sum().clamp(min=1)


def tone_map(image: Tensor) -> Tensor:
    """Compress intensities from 0 upwards into 0 to 1, for inputs of a network, never for targets.

    It is (v / (1 + v)) ** (1 / 2.2), of Reinhard et al. 2002.
    """
    shown = image.clamp(min=0)
    return (shown / (1 + shown)) ** (1 / GAMMA)


def _squared(prediction: Tensor, target: Tensor, done: float) -> Tensor:
    return (prediction - target).square()


def _absolute(prediction: Tensor, target: Tensor, done: float) -> Tensor:
    return (prediction - target).abs()


def _annealed(prediction: Tensor, target: Tensor, done: float) -> Tensor:
    """Raise absolute errors to a power that falls from 2 to 0 over the training."""
    return ((prediction - target).abs() + SMALLEST) ** (2 - 2 * done)


def _relative(prediction: Tensor, target: Tensor, done: float) -> Tensor:
    """Divide by the squared prediction, which is not differentiated, or by that of 0 if negative.

    Intensities are not negative, but a prediction may be, and at -DARKEST the loss has a pole.
    """
    return (prediction - target).square() / (prediction.detach().clamp(min=0) + DARKEST).square()


LOSSES: dict[str, Loss] = {
    "l2": Loss(
        "the mean: for noise with mean zero, such as that of photons and electronics",
        _squared,
        True,
    ),
    "l1": Loss(
        "the median: where less than half of the pixels are corrupted, in any way", _absolute
    ),
    "l0": Loss("the mode: where most pixels are corrupted, each to a different value", _annealed),
    "hdr": Loss(
        "the mean by relative errors: for high dynamic range, with rare very bright pixels",
        _relative,
    ),
}
"""The losses by name. Pixels without a value are not counted (masked L2)."""
