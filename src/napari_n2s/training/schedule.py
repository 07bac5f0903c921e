"""Schedule of a training: its budget in seconds or steps, scores, snapshots and inference time."""

from __future__ import annotations

import time
from math import ceil, prod
from typing import NamedTuple

from napari_n2s.core.settings import Settings
from napari_n2s.inference.tile_size import TILE
from napari_n2s.inference.tiling import RESPONSE_SIDE, count_passes, divide
from napari_n2s.methods.base import Method
from napari_n2s.methods.masked import MaskedMethod
from napari_n2s.methods.nonlocal_bayes import is_applicable
from napari_n2s.training.training_data import TrainingData

SCORES = 20
"""Number of times that the held-out pixels are scored, if that is not more than once a second."""
SCORE_SHARE = 0.04
"""Maximum fraction of the time that scoring takes, for a budget in seconds."""
MIN_SCORE_PAUSE = 1.0
"""Minimum time between two scores in seconds."""
MIN_STEPS = 10
"""Number of steps that any budget allows, before which scoring is not worth its time."""
EARLY = tuple(30 * 2**i for i in range(20))
"""Steps at which a training with a budget in steps is scored additionally."""
PAUSE = 0.1
"""Minimum time between two snapshots in seconds."""
TURNS = (8, 4, 2, 1)
"""Numbers of orientations for test-time augmentation that may be chosen."""
MIN_TURNS = 2
"""Number of orientations below which all pixels are hidden at once first. Mean loss over ten images
in dB, for 8, 2 and 1 orientations: 0, 0.02, 0.05; with all pixels hidden at once 0.03, 0.05, 0.07.
"""
AUGMENTATION_SHARE = 0.1
"""Maximum fraction of the budget for test-time augmentation."""
TRIAL_STEPS, TRIALS = 60, 20
"""Maximum number of steps of a trial, and number of trials that would use up the budget."""
INFERENCE_SHARE = 0.65
"""Maximum fraction of the budget that is reserved for inference."""
PASSES_SHARE = 0.4
"""Maximum fraction of the budget for the passes of 𝒥-invariant inference with masks, as far as
their number can be reduced."""
NONLOCAL_PASSES = 8
"""Duration of combining predictions and of non-local Bayes, for a channel, in passes of the network
over the image: 7.5 for 512², on two cores."""
WEIGHING_SHARE = 0.08
"""Maximum fraction of the time for estimating the weight of non-local Bayes. With a budget of 20 s,
`camera` had 29.66 dB without and 29.74 dB with it."""
WEIGHING = 2.0
"""Duration of processing the windows of the held-out pixels one by one, relative to an image as
large as all of them together."""


class Costs(NamedTuple):
    """Durations, in those of scoring the held-out pixels once.

    Attributes
    ----------
    inference : float
        Applying the network to the image in one orientation.
    combining : float
        Combining predictions, and non-local Bayes on the result; 0 where there is neither.
    weighing : float
        Estimating the weight of non-local Bayes; 0 where it is not estimated.
    passes : tuple of int
        Passes over the image, at most and at least, that inference consists of.
    all_hidden : float
        Duration of inference with all pixels hidden at once, relative to `inference`; 1 if that is
        impossible.
    """

    inference: float
    combining: float
    weighing: float
    passes: tuple[int, int]
    all_hidden: float


def costs_of(method: Method, data: TrainingData, settings: Settings) -> Costs:
    """Estimate the durations for a method, an image and its settings."""
    tile = divide(tuple(data.x.shape[2:]), TILE**2)
    halos = prod(1 + 2 * method.network.halo / side for side in tile)
    passes = fewest = count_passes(method, data.ndim, settings.invariant)
    if settings.invariant and isinstance(method, MaskedMethod):
        fewest = method.with_fewer_masks(1, data.ndim).count_masks(data.ndim)
    combined = method.combines_predictions and not settings.invariant
    probed = min(1.0, RESPONSE_SIDE**2 / prod(data.x.shape[2:]))
    two_dimensional = is_applicable(tuple(data.windows.shape[2:])) and not data.constant
    refined = method.refines and not settings.invariant and two_dimensional
    after = combined * 2 * probed * halos + refined * NONLOCAL_PASSES
    weighed = refined and method.combines_predictions
    return Costs(
        inference=halos * passes / data.fraction_in_windows,
        combining=after / data.fraction_in_windows,
        weighing=WEIGHING
        * weighed
        * (count_passes(method, data.ndim, invariant=False) + NONLOCAL_PASSES),
        passes=(passes, fewest),
        all_hidden=2 / passes if combined else 1.0,
    )


