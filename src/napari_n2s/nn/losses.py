"""What to ask of a network that has one noisy reading as its input and another as its target.

Which loss is least decides what is found where the target says now this, now that: the mean, the
median or the mode (Lehtinen et al., "Noise2Noise", ICML 2018, section 2). Predictions and targets
are tensors ``(B, C, *space)``; `counted` is boolean, with one channel or C.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

SMALLEST = 0.01
"""Added to an error before its power is taken, of intensities whose range or spread is about 1.

With the 1e-8 of the paper the few pixels that happen to be nearly right outweigh all others as the
power nears 0, more pixels in a step do not help, and the last steps lose what was found.
"""
DARKEST = 0.01
"""Of the high-dynamic-range loss: below this intensity an error counts as it does there."""
GAMMA = 2.2


@dataclass(frozen=True)
class Loss:
    """A loss by name.

    Attributes
    ----------
    words : str
        When to use it.
    errors : callable
        Takes prediction, target and the share of the training that is done, 0 to 1; gives what each
        value adds.
    squared : bool
        Whether the squared error on unseen pixels is least where it is: whether they may choose
        the best network.
    """

    words: str
    errors: Callable[[Tensor, Tensor, float], Tensor]
    squared: bool = False

    def __call__(
        self, prediction: Tensor, target: Tensor, counted: Tensor, done: float = 0.0
    ) -> Tensor:
        """Average over the values that count: Σ m e / Σ m."""
        weight = counted.expand_as(target).to(target)
        errors = self.errors(prediction, target, done)
        return (errors * weight).sum() / weight.sum().clamp(min=1)


def tone_map(image: Tensor) -> Tensor:
    """Compress intensities from 0 upwards into 0 to 1, for the input of a network: never a target.

    That is (v / (1 + v)) ** (1 / 2.2), of Reinhard et al. 2002.
    """
    shown = image.clamp(min=0)
    return (shown / (1 + shown)) ** (1 / GAMMA)


def _squared(prediction: Tensor, target: Tensor, done: float) -> Tensor:
    return (prediction - target).square()


def _absolute(prediction: Tensor, target: Tensor, done: float) -> Tensor:
    return (prediction - target).abs()


def _annealed(prediction: Tensor, target: Tensor, done: float) -> Tensor:
    """Lower the power from 2 to 0."""
    return ((prediction - target).abs() + SMALLEST) ** (2 - 2 * done)


def _relative(prediction: Tensor, target: Tensor, done: float) -> Tensor:
    """Divide by the prediction's own square, which is not differentiated; below 0 by that of 0.

    No intensity is negative, but a prediction may be, and at -DARKEST the quotient has no bound.
    """
    return (prediction - target).square() / (prediction.detach().clamp(min=0) + DARKEST).square()


LOSSES: dict[str, Loss] = {
    "l2": Loss(
        "the mean: for noise that averages out, as photons and electronics make it", _squared, True
    ),
    "l1": Loss("the median: where less than half of the pixels are spoilt, by anything", _absolute),
    "l0": Loss("the mode: where most pixels are spoilt, each to another value", _annealed),
    "hdr": Loss(
        "the mean by relative errors: for rare pixels that outshine all others many times",
        _relative,
    ),
}
"""What each finds, and when to use it. A pixel without a value does not count (masked L2)."""
