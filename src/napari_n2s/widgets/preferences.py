"""The user's preferences for all images, from napari's own preferences dialog."""

from __future__ import annotations

from dataclasses import dataclass

from napari_n2s.core.progress import PAUSE
from napari_n2s.core.settings import Settings


@dataclass(frozen=True)
class Preferences:
    """Values of File > Preferences > Noise2Self; the defaults are those of the manifest.

    Attributes
    ----------
    effort : str
        Initial position of the slider.
    device : str
        Initial value of the setting `device`.
    preview_pause : float
        Minimum time between two previews, in seconds.
    """

    effort: str = "balanced"
    device: str = Settings().device
    preview_pause: float = PAUSE


def preferences() -> Preferences:
    """Read the preferences; the defaults before napari 0.9, which has no such page."""
    try:
        from napari.settings import get_plugin_settings

        chosen = get_plugin_settings("napari-n2s").denoise
    except (ImportError, KeyError):
        return Preferences()
    return Preferences(chosen.effort, chosen.device, chosen.preview_pause)
