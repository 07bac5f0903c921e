"""Traits of a method that follow from the settings, derived in one place.

A blind spot wider than a pixel means that the noise of neighbouring pixels is correlated. To hide
all of them would discard the best information on a pixel: unless the blind prediction itself is
wanted, the network sees them, and is trained on recorrupted images.
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
    recorrupts : bool
        Whether it is trained on recorrupted images, since noise is correlated between pixels.
    judged_by_filters : bool
        Whether its result can be compared with that of a filter, and replaced by it.
    """

    blind_spot: bool
    recorrupts: bool
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
    wide = any(settings.blind_spot_radius or ())
    return MethodTraits(
        blind_spot=blind_spot,
        recorrupts=blind_spot and wide and not settings.invariant,
        judged_by_filters=not paired,
    )


def radius_of(settings: Settings, ndim: int) -> tuple[int, ...] | None:
    """Return the blind-spot radius along each of `ndim` axes of space; None for a masked network.

    Raises
    ------
    SettingsError
        If the settings give another number of radii.
    """
    return settings.radius_along(ndim) if traits_of(settings).blind_spot else None
