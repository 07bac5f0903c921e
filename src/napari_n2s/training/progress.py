"""Progress of a training: immutable snapshots, cheap to pass to another thread."""

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
    """A snapshot of a training.

    Attributes
    ----------
    step : int
        Number of steps taken.
    seconds : float
        Time since the start, in seconds.
    begun : float
        Time from the start to the first step, spent on preparation, in seconds.
    done : float
        Fraction of the budget used, 0 to 1.
    loss : float
        Training loss: mean squared error of the hidden pixels over the last hundred steps, in
        squared intensity units and on the scale of the score; NaN before the first step.
    score : Score or None
        Error on the held-out pixels, if measured at this step.
    best, last : Model
        The model to keep if the training ended here, and the model scored last.
    baselines : tuple of Baseline
        A donut median and a donut Gaussian filter, scored on the same held-out pixels.
    trainer : Trainer
        State for `resume`; unlike the snapshot it changes with every step.
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
        """Estimated time until the budget is used, in seconds; None if unknown."""
        if self.best.settings.converge or not self.done:
            return None
        return (self.seconds - self.begun) * (1 / self.done - 1)


def leave_missing(progress: Progress) -> Progress:
    """Allow the models of a training to be applied to images with missing pixels."""
    trainer = progress.trainer
    trainer.leave_missing()
    assert trainer.best is not None
    assert trainer.last is not None
    return replace(progress, best=trainer.best, last=trainer.last)
