"""A network in training on one image: all that its next step needs, and what it has reached."""

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
from napari_n2s.inference.tiling import count_passes, divide, predict
from napari_n2s.inference.trained_network import NONLOCAL_WEIGHT
from napari_n2s.methods.factory import choose
from napari_n2s.methods.masked import MaskedMethod
from napari_n2s.methods.nonlocal_bayes import fits
from napari_n2s.nn.losses import LOSSES
from napari_n2s.nn.masks import channel_losses, mean_around
from napari_n2s.preparation.held_out import best_share, improved, pick, score, squared_errors
from napari_n2s.training.optimization import MEMORY, Crops, Optimization
from napari_n2s.training.schedule import Schedule
from napari_n2s.training.training_data import TrainingData

BATCH, GPU_BATCH = 8, 32
FIRST_BATCH, FIRST_STEPS = 4, 300
"""Crops in each of the first steps on a processor, if those are large: the first way down needs
many, not good ones."""
AT_A_TIME = 4
"""Windows of held-out pixels that are predicted at a time, for the same reason as `TILE`."""
LEAST = 0.1
"""What neighbours make of crops is taken for no less than this share of what they make of the
held-out pixels: where crops are flat it may be nothing."""
SMALLEST_CROP = 32
"""Side in pixels below which halving it no longer saves memory."""
PASSES_ALIKE = 14
"""Passes of the network in the time that non-local Bayes takes for each channel."""
DOUBT = 0.35
"""By how much what that should count varies from image to image."""
LUCK = 2.0
"""Standard errors by which the least of many scores may lie below the others by chance."""