class Schedule:
    """Budget of a training, in steps or in seconds from the creation of this object to the result.

    With a budget in steps, all decisions that influence the result depend on the step alone, so
    that results are reproducible.

    Attributes
    ----------
    turns : int
        Number of orientations for test-time augmentation that the budget allows.
    passes : int or None
        Number of passes for 𝒥-invariant inference that the budget allows; None for all.
    """

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._next_snapshot = 0.0

    def set_budget(
        self, settings: Settings, nothing_to_learn: bool, max_steps: int | None = None
    ) -> None:
        """Set the budget; with nothing to learn, a single step.

        A budget in seconds ends early after `max_steps`, if given.
        """
        self._steps = 1 if nothing_to_learn else settings.steps
        self._max_steps = max_steps
        self._budget = settings.seconds
        self._next_score = min(MIN_SCORE_PAUSE, self._budget / SCORES)
        self._reserved = self._done = 0.0
        self._begun: float | None = None
        self.turns = TURNS[0]
        self.passes: int | None = None

    @property
    def seconds(self) -> float:
        """Time since creation in seconds, without excluded times."""
        return time.monotonic() - self._started

    def begin(self) -> None:
        """Mark the beginning of the training, once; earlier time does not count as progress."""
        if self._begun is None:
            self._begun, self._done = self.seconds, 0.0

    @property
    def begun(self) -> float:
        """Time at the beginning of the training in seconds."""
        return self._begun or 0.0

    def exclude(self, seconds: float) -> None:
        """Exclude a pause in seconds from the time."""
        self._started += seconds

    def extend(self) -> None:
        """Double the budget."""
        if self._steps:
            self._steps *= 2
        if self._max_steps:
            self._max_steps *= 2
        self._budget *= 2
        self._done = 0.0

    def done(self, step: int) -> float:
        """Return the fraction of the training budget used after a step, 0 to 1."""
        if self._steps:
            return min(1.0, step / self._steps)
        if step >= MIN_STEPS:
            left = self._budget - self._reserved - self.begun
            share = (self.seconds - self.begun) / left if left > 0 else 1.0
            if self._max_steps:
                share = max(share, step / self._max_steps)
            self._done = min(1.0, max(self._done, share))
        return self._done

    def score_due(self, step: int, done: float) -> bool:
        """Whether to score the held-out pixels now; always at the end."""
        if done >= 1:
            return True
        if self._steps:
            return step % ceil(self._steps / SCORES) == 0 or step in EARLY
        return self.seconds >= self._next_score and step >= MIN_STEPS

    def scored(
        self,
        cost: float,
        once: float,
        after: float = 0.0,
        passes: tuple[int, int] = (1, 1),
        all_hidden: float = 1.0,
    ) -> None:
        """Record a score and plan the time for inference from its cost.

        Parameters
        ----------
        cost : float
            Time that scoring took, in seconds.
        once : float
            Estimated time of inference in one orientation with all passes, in seconds.
        after : float
            Estimated time of further processing, which is independent of orientations.
        passes : tuple of int
            Maximum and minimum number of passes. The number of passes is reduced first, then that
            of orientations.
        all_hidden : float
            Duration of inference with all pixels hidden at once, relative to `once`. If shorter,
            this is chosen after the number of orientations has been reduced to `MIN_TURNS`.
        """
        longest = max(MIN_SCORE_PAUSE, self._budget / SCORES)
        self._next_score = self.seconds + min(max(MIN_SCORE_PAUSE, cost / SCORE_SHARE), longest)
        if not self._steps:
            most, fewest = passes
            affordable = int(most * min(1.0, PASSES_SHARE * self._budget / max(once, 1e-9)))
            self.passes = None if most == fewest else max(fewest, affordable)
            once *= (self.passes or most) / most
            options = [(turns, 1.0) for turns in TURNS]
            if all_hidden < 1:
                several = [each for each in options if each[0] >= MIN_TURNS]
                options = [*several, (MIN_TURNS, all_hidden), (TURNS[-1], all_hidden)]
            self.turns, share = next(
                (
                    each
                    for each in options
                    if prod(each) * once <= AUGMENTATION_SHARE * self._budget
                ),
                options[-1],
            )
            if share < 1:
                self.passes = 1
            needed = self.turns * share * once + after
            # The further inference exceeds the budget, the less it helps to reserve some of it.
            helps = self._budget / max(needed, self._budget)
            self._reserved = min(needed, INFERENCE_SHARE * self._budget * helps)

    def affords(self, seconds: float) -> bool:
        """Whether there is time for estimating the weight of non-local Bayes."""
        return bool(self._steps) or seconds <= WEIGHING_SHARE * self._budget

    def trial_done(self, step: int, since: float) -> bool:
        """Whether a trial that started at `since` has used its budget."""
        if self._steps:
            return step >= min(TRIAL_STEPS, self._steps // TRIALS)
        return step >= TRIAL_STEPS or self.seconds - since >= self._budget / TRIALS

    def snapshot_due(self) -> bool:
        """Whether a snapshot is due; if so, reset the time of the last one."""
        if self.seconds < self._next_snapshot:
            return False
        self._next_snapshot = self.seconds + PAUSE
        return True
