"""Denoise microscopy images with a network trained on the noisy image alone."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_n2s.core.version import __version__

if TYPE_CHECKING:
    from napari_n2s.calibration.calibrate import calibrate
    from napari_n2s.calibration.result import Calibration
    from napari_n2s.core.errors import (
        DeviceError,
        FileError,
        FitWarning,
        ImageError,
        MissingPixelsError,
        N2SError,
        SettingsError,
    )
    from napari_n2s.core.settings import Settings
    from napari_n2s.exclusion.find import find_excluded
    from napari_n2s.inference.model import Model
    from napari_n2s.pipeline.api import denoise
    from napari_n2s.pipeline.reports.report import Report
    from napari_n2s.training.progress import Progress
    from napari_n2s.training.train import resume, train

_MODULES = {
    "Calibration": "calibration.result",
    "DenoiserError": "core.errors",
    "DeviceError": "core.errors",
    "FileError": "core.errors",
    "FitWarning": "core.errors",
    "ImageError": "core.errors",
    "MissingPixelsError": "core.errors",
    "Model": "inference.model",
    "N2SError": "core.errors",
    "Progress": "training.progress",
    "Report": "pipeline.reports.report",
    "Settings": "core.settings",
    "SettingsError": "core.errors",
    "calibrate": "calibration.calibrate",
    "denoise": "pipeline.api",
    "find_excluded": "exclusion.find",
    "resume": "training.train",
    "train": "training.train",
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
    "__version__",
    "calibrate",
    "denoise",
    "find_excluded",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a module when a name in it is first used: torch is slow to load."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
