"""The head start: what the donut network has learnt from simulated pictures, where that fits.

The weights come with the package; `training/head_start.py` makes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from napari_n2s.core.settings import Settings
from napari_n2s.nn.blind_spot_network import Donut

FOLDER = Path(__file__).parents[1] / "weights"
KINDS: dict[str, dict[str, Any]] = {
    "plane": {},
    "beside": {"guides": 4},
    "hole-1": {"hole": (1, 1)},
    "hole-2": {"hole": (2, 2)},
    "hole-3": {"hole": (3, 3)},
    "hole-4": {"hole": (4, 4)},
}
"""What networks may have a head start: those of which the package holds the weights."""


def fits(settings: Settings, channels: int, ndim: int) -> bool:
    """Whether there is a head start for a network on such images."""
    single = channels == 1 or settings.channels == "apart"
    kind = settings.network == "donut" and ndim == 2
    return single and kind and bool(_known(settings.hole_along(ndim)))


def weights_for(network: Donut) -> dict[str, Tensor]:
    """Give a network's weights; for guides that the head start has not seen they begin at zero."""
    known = _known(network.hole)
    seen = load_file(known[-1] if network.guides else known[0])
    found = {name: each.float() for name, each in seen.items()}
    own, there = torch.zeros_like(network.first.weight), found["first.weight"]
    inputs = min(own.shape[1], there.shape[1])
    own[:, :inputs] = there[:, :inputs]
    return {**found, "first.weight": own}


def _known(hole: tuple[int, ...]) -> list[Path]:
    """List the files of weights for a hole, those without guides first."""
    kinds = [kind for kind, network in KINDS.items() if network.get("hole", (0, 0)) == hole]
    files = [FOLDER / f"{kind}.safetensors" for kind in kinds]
    return [file for file in files if file.exists()]