class Trainer:
    """Takes steps and scores what they lead to; `train` decides when.

    Parameters
    ----------
    material : TrainingData
    settings : Settings
    device : torch.device
    schedule : Schedule

    Attributes
    ----------
    shrunk : bool
        Whether memory ran short and steps were made smaller.
    best, last : Model or None
        The model to keep, and the one scored last.
    baselines : tuple of Baseline
    """

    def __init__(
        self, material: TrainingData, settings: Settings, device: torch.device, schedule: Schedule
    ) -> None:
        self.settings, self.device, self.schedule = settings, device, schedule
        self.baselines = material.baselines
        self.material = material.to(device)
        self.shrunk = False
        self._most = settings.batch_size or GPU_BATCH
        self._crop = settings.patch_size
        if settings.volume:  # a cube for the squares of a first step
            self._crop = int((FIRST_BATCH * settings.patch_size**2) ** (1 / 3))
        self.best: Model | None = None
        self.last: Model | None = None
        self._places = torch.Generator().manual_seed(settings.seed)
        self._generator = torch.Generator(device).manual_seed(settings.seed)
        shape = material.channels, material.ndim, material.beside.shape[1], material.guides.shape[1]
        self._method = choose(settings, *shape, paired=material.paired)
        self._descent = Optimization(self._method, settings, material.x[:, 0].numel(), device)
        self._losses: deque[Tensor] = deque(maxlen=MEMORY)
        held_out, windows = material.held_out, material.windows
        around = mean_around(windows, held_out | material.missing.all(1, keepdim=True))
        self._plain = channel_losses(around, windows, held_out).cpu()
        tile = divide(tuple(material.x.shape[2:]), TILE**2)
        halos = prod(1 + 2 * self._method.network.halo / side for side in tile)
        passes = count_passes(self._method, material.ndim, settings.invariant)
        passes += 2 * self._method.mixes  # the probe's
        self._applying = halos * passes / material.share_in_windows
        self._passes = passes, passes
        if settings.invariant and isinstance(self._method, MaskedMethod):
            limited = self._method.limited(1, material.ndim)
            self._passes = passes, limited.sets(material.ndim)
        picture = fits(tuple(material.windows.shape[2:])) and not material.constant
        grouped = self._method.mixes and not settings.invariant and picture
        self._after = grouped * PASSES_ALIKE / material.share_in_windows
        # Neighbours that share their noise would betray what the held-out pixels are.
        weighing = grouped and not any(settings.blind_spot_radius)
        self._weighing = weighing * (
            count_passes(self._method, material.ndim, False) + PASSES_ALIKE
        )
        self._cost = inf
        self._squares: NDArray[np.float64] | None = None
        self._least: NDArray[np.float64] | None = None
        self._before: NDArray[np.float64] | None = None

    def move(self, device: torch.device) -> None:
        """Bring everything to a device."""
        self.material = self.material.to(device)
        self._descent.move(device)
        self._losses = deque((each.to(device) for each in self._losses), maxlen=MEMORY)

    def rest(self) -> None:
        """Leave a GPU to others until the training goes on."""
        if self.device.type != "cpu":
            self.move(torch.device("cpu"))
            give_back_memory()

    @property
    def step(self) -> int:
        """Steps taken."""
        return self._descent.steps

    @property
    def squares(self) -> NDArray[np.float64] | None:
        """Squared errors ``(pixels,)`` of the best model on the held-out pixels."""
        return self._squares

    @property
    def loss(self) -> float:
        """Mean squared error of the pixels that the last steps hid, in intensity squared.

        It is told as a share of what the mean of the neighbours makes of the same pixels, times
        what that makes of the held-out ones, so that it does not depend on where the crops lay and
        may be compared with the score. NaN before the first step.
        """
        if not self._losses:
            return nan
        own, plain = torch.stack(tuple(self._losses)).mean(0).cpu().double()
        share = own / torch.maximum(plain, LEAST * self._plain).clamp(min=1e-30)
        return float((share * self._plain * torch.from_numpy(self.material.scale.variance)).mean())

    def learn(self, done: float) -> None:
        """Take one step, at the learning rate for a share of the budget."""
        method = self._method
        first, size = self.step, (self._batch(), self._crop)
        drawn = self.material.draw(*size, method.turns, self._places, first)
        crop, blocked, also = (each.to(self.device) for each in drawn)
        unseen = blocked.all(1, keepdim=True)
        hidden = method.draw(tuple(unseen.shape), self._generator)
        shown = method.show(crop, hidden, unseen, also, self._generator)
        counted = hidden & ~blocked
        found = self._descent.step(Crops(shown, target=crop, counted=counted), done)
        if self.material.structure is not None:  # the others were drawn by it
            even = slice(first % 2, None, 2)
            crop, blocked, counted, found = (each[even] for each in (crop, blocked, counted, found))
        if len(crop):
            both = found, mean_around(crop, blocked)
            self._losses.append(torch.stack([channel_losses(each, crop, counted) for each in both]))

    def score(self, ends: bool = False) -> Model:
        """Score the averaged weights on the held-out pixels, and keep them if they deserve it.

        Those that score best do; where a training ends and steps have become small, the last,
        unless the best is better by more than chance explains.
        """
        if self._losses:
            self._losses[-1].cpu()  # waits for a GPU to have done what it was given
        begin = self.schedule.seconds
        squares = self._squared_errors()
        spent = self.schedule.seconds - begin
        self._cost = min(self._cost, spent)  # the first score is slower than all others
        after = self._after + self._weighing * self._weighs()
        once = self._cost * self._applying
        self.schedule.scored(spent, once, self._cost * after, self._passes)
        weights = self._descent.average.state_dict().items()
        self.last = Model(
            settings=self.settings,
            channels=self.material.channels,
            ndim=self.material.ndim,
            scale=self.material.scale,
            context=self.material.context,
            guides=self.material.guide_scale,
            weights={name: each.detach().cpu().clone() for name, each in weights},
            step=self.step,
            score=score(squares),
            turns=self.schedule.turns,
            passes=self.schedule.passes,
            paired=self.material.paired,
            baseline_error=min((each.score.loss for each in self.baselines), default=nan),
        )
        if not isfinite(self.last.score.loss):
            raise SettingsError("The training diverged; choose a smaller learning rate.")
        aimed_at = not self.material.paired or LOSSES[self.settings.loss].squared
        best = self._least is None or squares.mean() < self._least.mean()
        if best:
            self._least = squares
        assert self._least is not None
        level = ends and not improved(squares, self._least, LUCK)
        if best or level or not aimed_at:
            self.best, self._squares = self.last, squares
        return self.last

    def weigh(self) -> None:
        """Ask the held-out pixels what non-local Bayes is to count beside the best."""
        material = self.material
        if not (self.best and self._weighing and self._weighs()):
            return
        shape = material.beside.shape[1], material.guides.shape[1]
        method = self.best.method(*shape, self.device)
        errors, apart = [], []
        names = "windows", "held_out", "missing", "also"
        for x, held_out, missing, also in zip(
            *(getattr(material, name).cpu().split(1) for name in names), strict=True
        ):
            hidden, seed = missing.all(1, keepdim=True) | held_out, self.settings.seed
            found = finish(
                predict(method, x, hidden, also, TILE, self.device, invariant=False, seed=seed)
            )
            noisy, picture, grouped = (
                pick(each.numpy(), held_out.numpy()) for each in (x, found.picture, found.grouped)
            )
            errors.append(noisy - picture)
            apart.append(grouped - picture)
        channels = np.concatenate(errors).T, np.concatenate(apart).T
        shares = (best_share(*each, NONLOCAL_WEIGHT, DOUBT) for each in zip(*channels, strict=True))
        self.best = replace(self.best, nonlocal_weight=tuple(shares))

    def _weighs(self) -> bool:
        return self.schedule.affords(self._cost * self._weighing)

    def improved(self) -> bool:
        """Whether the best got better by more than chance explains since this was last asked."""
        before, self._before = self._before, self._squares
        return before is None or self._squares is None or improved(before, self._squares)

    def leave_missing(self) -> None:
        """Let its models leave pixels without a value as they are, where they are applied."""
        self.settings = replace(self.settings, nan_policy="omit")
        self.best, self.last = (
            each and replace(each, settings=self.settings) for each in (self.best, self.last)
        )

    def shrink(self) -> bool:
        """Make steps smaller, as memory ran short; whether there was anything left to halve.

        Fewer crops, then smaller ones, then the processor instead of a GPU.
        """
        self._descent.forget()
        self.shrunk = True
        if self._batch() > 1:
            self._most = self._batch() // 2
        elif self._crop > SMALLEST_CROP:
            self._crop //= 2
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
            first = self.step < FIRST_STEPS and self._descent.steep
            usual = FIRST_BATCH if first else BATCH
        if self.settings.volume:  # as many voxels as the squares would have
            voxels = prod(min(self._crop, size) for size in self.material.x.shape[2:])
            usual = max(1, usual * self.settings.patch_size**2 // voxels)
        return min(self._most, self.settings.batch_size or usual)

    @torch.inference_mode()
    def _squared_errors(self) -> NDArray[np.float64]:
        material, method = self.material, self._method
        generator = torch.Generator(self.device).manual_seed(self.settings.seed)
        gone = material.missing.all(1, keepdim=True)
        shown = method.show(material.windows, material.held_out, gone, material.also, generator)
        parts = (
            self._descent.average(prefer_layout(each)) for each in torch.split(shown, AT_A_TIME)
        )
        output = method.mean(torch.cat(list(parts))).cpu().numpy()
        held_out = material.held_out.cpu().numpy()
        noisy = pick(material.windows.cpu().numpy(), held_out)
        return squared_errors(pick(output, held_out), noisy, material.scale.variance)
