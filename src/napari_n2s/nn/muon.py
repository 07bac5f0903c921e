"""The optimiser Muon: momentum, orthogonalised for each weight matrix.

The update of a weight matrix is its momentum with all singular values set to one, so that rare
directions of the gradient are learned as fast as frequent ones (K. Jordan et al., "Muon: An
optimizer for hidden layers in neural networks", 2024). For the small kernels used here this takes
the inverse square root of one Gram matrix for each layer, all layers of equal width in one batch.
`torch.optim.Muon` takes matrices only, and requires PyTorch 2.9 or later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

MOMENTUM = 0.95
"""Decay of the running mean of gradients."""
ITERATIONS = 9
"""Number of iterations of Newton's method; singular values below a hundredth of the largest stay
below one."""
REGULARISATION = 1e-5
"""Added to the diagonal of a Gram matrix of trace 1, which may be singular."""
ADAM_SHARE = 0.5
"""Adam's learning rate as a fraction of Muon's."""


class Muon:
    """Muon for the kernels of hidden layers; Adam for biases and for the last layer.

    Parameters
    ----------
    parameters : iterable of Parameter
        All of a network's; the first axis of kernels is that of output features.
    last : iterable of Parameter
        Those of its last layer.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], last: Iterable[nn.Parameter]) -> None:
        every, end = list(parameters), {id(each) for each in last}
        self._kernels: dict[int, list[nn.Parameter]] = defaultdict(list)
        self._others: list[Tensor] = []
        for each in every:
            if each.ndim > 2 and len(each) <= each[0].numel() and id(each) not in end:
                self._kernels[len(each)].append(each)
            else:
                self._others.append(each)
        self._momenta = {
            rows: [torch.zeros_like(kernel) for kernel in kernels]
            for rows, kernels in self._kernels.items()
        }
        self._every = every
        self._means, self._squares = (
            [torch.zeros_like(each) for each in self._others] for _ in range(2)
        )
        self._steps = [torch.zeros(()) for _ in self._others]

    def zero_grad(self) -> None:
        """Discard the gradients."""
        for each in self._every:
            each.grad = None

    def follow(self) -> None:
        """Move the state to the devices of the parameters."""
        self._momenta = {
            rows: _to_devices(momenta, self._kernels[rows])
            for rows, momenta in self._momenta.items()
        }
        self._means = _to_devices(self._means, self._others)
        self._squares = _to_devices(self._squares, self._others)

    @torch.no_grad()
    def step(self, rate: float, decay: float = 0.0) -> None:
        """Take one step, of length `rate` in every direction of each kernel.

        Kernels then decay by the factor 1 - `decay` * `rate` (Loshchilov & Hutter, "Decoupled
        Weight Decay Regularization", ICLR 2019).
        """
        for rows, kernels in self._kernels.items():
            flat = []
            for kernel, momentum in zip(kernels, self._momenta[rows], strict=True):
                gradient = _gradient(kernel)
                momentum.lerp_(gradient, 1 - MOMENTUM)
                flat.append(gradient.lerp(momentum, MOMENTUM).reshape(rows, -1))
            for kernel, update in zip(kernels, _orthogonal(flat), strict=True):
                kernel.sub_(update.view_as(kernel), alpha=rate)
        self._step_others(ADAM_SHARE * rate)
        for each in self._every:
            if each.ndim > 1:
                each.mul_(1 - decay * rate)

    def _step_others(self, rate: float) -> None:
        # The class torch.optim.Adam would first import PyTorch's compiler, for a second or more.
        adam(
            self._others,
            [_gradient(each) for each in self._others],
            self._means,
            self._squares,
            [],
            self._steps,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )


def _gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


def _to_devices(tensors: list[Tensor], parameters: Sequence[Tensor]) -> list[Tensor]:
    """Move tensors to the devices of the parameters that they belong to."""
    return [each.to(own.device) for each, own in zip(tensors, parameters, strict=True)]


def _orthogonal(matrices: list[Tensor]) -> list[Tensor]:
    """Set all singular values to one, of matrices with equally many rows, at most their columns."""
    grams = torch.stack([each @ each.mT for each in matrices])
    traces = grams.diagonal(dim1=1, dim2=2).sum(1).clamp(min=1e-30)
    one = torch.eye(grams.shape[1], device=grams.device)
    root = grams / traces[:, None, None] + REGULARISATION * one
    inverse = one.expand_as(root)
    for _ in range(ITERATIONS):
        turn = 1.5 * one - 0.5 * inverse @ root
        root, inverse = root @ turn, turn @ inverse
    return [inverse[i] @ each * traces[i].rsqrt() for i, each in enumerate(matrices)]
