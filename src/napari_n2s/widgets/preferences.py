"""What the user has set on napari's own page, once for all images."""

from __future__ import annotations

from dataclasses import dataclass

from napari_n2s.core.progress import PAUSE
from napari_n2s.core.settings import Settings


@dataclass(frozen=True)
class Preferences:
    """What File > Preferences > Noise2Self says; the defaults are those of the manifest.

    Attributes
    ----------
    effort : str
        Where the slider stands at first.
    device : str
        As in `Settings`.
    preview_pause : float
        Seconds between two previews, at least.
    """

    effort: str = "balanced"
    device: str = Settings().device
    preview_pause: float = PAUSE


def preferences() -> Preferences:
    """Read them; where napari has no such page (before 0.9), or not of ours, defaults hold."""
    try:
        from napari.settings import get_plugin_settings

        chosen = get_plugin_settings("napari-n2s").denoise
    except (ImportError, KeyError):
        return Preferences()
    return Preferences(chosen.effort, chosen.device, chosen.preview_pause)
