"""Model files: weights as safetensors, everything else as JSON in their header, no pickle."""

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
"""Keys in the header of the file."""


def save_model(path: Path, model: Model, **about: Any) -> None:
    """Write a model, with additional data of numbers, strings, lists and dicts.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    fields = {
        "settings": asdict(model.settings),
        "channels": model.channels,
        "colours": model.colours,
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
    text = json.dumps({"model": fields, **about}, default=lambda number: number.item())
    weights = {name: each.contiguous() for name, each in model.weights.items()}
    metadata_out = {ABOUT: text, DIGEST: _digest(text, weights)}
    path.write_bytes(save(weights, metadata=metadata_out))


def load_model(path: Path) -> tuple[Model, dict[str, Any]]:
    """Read a model and the additional data that was written with it.

    Raises
    ------
    FileError
        If it is not a model file, or damaged.
    """
    try:
        if not path.is_file():
            raise ValueError("not a file")
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            # Copies, as a file that is mapped into memory cannot be removed on Windows.
            weights = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        if metadata[DIGEST] != _digest(metadata[ABOUT], weights):
            raise ValueError("the checksum differs")
        about = json.loads(metadata[ABOUT])
        fields = about.pop("model")
        model = Model(
            settings=Settings(**fields["settings"]),
            channels=fields["channels"],
            colours=fields.get("colours", 1),
            ndim=fields["ndim"],
            scale=_scale(fields["scale"]),
            context=Context(**fields["context"]) if fields["context"] else None,
            weights=weights,
            step=fields["step"],
            score=Score(**fields["score"]),
            turns=fields["turns"],
            passes=fields.get("passes"),
            paired=fields["paired"],
            guides=_scale(fields["guides"]) if fields["guides"] else None,
            nonlocal_weight=tuple(fields.get("nonlocal_weight", (NONLOCAL_WEIGHT,))),
            fallback=_baseline(fields.get("fallback")),
            baseline_error=nan
            if fields.get("baseline_error") is None
            else float(fields["baseline_error"]),
        )
    except Exception as error:  # of any type, as a file may hold anything
        raise FileError(
            f"{path} holds no model that can be read: it is damaged, or of another kind or version."
        ) from error
    return model, about


def _digest(text: str, weights: Mapping[str, Tensor]) -> str:
    """Compute a checksum of all that is written, so that any damage is detected."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(weights):
        weight = weights[name].detach().cpu().contiguous()
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        digest.update(weight.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _numbers(scale: Scale) -> list[list[float]]:
    return [scale.shift.tolist(), scale.spread.tolist()]


def _scale(numbers: list[list[float]]) -> Scale:
    return Scale(*map(np.array, numbers))


def _baseline(fields: dict[str, Any] | None) -> Baseline | None:
    if not fields:
        return None
    return Baseline(fields["name"], fields["strength"], Score(**fields["score"]))
