"""Denoise microscopy images with a network trained on the noisy image alone."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from napari_n2s.ideas.errors import (
        DeviceError,
        FileError,
        FitWarning,
        ImageError,
        MissingPixelsError,
        N2SError,
        SettingsError,
    )
    from napari_n2s.ideas.settings import Settings
    from napari_n2s.work.calibrate import calibrate
    from napari_n2s.work.calibration import Calibration
    from napari_n2s.work.denoise import denoise
    from napari_n2s.work.model import Model
    from napari_n2s.work.progress import Progress
    from napari_n2s.work.report import Report
    from napari_n2s.work.set_apart import find_excluded
    from napari_n2s.work.train import go_on, train

_ROOMS = {
    "Calibration": "work.calibration",
    "DenoiserError": "ideas.errors",
    "DeviceError": "ideas.errors",
    "FileError": "ideas.errors",
    "FitWarning": "ideas.errors",
    "ImageError": "ideas.errors",
    "MissingPixelsError": "ideas.errors",
    "Model": "work.model",
    "N2SError": "ideas.errors",
    "Progress": "work.progress",
    "Report": "work.report",
    "Settings": "ideas.settings",
    "SettingsError": "ideas.errors",
    "calibrate": "work.calibrate",
    "denoise": "work.denoise",
    "find_excluded": "work.set_apart",
    "go_on": "work.train",
    "train": "work.train",
}

__all__ = [
    "Calibration",
    "DenoiserError",
    "DeviceError",
    "FileError",
    "FitWarning",
    "ImageError",
    "MissingPixelsError",
    "Model",
    "N2SError",
    "Progress",
    "Report",
    "Settings",
    "SettingsError",
    "calibrate",
    "denoise",
    "find_excluded",
    "go_on",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a room when something in it is first asked for: torch is slow to load."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
