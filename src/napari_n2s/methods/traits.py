"""Traits of a method that follow from the settings, derived in one place.

A blind spot wider than a pixel means that the noise of neighbouring pixels is correlated. Then the
posterior mean would bring back noise with the measured pixel, filters would see the noise of
held-out pixels in their neighbours, and noise would not average out over blocks of pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_n2s.core.settings import Settings


@dataclass(frozen=True)
class MethodTraits:
    """Traits of a method.

    Attributes
    ----------
    blind_spot : bool
        Whether the network has a blind spot by its architecture.
    uses_posterior : bool
        Whether the posterior mean given the measured pixel is used, which assumes noise that is
        independent from pixel to pixel.
    weighs_nonlocal : bool
        Whether the weight of non-local Bayes can be estimated on the held-out pixels.
    judged_by_filters : bool
        Whether its result can be compared with that of a filter, and replaced by it.
    """

    blind_spot: bool
    uses_posterior: bool
    weighs_nonlocal: bool
    judged_by_filters: bool


def traits_of(settings: Settings, *, paired: bool = False) -> MethodTraits:
    """Derive the traits of the method that the settings describe.

    Parameters
    ----------
    settings : Settings
    paired : bool
        Whether it is trained on replicates.
    """
    blind_spot = settings.network == "donut" and not paired
    independent = not any(settings.blind_spot_radius or ())
    return MethodTraits(
        blind_spot=blind_spot,
        uses_posterior=blind_spot and independent,
        weighs_nonlocal=independent,
        judged_by_filters=independent and not paired,
    )


def radius_of(settings: Settings, ndim: int) -> tuple[int, ...] | None:
    """Return the blind-spot radius along each of `ndim` axes of space; None for a masked network.

    Raises
    ------
    SettingsError
        If the settings give another number of radii.
    """
    return settings.radius_along(ndim) if traits_of(settings).blind_spot else None
