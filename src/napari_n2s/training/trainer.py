"""The trainer: a network with its training data, optimisation, scores and best model."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from math import inf, isfinite, nan, prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_n2s.core.device import give_back_memory, prefer_layout
from napari_n2s.core.errors import SettingsError
from napari_n2s.core.generators import finish
from napari_n2s.core.settings import Settings
from napari_n2s.inference.model import Model
from napari_n2s.inference.tile_size import TILE
from napari_n2s.inference.tiling import predict
from napari_n2s.inference.trained_network import NONLOCAL_WEIGHT
from napari_n2s.methods.factory import make_method
from napari_n2s.nn.losses import LOSSES
from napari_n2s.nn.masks import channel_losses, mean_around
from napari_n2s.preparation.held_out import best_weight, improved, pick, score
from napari_n2s.training.drawing import draw_patches
from napari_n2s.training.optimization import MEMORY, Optimization, Patches
from napari_n2s.training.schedule import Schedule, costs_of
from napari_n2s.training.training_data import TrainingData

BATCH, GPU_BATCH = 8, 32
"""Number of patches in a step, on a CPU and on a GPU."""
FIRST_BATCH, FIRST_STEPS = 4, 300
"""Number of patches in each of the first steps on a CPU at the full learning rate, when many noisy
gradients are better than few precise ones, and number of these steps."""
WINDOWS_PER_BATCH = 4
"""Number of windows of held-out pixels in a batch, limited for the same reason as `TILE`."""
MIN_REFERENCE = 0.1
"""Minimum reference loss of patches, as a fraction of that of the held-out pixels: in flat patches
it may be 0."""
MIN_PATCH = 32
"""Side of a patch in pixels below which smaller ones save no memory."""
NONLOCAL_DEVIATION = 0.35
"""Standard deviation over images of the weight of non-local Bayes."""
RECENT_SCORES = 3
"""Number of scores whose shortest duration counts, as load by other programs comes and goes."""
SELECTION_MARGIN = 2.0
"""Standard errors by which an earlier score has to be better than the last, which corrects for the
selection of the best of many scores."""


class Trainer:
    """Takes training steps and scores the network when `train` calls it.

    Parameters
    ----------
    data : TrainingData
    settings : Settings
    device : torch.device
    schedule : Schedule

    Attributes
    ----------
    memory_reduced : bool
        Whether steps were reduced as memory ran out.
    diverged : bool
        Whether the training diverged after a usable model, which is kept.
    best, last : Model or None
        The model to keep, and the model scored last.
    baselines : tuple of Baseline
    """

    def __init__(
        self, data: TrainingData, settings: Settings, device: torch.device, schedule: Schedule
    ) -> None:
        self.settings, self.device, self.schedule = settings, device, schedule
        self.baselines = data.baselines
        self.data = data.to(device)
        self.memory_reduced = self.diverged = False
        self._max_batch = settings.batch_size or GPU_BATCH
        self._patch_side = settings.patch_size
        if settings.volume:  # as many voxels as the pixels of a first batch
            self._patch_side = int((FIRST_BATCH * settings.patch_size**2) ** (1 / 3))
        self.best: Model | None = None
        self.last: Model | None = None
        self._patch_generator = torch.Generator().manual_seed(settings.seed)
        self._generator = torch.Generator(device).manual_seed(settings.seed)
        shape = data.channels, data.ndim, data.neighbours.shape[1], data.guides.shape[1]
        self._method = make_method(settings, *shape, paired=data.paired, colours=data.colours)
        self._optimization = Optimization(self._method, settings, data.x[:, 0].numel(), device)
        self._losses: deque[Tensor] = deque(maxlen=MEMORY)
        blocked = data.held_out | data.missing.all(1, keepdim=True)
        self._reference_loss = data.held_out_losses(mean_around(data.windows, blocked)).cpu()
        self._costs = costs_of(self._method, data, settings)
        self._score_times: deque[float] = deque(maxlen=RECENT_SCORES)
        self._score_seconds = inf
        self._best_errors: NDArray[np.float64] | None = None
        self._least_errors: NDArray[np.float64] | None = None
        self._previous_errors: NDArray[np.float64] | None = None

    def move(self, device: torch.device) -> None:
        """Move data, networks and losses to a device."""
        self.data = self.data.to(device)
        self._optimization.move(device)
        self._losses = deque((each.to(device) for each in self._losses), maxlen=MEMORY)

    def release_gpu(self) -> None:
        """Release the GPU until the training is resumed."""
        if self.device.type != "cpu":
            self.move(torch.device("cpu"))
            give_back_memory()

    @property
    def step(self) -> int:
        """Number of steps taken."""
        return self._optimization.steps

    @property
    def best_errors(self) -> NDArray[np.float64] | None:
        """Squared errors ``(pixels,)`` of the best model on the held-out pixels."""
        return self._best_errors

    @property
    def loss(self) -> float:
        """Training loss over the last steps, in squared intensity units; NaN before the first.

        The mean squared error of hidden pixels is divided by that of a reference, the mean of their
        neighbours, and multiplied by that of the reference on the held-out pixels. So it does not
        depend on the position of patches, and can be compared with the score.
        """
        if not self._losses:
            return nan
        own, plain = torch.stack(tuple(self._losses)).mean(0).cpu().double()
        share = own / torch.maximum(plain, MIN_REFERENCE * self._reference_loss).clamp(min=1e-30)
        return float(
            (share * self._reference_loss * torch.from_numpy(self.data.scale.variance)).mean()
        )

    def train_step(self, done: float) -> None:
        """Take a training step; `done` is the fraction of the budget used."""
        method = self._method
        first, size = self.step, (self._batch(), self._patch_side)
        drawn = draw_patches(self.data, *size, method.orientations, self._patch_generator, first)
        noisy, seen, target, withheld, extra_channels = drawn.to(self.device)
        blocked = withheld.all(1, keepdim=True)
        hidden = method.draw_mask(tuple(blocked.shape), self._generator)
        inputs = method.make_input(seen, hidden, blocked, extra_channels, self._generator)
        counted = hidden & ~withheld
        found = self._optimization.step(Patches(inputs, target=target, counted=counted), done)
        if self.data.structure is not None:  # patches with odd numbers are not drawn uniformly
            even = slice(first % 2, None, 2)
            noisy, seen, target, withheld, counted, found = (
                each[even] for each in (noisy, seen, target, withheld, counted, found)
            )
        if len(noisy):
            both = found, mean_around(seen, withheld)
            losses = torch.stack([channel_losses(each, target, counted) for each in both])
            self._losses.append(losses - channel_losses(noisy, target, counted))

    def score(self, final: bool = False) -> Model:
        """Score the averaged weights on the held-out pixels, and keep them if they are best.

        At the end of a training, when the learning rate is small, the last weights are kept unless
        earlier ones are significantly better.
        """
        if self._losses:
            self._losses[-1].cpu()  # waits for the GPU
        begin = self.schedule.seconds
        squares = self._squared_errors()
        elapsed = self.schedule.seconds - begin
        self._score_times.append(elapsed)
        self._score_seconds = min(self._score_times)  # the first score is slower
        costs = self._costs
        after = costs.combining + costs.weighing * self._affords_weighing()
        once, after = (self._score_seconds * each for each in (costs.inference, after))
        self.schedule.scored(elapsed, once, after, costs.passes, costs.all_hidden)
        weights = self._optimization.average.state_dict().items()
        recorrupts = self.data.recorruption is not None
        self.last = Model(
            settings=self.settings,
            channels=self.data.channels,
            ndim=self.data.ndim,
            scale=self.data.scale,
            context=self.data.context,
            guides=self.data.guide_scale,
            weights={name: each.detach().cpu().clone() for name, each in weights},
            step=self.step,
            score=score(squares),
            turns=self.schedule.turns,
            passes=self.schedule.passes,
            paired=self.data.paired,
            colours=self.data.colours,
            nonlocal_weight=(1.0 if recorrupts else NONLOCAL_WEIGHT,),
            baseline_error=min((each.score.loss for each in self.baselines), default=nan),
        )
        if not isfinite(self.last.score.loss):
            if self.best is None:
                raise SettingsError("The training diverged; choose a smaller learning rate.")
            self.last, self.diverged = self.best, True
            return self.last
        is_target = not self.data.paired or LOSSES[self.settings.loss].squared
        best = self._least_errors is None or squares.mean() < self._least_errors.mean()
        if best:
            self._least_errors = squares
        assert self._least_errors is not None
        close = final and not improved(squares, self._least_errors, SELECTION_MARGIN)
        if best or close or not is_target:
            self.best, self._best_errors = self.last, squares
        return self.last

    def estimate_nonlocal_weight(self) -> None:
        """Estimate the weight of non-local Bayes for the best model on the held-out pixels."""
        data = self.data
        if not (self.best and self._costs.weighing and self._affords_weighing()):
            return
        shape = data.neighbours.shape[1], data.guides.shape[1]
        method = self.best.method(*shape, self.device)
        errors, differences = [], []
        names = "windows", "held_out", "missing", "extra_channels"
        for x, held_out, missing, extra_channels in zip(
            *(getattr(data, name).cpu().split(1) for name in names), strict=True
        ):
            hidden, seed = missing.all(1, keepdim=True) | held_out, self.settings.seed
            found = finish(
                predict(
                    method, x, hidden, extra_channels, TILE, self.device, invariant=False, seed=seed
                )
            )
            noisy, averaged, refined = (
                pick(each.numpy(), held_out.numpy()) for each in (x, found.averaged, found.refined)
            )
            errors.append(noisy - averaged)
            differences.append(refined - averaged)
        channels = np.concatenate(errors).T, np.concatenate(differences).T
        shares = (
            best_weight(*each, NONLOCAL_WEIGHT, NONLOCAL_DEVIATION)
            for each in zip(*channels, strict=True)
        )
        self.best = replace(self.best, nonlocal_weight=tuple(shares))

    def _affords_weighing(self) -> bool:
        return self.schedule.affords(self._score_seconds * self._costs.weighing)

    def improved(self) -> bool:
        """Whether the best model improved significantly since the last call."""
        before, self._previous_errors = self._previous_errors, self._best_errors
        return before is None or self._best_errors is None or improved(before, self._best_errors)

    def leave_missing(self) -> None:
        """Allow its models to be applied to images with missing pixels."""
        self.settings = replace(self.settings, nan_policy="omit")
        self.best, self.last = (
            each and replace(each, settings=self.settings) for each in (self.best, self.last)
        )

    def reduce_memory(self) -> bool:
        """Reduce the memory of a step after running out of it; False if that is impossible.

        First the batch is halved, then the size of patches, then the CPU is used in place of a GPU.
        """
        self._optimization.zero_grad()
        self.memory_reduced = True
        if self._batch() > 1:
            self._max_batch = self._batch() // 2
        elif self._patch_side > MIN_PATCH:
            self._patch_side //= 2
        elif self.device.type != "cpu":
            self.device = torch.device("cpu")
            self._generator = torch.Generator().manual_seed(self.settings.seed)
            self.move(self.device)
        else:
            return False
        give_back_memory()
        return True

    def _batch(self) -> int:
        usual = GPU_BATCH
        if self.device.type == "cpu":
            first = self.step < FIRST_STEPS and self._optimization.full_rate
            usual = FIRST_BATCH if first else BATCH
        if self.settings.volume:  # as many voxels as squares would have pixels
            voxels = prod(min(self._patch_side, size) for size in self.data.x.shape[2:])
            usual = max(1, usual * self.settings.patch_size**2 // voxels)
        return min(self._max_batch, self.settings.batch_size or usual)

    @torch.inference_mode()
    def _squared_errors(self) -> NDArray[np.float64]:
        data, method = self.data, self._method
        generator = torch.Generator(self.device).manual_seed(self.settings.seed)
        unusable = data.missing.all(1, keepdim=True)
        inputs = method.make_input(
            data.windows, data.held_out, unusable, data.extra_channels, generator
        )
        parts = (
            self._optimization.average(prefer_layout(each))
            for each in torch.split(inputs, WINDOWS_PER_BATCH)
        )
        return data.squared_errors(method.mean(torch.cat(list(parts))))
