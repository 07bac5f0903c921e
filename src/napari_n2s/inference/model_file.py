"""A model on disk: weights as safetensors, and all else as JSON in their header. No pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from napari_n2s.core.errors import FileError
from napari_n2s.core.settings import Settings
from napari_n2s.filters.baselines import Baseline
from napari_n2s.images.axes import Context
from napari_n2s.images.scale import Scale
from napari_n2s.inference.model import Model
from napari_n2s.inference.trained_network import NONLOCAL_WEIGHT
from napari_n2s.preparation.held_out import Score

ABOUT, DIGEST = "napari-n2s", "sha256"
"""Names in the header of the file."""


def save_model(path: Path, model: Model, **about: Any) -> None:
    """Write a model, and whatever else is plain numbers, words, lists and dicts.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    said = {
        "settings": asdict(model.settings),
        "channels": model.channels,
        "ndim": model.ndim,
        "scale": _numbers(model.scale),
        "context": asdict(model.context) if model.context else None,
        "step": model.step,
        "score": asdict(model.score),
        "turns": model.turns,
        "passes": model.passes,
        "paired": model.paired,
        "guides": _numbers(model.guides) if model.guides else None,
        "nonlocal_weight": model.nonlocal_weight,
        "fallback": asdict(model.fallback) if model.fallback else None,
        "baseline_error": None if isnan(model.baseline_error) else model.baseline_error,
    }
    text = json.dumps({"model": said, **about}, default=lambda number: number.item())
    weights = {name: each.contiguous() for name, each in model.weights.items()}
    about_it = {ABOUT: text, DIGEST: _digest(text, weights)}
    path.write_bytes(save(weights, metadata=about_it))


def load_model(path: Path) -> tuple[Model, dict[str, Any]]:
    """Read a model, and what was written with it.

    Raises
    ------
    FileError
        If it is no such file, or not a byte of it as it was written.
    """
    try:
        if not path.is_file():
            raise ValueError("it is no file")
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            # Copies, as a file that is mapped into memory cannot be removed on Windows.
            weights = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        if metadata[DIGEST] != _digest(metadata[ABOUT], weights):
            raise ValueError("it is not as it was written")
        about = json.loads(metadata[ABOUT])
        said = about.pop("model")
        model = Model(
            settings=Settings(**said["settings"]),
            channels=said["channels"],
            ndim=said["ndim"],
            scale=_scale(said["scale"]),
            context=Context(**said["context"]) if said["context"] else None,
            weights=weights,
            step=said["step"],
            score=Score(**said["score"]),
            turns=said["turns"],
            passes=said.get("passes"),
            paired=said["paired"],
            guides=_scale(said["guides"]) if said["guides"] else None,
            nonlocal_weight=tuple(said.get("nonlocal_weight", (NONLOCAL_WEIGHT,))),
            fallback=_baseline(said.get("fallback")),
            baseline_error=nan
            if said.get("baseline_error") is None
            else float(said["baseline_error"]),
        )
    except Exception as error:  # of every type, as anything may lie in a file
        raise FileError(
            f"{path} holds no model that can be read: it is damaged, or of another kind or version."
        ) from error
    return model, about


def _digest(text: str, weights: Mapping[str, Tensor]) -> str:
    """Sum up what is written, so that damage is found whatever it hits."""
    found = hashlib.sha256(text.encode())
    for name in sorted(weights):
        weight = weights[name].detach().cpu().contiguous()
        found.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        found.update(weight.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _numbers(scale: Scale) -> list[list[float]]:
    return [scale.shift.tolist(), scale.spread.tolist()]


def _scale(numbers: list[list[float]]) -> Scale:
    return Scale(*map(np.array, numbers))


def _baseline(said: dict[str, Any] | None) -> Baseline | None:
    if not said:
        return None
    return Baseline(said["name"], said["strength"], Score(**said["score"]))
