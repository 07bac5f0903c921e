"""What follows from the settings for all that is done with a method, decided in one place.

A blind spot wider than a pixel means that neighbouring pixels share their noise. The measured pixel
would then bring noise back that the network has not seen, the held-out pixels betray theirs to
filters that see their neighbours, and noise does not cancel in the mean of a block.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_n2s.core.settings import Settings


@dataclass(frozen=True)
class MethodTraits:
    """What may be done with a method.

    Attributes
    ----------
    blind_spot : bool
        Whether the network is blind by its architecture.
    uses_posterior : bool
        Whether measured pixels are put back by their noise, which must be independent.
    weighs_nonlocal : bool
        Whether held-out pixels can say what non-local Bayes counts.
    judged_by_filters : bool
        Whether its result can be compared with that of a filter, and replaced by it.
    """

    blind_spot: bool
    uses_posterior: bool
    weighs_nonlocal: bool
    judged_by_filters: bool


def traits_of(settings: Settings, *, paired: bool = False) -> MethodTraits:
    """Decide what may be done with the method that settings describe.

    Parameters
    ----------
    settings : Settings
    paired : bool
        Whether replicates are learnt from each other.
    """
    blind_spot = settings.network == "donut" and not paired
    independent = not any(settings.blind_spot_radius)
    return MethodTraits(
        blind_spot=blind_spot,
        uses_posterior=blind_spot and independent,
        weighs_nonlocal=independent,
        judged_by_filters=independent and not paired,
    )


def radius_of(settings: Settings, ndim: int) -> tuple[int, ...] | None:
    """Give the blind-spot radius along each of `ndim` axes of space; None for a masked network.

    Raises
    ------
    SettingsError
        If the settings give another number of radii.
    """
    return settings.radius_along(ndim) if traits_of(settings).blind_spot else None
