"""Pretrained weights of the donut network, learnt from simulated pictures.

The weights come with the package; `training/pretrained.py` makes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from napari_n2s.core.settings import Settings
from napari_n2s.nn.blind_spot_network import BlindSpotNetwork

FOLDER = Path(__file__).parents[1] / "weights"
KINDS: dict[str, dict[str, Any]] = {
    "plane": {},
    "beside": {"guides": 4},
    "radius-1": {"radius": (1, 1)},
    "radius-2": {"radius": (2, 2)},
    "radius-3": {"radius": (3, 3)},
    "radius-4": {"radius": (4, 4)},
}
"""The networks that the package holds pretrained weights for."""


def fits(settings: Settings, channels: int, ndim: int) -> bool:
    """Whether there are pretrained weights for such images."""
    single = channels == 1 or settings.channels == "independent"
    kind = settings.network == "donut" and ndim == 2
    return single and kind and bool(_known(settings.radius_along(ndim)))


def weights_for(network: BlindSpotNetwork) -> dict[str, Tensor]:
    """Give a network's weights; those of guides unseen in pretraining begin at zero."""
    known = _known(network.radius)
    seen = load_file(known[-1] if network.guides else known[0])
    found = {name: each.float() for name, each in seen.items()}
    own, there = torch.zeros_like(network.first.weight), found["first.weight"]
    inputs = min(own.shape[1], there.shape[1])
    own[:, :inputs] = there[:, :inputs]
    return {**found, "first.weight": own}


def _known(radius: tuple[int, ...]) -> list[Path]:
    """List the files of weights for a radius, those without guides first."""
    kinds = [kind for kind, network in KINDS.items() if network.get("radius", (0, 0)) == radius]
    files = [FOLDER / f"{kind}.safetensors" for kind in kinds]
    return [file for file in files if file.exists()]
