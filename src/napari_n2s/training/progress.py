"""Where the work stands: snapshots that nothing changes later, cheap to hand to another thread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_n2s.filters.baselines import Baseline
from napari_n2s.preparation.held_out import Score

if TYPE_CHECKING:
    from napari_n2s.inference.model import Model
    from napari_n2s.training.trainer import Trainer


@dataclass(frozen=True)
class Progress:
    """Where a training stands.

    Attributes
    ----------
    step : int
        Steps taken.
    seconds : float
        Time since the training was started.
    begun : float
        Time until its first step, for what must be known before.
    done : float
        Share of the budget used, 0 to 1.
    loss : float
        Mean squared error of the pixels that the last hundred steps hid, in the image's intensity
        squared, brought to the scale of the score; NaN before the first step.
    score : Score or None
        The error on the held-out pixels, if it was measured at this step.
    best, last : Model
        The model to keep if it ended here, and the one scored last.
    baselines : tuple of Baseline
        What there is to beat: a donut median and a donut blur, on the same held-out pixels.
    trainer : Trainer
        What `resume` needs. It changes with every step.
    """

    step: int
    seconds: float
    begun: float
    done: float
    loss: float
    score: Score | None
    best: Model
    last: Model
    baselines: tuple[Baseline, ...]
    trainer: Trainer

    @property
    def seconds_left(self) -> float | None:
        """Time until the budget is used, at the pace so far; None if nobody can know."""
        if self.best.settings.converge or not self.done:
            return None
        return (self.seconds - self.begun) * (1 / self.done - 1)


def leave_missing(progress: Progress) -> Progress:
    """Let what was learnt be applied to images with pixels that are NaN or infinite, too."""
    trainer = progress.trainer
    trainer.leave_missing()
    assert trainer.best is not None
    assert trainer.last is not None
    return replace(progress, best=trainer.best, last=trainer.last)
