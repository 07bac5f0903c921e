"""When things happen in a training: how much of the budget is used, and what is due."""

from __future__ import annotations

import time
from math import ceil

from napari_n2s.core.settings import Settings

SCORES = 20
"""How often the held-out pixels are scored, if that is not more than once a second."""
SCORE_COST = 0.04
"""Share of the time that scoring may take in a training of a given time."""
SECOND = 1.0
"""Seconds between two scores, at least."""
FEWEST = 10
"""Steps before which a network has learnt nothing worth a score, and that any budget allows."""
EARLY = tuple(30 * 2**i for i in range(20))
"""Steps at which a long training of a given number of steps is scored besides."""
PAUSE = 0.1
"""Seconds between two snapshots, at least."""
TURNS = (8, 4, 2, 1)
TURNING = 0.1
"""Share of the budget that averaging over flips and turns may take."""
TRIAL, TRIALS = 60, 20
"""Steps of a trial at most, and how many of them would fill the budget."""
APPLYING = 0.65
"""Share of the budget that is kept for applying the network, at most."""
PASSING = 0.4
"""Share of it that passes in which pixels are hidden in turn may take, as far as fewer will do."""


class Schedule:
    """Counts a budget in seconds or in steps: in seconds, from when it is made to the result.

    In steps, everything that touches the result depends on the step alone, so that two runs are
    equal.
    """

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._next_snapshot = 0.0

    def plan(self, settings: Settings, nothing_to_learn: bool) -> None:
        """Set the budget; with nothing to learn, stop after the first step."""
        self._steps = 1 if nothing_to_learn else settings.steps
        self._budget = settings.seconds
        self._next_score = min(SECOND, self._budget / SCORES)
        self._kept = self._done = 0.0
        self._begun: float | None = None
        self.turns = TURNS[0]
        self.passes: int | None = None  # all that there are

    @property
    def seconds(self) -> float:
        """Time since it was made."""
        return time.monotonic() - self._started

    def begin(self) -> None:
        """Count the training from now, if it has not begun: what came before has had its part."""
        if self._begun is None:
            self._begun, self._done = self.seconds, 0.0

    @property
    def begun(self) -> float:
        """Seconds that had passed when the training began."""
        return self._begun or 0.0

    def skip(self, seconds: float) -> None:
        """Leave out a time in which nothing was done."""
        self._started += seconds

    def extend(self) -> None:
        """Go on for as long again as until now."""
        if self._steps:
            self._steps *= 2
        self._budget *= 2
        self._done = 0.0

    def done(self, step: int) -> float:
        """Share of the budget for training used after a step, 0 to 1."""
        if self._steps:
            return min(1.0, step / self._steps)
        if step >= FEWEST:
            left = self._budget - self._kept - self.begun
            share = (self.seconds - self.begun) / left if left > 0 else 1.0
            self._done = min(1.0, max(self._done, share))
        return self._done

    def score_due(self, step: int, done: float) -> bool:
        """Whether to score now; always at the end."""
        if done >= 1:
            return True
        if self._steps:
            return step % ceil(self._steps / SCORES) == 0 or step in EARLY
        return self.seconds >= self._next_score and step >= FEWEST

    def scored(
        self, cost: float, once: float, after: float = 0.0, passes: tuple[int, int] = (1, 1)
    ) -> None:
        """Note that the pixels were scored, at a cost in seconds.

        From what it costs to apply the network once follows over how many flips and turns it can
        afford to average; what comes after that is done once. Applying it once takes so many
        passes at most and at least: how many of them it can afford follows first.
        """
        longest = max(SECOND, self._budget / SCORES)
        self._next_score = self.seconds + min(max(SECOND, cost / SCORE_COST), longest)
        if not self._steps:
            every, fewest = passes
            afforded = int(every * min(1.0, PASSING * self._budget / max(once, 1e-9)))
            self.passes = max(fewest, afforded)
            once *= self.passes / every
            self.turns = next((n for n in TURNS if n * once <= TURNING * self._budget), TURNS[-1])
            needed = self.turns * once + after
            # The longer applying takes than all there is, the less a little of it helps.
            helps = self._budget / max(needed, self._budget)
            self._kept = min(needed, APPLYING * self._budget * helps)

    def affords(self, seconds: float) -> bool:
        """Whether there is time for what is not needed: for no more than scoring may take."""
        return bool(self._steps) or seconds <= SCORE_COST * self._budget

    def tried(self, step: int, since: float) -> bool:
        """Whether a trial since a time has come as far as it may."""
        if self._steps:
            return step >= min(TRIAL, self._steps // TRIALS)
        return step >= TRIAL or self.seconds - since >= self._budget / TRIALS

    def snapshot_due(self) -> bool:
        """Whether enough time has passed since the last snapshot; if so, count from now."""
        if self.seconds < self._next_snapshot:
            return False
        self._next_snapshot = self.seconds + PAUSE
        return True
