"""Compatibility of a model with an image that it was not trained on, tested on held-out pixels.

A network is trained on an image of mean 0 and standard deviation 1. Another recording may have
another offset and gain: it is normalised by its own mean and standard deviation if that predicts
its held-out pixels better. The quality of the prediction is compared with that of a median filter.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray

from napari_n2s.images.scale import Scale
from napari_n2s.preparation.held_out import Score, improved, score

STANDARD_ERRORS = 2.0
"""Standard errors by which one prediction must be better than another."""
MAX_GROWTH = 1.25
"""Factor by which the error relative to a filter's may grow from the training image to another."""
MAX_RELATIVE_ERROR = 1.2
"""Error relative to that of the image's mean from which on a model is rejected."""
MAX_REPORTED = 1000
"""Maximum error relative to the filter's that is reported as a number."""
SAME_TOLERANCE = 1e-6
"""Relative difference up to which two normalisations are taken for that of the same image."""


@dataclass(frozen=True)
class Fit:
    """Compatibility of a model with an image.

    Attributes
    ----------
    adapted : bool
        Whether the image is normalised by its own mean and standard deviation.
    finding : str
        A sentence on that; empty if not adapted.
    doubt : str
        Warnings about the result, in sentences; empty if there are none.
    refusal : str
        Reason to reject the model, a sentence; empty if it may be applied.
    """

    adapted: bool = False
    finding: str = ""
    doubt: str = ""
    refusal: str = ""

    @property
    def findings(self) -> tuple[str, ...]:
        """Finding and warnings, as far as there are any."""
        return tuple(each for each in (self.finding, self.doubt) if each)


@dataclass(frozen=True)
class Trial:
    """Errors of a model on the held-out pixels of another image.

    Attributes
    ----------
    as_trained, adapted : ndarray, shape (pixels,)
        Squared errors with the normalisation of the training image, and with the image's own.
    baseline : Score
        Lowest error of the baseline filters.
    mean : float
        Error of predicting each channel's mean.
    home : float
        The model's error relative to that of the baseline on its training image; NaN if unknown.
    """

    as_trained: NDArray[np.float64]
    adapted: NDArray[np.float64]
    baseline: Score
    mean: float
    home: float


def same_scale(one: Scale, two: Scale) -> bool:
    """Whether two normalisations are equal in every channel, as those of the same image are."""
    tolerance = SAME_TOLERANCE * np.maximum(
        np.abs(one.spread), np.abs(two.spread)
    ) + SAME_TOLERANCE * np.abs(one.shift)
    difference = np.maximum(np.abs(one.shift - two.shift), np.abs(one.spread - two.spread))
    return bool((difference <= tolerance).all())


def adapted_scale(trained: Scale, own: Scale) -> Scale:
    """Return an image's own normalisation, with spread 0 for channels constant in training."""
    return Scale(own.shift, np.where(trained.spread > 0, own.spread, 0))


def judge(trained: Scale, own: Scale, trial: Trial | None) -> Fit:
    """Judge the compatibility of a model with an image.

    Parameters
    ----------
    trained, own : Scale
        Normalisations of the training image and of the image.
    trial : Trial or None
        None if no pixel can be predicted blindly: the normalisation is not adapted then.

    Returns
    -------
    Fit
    """
    constant = (trained.spread == 0) & (own.spread > 0)
    if constant.all():
        return Fit(
            refusal="The training image is constant, so that nothing was learned from it; train on "
            "this image, or on a part of it that has structure."
        )
    kept = _describe_kept(np.flatnonzero(constant))
    if trial is None:
        return Fit(doubt=kept)
    adapts = improved(trial.as_trained, trial.adapted, STANDARD_ERRORS)
    found = score(trial.adapted if adapts else trial.as_trained)
    ratio = found.loss / max(trial.baseline.loss, 1e-30)
    grew = ratio > MAX_GROWTH * (1.0 if isnan(trial.home) else trial.home)
    if (
        grew
        and trial.mean
        and found.loss - STANDARD_ERRORS * found.error > MAX_RELATIVE_ERROR * trial.mean
    ):
        return Fit(
            refusal="The model does not suit this image: on its held-out pixels the squared error "
            f"is {found.loss / trial.mean:.2g} times that of the mean of the image. Train on this "
            "image, or on one that was recorded in the same way."
        )
    doubts = [kept] if kept else []
    chance = STANDARD_ERRORS * np.hypot(found.error, trial.baseline.error)
    if grew and found.loss > trial.baseline.loss + chance:
        doubts.append(_describe_worse(ratio, trial.home))
    return Fit(adapts, _describe_scale(trained, own) if adapts else "", " ".join(doubts))


def _describe_worse(ratio: float, home: float) -> str:
    times = f"more than {MAX_REPORTED}" if ratio > MAX_REPORTED else f"{ratio:.2g}"
    where = "" if isnan(home) else f" ({home:.2g} times on its training image)"
    return (
        "The model suits this image badly: on its held-out pixels the squared error is "
        f"{times} times that of a median or blur{where}. Train on this image, or filter it."
    )


def _describe_kept(channels: NDArray[np.intp]) -> str:
    if not channels.size:
        return ""
    if channels.size == 1:
        which = f"Channel {channels[0]} was"
        rest = "it: it is returned unchanged."
    else:
        which = f"Channels {', '.join(map(str, channels))} were"
        rest = "them: they are returned unchanged."
    return f"{which} constant in the training image, so that nothing was learned about {rest}"


def _describe_scale(trained: Scale, own: Scale) -> str:
    def as_text(scale: Scale) -> str:
        pairs = zip(scale.shift, scale.spread, strict=True)
        return ", ".join(f"{shift:.4g} ± {spread:.3g}" for shift, spread in pairs)

    return (
        f"The image has other intensities (mean and deviation {as_text(own)}) than the training "
        f"image ({as_text(trained)}); it was normalised by its own, which predicts its held-out "
        "pixels better."
    )
