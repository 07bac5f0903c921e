"""What follows for a training if the noise of neighbouring pixels is correlated."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from napari_n2s.core.settings import Settings
from napari_n2s.methods.traits import traits_of
from napari_n2s.noise.correlation import choose_blind_spot
from napari_n2s.noise.recorruption import Recorruption, measure_recorruption
from napari_n2s.preparation.prepared import PreparedImage

MASKED = (
    "A network trained with masks takes such noise for structure, and it stays in the result; "
    "choose the network donut."
)
RECORRUPTED = (
    "The network is therefore trained on copies of the image to which such noise was added, and "
    "from which it was subtracted."
)
HIDDEN = "Each pixel is therefore predicted without those up to that distance."
TOO_SMALL = (
    "The image is too small to measure how its noise is correlated: each pixel is predicted from "
    "outside of the blind spot alone."
)


@dataclass(frozen=True)
class RadiusDoubt:
    """What the user should know about a blind-spot radius that was chosen.

    Attributes
    ----------
    findings : tuple of str
    alternative : tuple of int or None
        The radius along each axis of space that is right if the choice is wrong; None if the choice
        is certain, or was the user's.
    """

    findings: tuple[str, ...] = ()
    alternative: tuple[int, ...] | None = None


def choose_radius(settings: Settings, prepared: PreparedImage) -> tuple[Settings, RadiusDoubt]:
    """Choose the blind-spot radius for the noise of an image, if it was left out.

    Returns
    -------
    tuple of Settings and RadiusDoubt
        The settings with a radius along each axis of space, and what the user should know.
    """
    if settings.blind_spot_radius is not None:
        return settings, RadiusDoubt()
    choice = choose_blind_spot(prepared)
    if not traits_of(settings).blind_spot:
        return settings, RadiusDoubt((f"{choice.cause} {MASKED}",) if any(choice.radius) else ())
    slices = (0,) * (prepared.x.ndim - 4)
    radius = slices + choice.radius
    found = replace(settings, blind_spot_radius=radius)
    told = [choice.cause, choice.advice]
    if any(radius):
        told.insert(1, RECORRUPTED if traits_of(found).recorrupts else HIDDEN)
    return found, RadiusDoubt(
        tuple(filter(None, [" ".join(filter(None, told))])),
        None if choice.alternative is None else slices + choice.alternative,
    )


def measure_noise(
    settings: Settings, prepared: PreparedImage
) -> tuple[Settings, tuple[str, ...], Recorruption | None]:
    """Measure the noise of an image, if the settings say that it is correlated.

    Returns
    -------
    tuple of Settings, tuple of str, and Recorruption or None
        Settings by which the image can be trained on, what the user should know, and the noise if
        the method needs it.
    """
    if not traits_of(settings).recorrupts:
        return settings, (), None
    radius = settings.radius_along(prepared.x.ndim - 2)
    if noise := measure_recorruption(prepared.x, prepared.missing, radius):
        return settings, (), noise
    return replace(settings, invariant=True), (TOO_SMALL,), None


def recorrupt(prepared: PreparedImage, noise: Recorruption) -> tuple[PreparedImage, PreparedImage]:
    """Recorrupt an image for scores: the target, and what it is predicted from."""
    generator = torch.Generator().manual_seed(0)
    x = torch.from_numpy(prepared.x)
    pairs = [noise.apply(each[None], generator) for each in x]
    seen, target = (torch.cat(each).numpy() for each in zip(*pairs, strict=True))
    added: np.ndarray = target - prepared.x
    return replace(prepared, x=target, added_noise=added), replace(prepared, x=seen)
