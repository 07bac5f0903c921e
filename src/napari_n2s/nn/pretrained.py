"""Pretrained weights of the donut network, trained on simulated images.

They are part of the package and are made by `training/pretrain.py`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from napari_n2s.core.settings import Settings

FOLDER = Path(__file__).parents[1] / "weights"
CORRELATED = "correlated"
"""The kind that is pretrained with all pixels visible, on correlated noise of many kinds."""
KINDS: dict[str, dict[str, Any]] = {
    "plane": {},
    "neighbours": {"guides": 4},
    "radius-1": {"radius": (1, 1)},
    "radius-2": {"radius": (2, 2)},
    "radius-3": {"radius": (3, 3)},
    "radius-4": {"radius": (4, 4)},
    CORRELATED: {},
}
"""The pretrained networks: the name of the file, and how each differs from the default network."""


def fits(
    settings: Settings, channels: int, ndim: int, colours: int = 1, *, recorrupted: bool = False
) -> bool:
    """Whether there are pretrained weights for images with so many channels and axes of space.

    Parameters
    ----------
    settings : Settings
    channels, ndim : int
    colours : int
        Number of colours of each channel.
    recorrupted : bool
        Whether it is trained on recorrupted images.
    """
    single = channels == 1 or (settings.channels == "independent" and colours == 1)
    kind = settings.network == "donut" and ndim == 2
    return single and kind and bool(recorrupted or _known(settings.radius_along(ndim)))


def weights_for(
    radius: tuple[int, ...], guides: int = 0, *, recorrupted: bool = False
) -> dict[str, Tensor]:
    """Return the weights of a network for one channel; zero for guides unseen in pretraining.

    Parameters
    ----------
    radius : tuple of int
        How far its blind spot reaches along Y and X; one that `fits`.
    guides : int
        Further images that it sees.
    recorrupted : bool
        Whether it sees all pixels of recorrupted images.

    Returns
    -------
    dict of str to Tensor
        Copies, of float32.
    """
    known = [FOLDER / f"{CORRELATED}.safetensors"] if recorrupted else _known(radius)
    found = {name: each.clone() for name, each in _read(known[-1] if guides else known[0]).items()}
    features, seen, *kernel = found["first.weight"].shape
    without = _read(known[0])["first.weight"].shape[1]
    first = torch.zeros(features, without + guides, *kernel)
    inputs = min(first.shape[1], seen)
    first[:, :inputs] = found["first.weight"][:, :inputs]
    return {**found, "first.weight": first}


@cache
def _read(file: Path) -> dict[str, Tensor]:
    """Read a file, once for all calls; callers must not change the weights."""
    return {name: each.float() for name, each in load_file(file).items()}


def _known(radius: tuple[int, ...]) -> list[Path]:
    """List the files of weights for a blind-spot radius, the one without guides first."""
    kinds = [
        kind
        for kind, network in KINDS.items()
        if network.get("radius", (0, 0)) == radius and kind != CORRELATED
    ]
    files = [FOLDER / f"{kind}.safetensors" for kind in kinds]
    return [file for file in files if file.exists()]
