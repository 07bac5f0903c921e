"""When things happen in a training: how much of the budget is used, and what is due."""

from __future__ import annotations

import time
from math import ceil

from napari_n2s.ideas.settings import Settings

SCORES = 20
"""How often the held-out pixels are scored, at least."""
SCORE_COST = 0.06
"""Share of the time that scoring may take in a training of a given time."""
PAUSE = 0.1
"""Seconds between two snapshots, at least."""


class Clock:
    """Counts a budget in seconds or in steps.

    In steps, everything that touches the result depends on the step alone, so that two runs are
    equal.

    Parameters
    ----------
    settings : Settings
    started : float
        When the user asked, on the monotonic clock.
    nothing_to_learn : bool
        Stop after the first step.
    """

    def __init__(self, settings: Settings, started: float, nothing_to_learn: bool) -> None:
        self._steps = 1 if nothing_to_learn else settings.steps
        self._budget = settings.seconds
        self._started = started
        self._next_score = self._next_snapshot = 0.0

    @property
    def seconds(self) -> float:
        """Time since the user asked."""
        return time.monotonic() - self._started

    def done(self, step: int) -> float:
        """Share of the budget used after a step, 0 to 1."""
        if step == 1:
            self.scored(cost=0)  # what a single step has learnt is not worth a score
        return min(1.0, step / self._steps if self._steps else self.seconds / self._budget)

    def score_due(self, step: int, done: float) -> bool:
        """Whether to score now; always at the end."""
        if done >= 1:
            return True
        if self._steps:
            return step % ceil(self._steps / SCORES) == 0
        return self.seconds >= self._next_score

    def scored(self, cost: float) -> None:
        """Note that the pixels were scored, at a cost in seconds."""
        longest = self._budget / SCORES
        self._next_score = self.seconds + min(max(1.0, cost / SCORE_COST), longest)

    def snapshot_due(self) -> bool:
        """Whether enough time has passed since the last snapshot; if so, count from now."""
        if self.seconds < self._next_snapshot:
            return False
        self._next_snapshot = self.seconds + PAUSE
        return True
