"""A model on disk: weights as safetensors, and all else as JSON in their header. No pickle."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from napari_n2s.ideas.axes import Context
from napari_n2s.ideas.errors import FileError
from napari_n2s.ideas.image import Scale
from napari_n2s.ideas.score import Score
from napari_n2s.ideas.settings import Settings
from napari_n2s.work.model import ALIKE, Model


def save_model(path: Path, model: Model, **about: Any) -> None:
    """Write a model, and whatever else is plain numbers, words, lists and dicts."""
    said = {
        "settings": asdict(model.settings),
        "channels": model.channels,
        "ndim": model.ndim,
        "scale": _numbers(model.scale),
        "context": asdict(model.context) if model.context else None,
        "step": model.step,
        "score": asdict(model.score),
        "turns": model.turns,
        "paired": model.paired,
        "guides": _numbers(model.guides) if model.guides else None,
        "alike": model.alike,
        "plain": None if isnan(model.plain) else model.plain,
    }
    text = json.dumps({"model": said, **about}, default=lambda number: number.item())
    weights = {name: each.contiguous() for name, each in model.weights.items()}
    save_file(weights, path, metadata={"napari-n2s": text})


def load_model(path: Path) -> tuple[Model, dict[str, Any]]:
    """Read a model, and what was written with it.

    Raises
    ------
    FileError
        If it is no such file.
    """
    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["napari-n2s"])
            # Copies, as a file that is mapped into memory cannot be removed on Windows.
            weights = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
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
            paired=said["paired"],
            guides=_scale(said["guides"]) if said["guides"] else None,
            alike=tuple(said.get("alike", (ALIKE,))),
            plain=nan if said.get("plain") is None else float(said["plain"]),
        )
    except (KeyError, OSError, SafetensorError, TypeError, ValueError) as error:
        raise FileError(f"{path} holds no model that can be read.") from error
    return model, about


def _numbers(scale: Scale) -> list[list[float]]:
    return [scale.shift.tolist(), scale.spread.tolist()]


def _scale(numbers: list[list[float]]) -> Scale:
    return Scale(*map(np.array, numbers))
