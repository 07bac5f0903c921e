"""Whether what was learnt from one image suits another: judged by pixels that nobody has seen.

A network knows an image on a scale of mean 0 and deviation 1. Another recording may have another
offset and gain: then it is brought to that scale by its own mean and deviation, if held-out pixels
are predicted better so. What the prediction is worth there is told by a median on the same pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray

from napari_n2s.images.scale import Scale
from napari_n2s.preparation.held_out import Score, improved, score

SURE = 2.0
"""Standard errors by which one prediction must be better than another."""
WORSE = 1.25
"""By how much the error, in those of the median, may grow from where it was learnt to elsewhere."""
WORTHLESS = 1.2
"""Error from which on a prediction is refused, in those of the image's own mean."""
MOST = 1000
"""Beyond so many times the error of the median, the number says nothing more."""
SAME = 1e-6
"""How near the scales of two images are if they are one, as a share of the deviation."""


@dataclass(frozen=True)
class Fit:
    """How a model suits an image.

    Attributes
    ----------
    adapted : bool
        Whether the image is brought to the model's scale by its own mean and deviation.
    finding : str
        What was done, a sentence; empty if nothing was.
    doubt : str
        What the user must know of the result, in sentences; empty if nothing.
    refusal : str
        Why there is to be no result, a sentence; empty if there may be one.
    """

    adapted: bool = False
    finding: str = ""
    doubt: str = ""
    refusal: str = ""

    @property
    def findings(self) -> tuple[str, ...]:
        """All that is to be said of the result."""
        return tuple(each for each in (self.finding, self.doubt) if each)


@dataclass(frozen=True)
class Trial:
    """What a model makes of the held-out pixels of another image.

    Attributes
    ----------
    as_learnt, adapted : ndarray, shape (pixels,)
        Squared errors on the scale learnt from, and on the image's own.
    median : Score
        The least error of a simple filter there.
    mean : float
        The error of each channel's mean.
    home : float
        The model's error in those of the simple filter, where it learnt; NaN if not known.
    """

    as_learnt: NDArray[np.float64]
    adapted: NDArray[np.float64]
    median: Score
    mean: float
    home: float


def same_scale(one: Scale, two: Scale) -> bool:
    """Whether two images have the same mean and deviation in every channel: if they are one."""
    near = SAME * np.maximum(np.abs(one.spread), np.abs(two.spread)) + SAME * np.abs(one.shift)
    apart = np.maximum(np.abs(one.shift - two.shift), np.abs(one.spread - two.spread))
    return bool((apart <= near).all())


def adapted_scale(learnt: Scale, own: Scale) -> Scale:
    """Give an image's own scale; of a channel that was constant nothing is known: spread 0."""
    return Scale(own.shift, np.where(learnt.spread > 0, own.spread, 0))


def judge(learnt: Scale, own: Scale, trial: Trial | None) -> Fit:
    """Judge how a model that learnt on one scale suits an image that has another.

    Parameters
    ----------
    learnt, own : Scale
    trial : Trial or None
        None where no pixel can be predicted without being seen: the scale learnt from stands.
    """
    blank = (learnt.spread == 0) & (own.spread > 0)
    if blank.all():
        return Fit(
            refusal="What was learnt from is the same everywhere, so that nothing is known of this "
            "image; train on this one, or on a part of it that shows something."
        )
    kept = _tell_kept(np.flatnonzero(blank))
    if trial is None:
        return Fit(doubt=kept)
    adapts = improved(trial.as_learnt, trial.adapted, SURE)
    found = score(trial.adapted if adapts else trial.as_learnt)
    ratio = found.loss / max(trial.median.loss, 1e-30)
    grew = ratio > WORSE * (1.0 if isnan(trial.home) else trial.home)
    if grew and trial.mean and found.loss - SURE * found.error > WORTHLESS * trial.mean:
        return Fit(
            refusal="What was learnt does not suit this image: on its held-out pixels the squared "
            f"error is {found.loss / trial.mean:.2g} times that of the mean of the image. Train on "
            "this one, or on one that was recorded in the same way."
        )
    doubts = [kept] if kept else []
    chance = SURE * np.hypot(found.error, trial.median.error)
    if grew and found.loss > trial.median.loss + chance:
        doubts.append(_tell_worse(ratio, trial.home))
    return Fit(adapts, _tell_scale(learnt, own) if adapts else "", " ".join(doubts))


def _tell_worse(ratio: float, home: float) -> str:
    times = f"more than {MOST}" if ratio > MOST else f"{ratio:.2g}"
    where = "" if isnan(home) else f" ({home:.2g} times where it was learnt)"
    return (
        "What was learnt suits this image badly: on its held-out pixels the squared error is "
        f"{times} times that of a median or blur{where}. Train on this one, or filter it."
    )


def _tell_kept(channels: NDArray[np.intp]) -> str:
    if not channels.size:
        return ""
    if channels.size == 1:
        which = f"Channel {channels[0]} was"
        rest = "it: it is handed back as it was."
    else:
        which = f"Channels {', '.join(map(str, channels))} were"
        rest = "them: they are handed back as they were."
    return (
        f"{which} the same everywhere in what was learnt from, so that nothing is known of {rest}"
    )


def _tell_scale(learnt: Scale, own: Scale) -> str:
    def told(scale: Scale) -> str:
        pairs = zip(scale.shift, scale.spread, strict=True)
        return ", ".join(f"{shift:.4g} ± {spread:.3g}" for shift, spread in pairs)

    return (
        f"The image has other intensities (mean and deviation {told(own)}) than what was learnt "
        f"from ({told(learnt)}); it was denoised on a scale of its own, which predicts its "
        "held-out pixels better."
    )
