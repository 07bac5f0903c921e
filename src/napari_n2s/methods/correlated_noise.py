"""What follows for a training if the noise of neighbouring pixels is correlated."""

from __future__ import annotations

from dataclasses import replace

from napari_n2s.core.settings import Settings
from napari_n2s.methods.traits import traits_of
from napari_n2s.noise.correlation import choose_blind_spot
from napari_n2s.preparation.prepared import PreparedImage

MASKED = (
    "A network trained with masks takes such noise for structure, and it stays in the result; "
    "choose the network donut."
)


def adapt_to_noise(settings: Settings, prepared: PreparedImage) -> tuple[Settings, tuple[str, ...]]:
    """Choose the blind-spot radius for the noise of an image, if it was left out.

    Parameters
    ----------
    settings : Settings
    prepared : PreparedImage

    Returns
    -------
    tuple of Settings and tuple of str
        The settings with a radius along each axis of space, and what the user should know.
    """
    if settings.blind_spot_radius is not None:
        return settings, ()
    choice = choose_blind_spot(prepared)
    if not traits_of(settings).blind_spot:
        return settings, ((f"{choice.cause} {MASKED}",) if any(choice.radius) else ())
    radius = (0,) * (prepared.x.ndim - 4) + choice.radius
    findings = (f"{choice.cause} {choice.consequence}",) if choice.cause else ()
    return replace(settings, blind_spot_radius=radius), findings
