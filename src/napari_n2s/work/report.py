"""What was done and what it gained, by the image's own held-out pixels."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

import napari_n2s
from napari_n2s.ideas.score import Score
from napari_n2s.ideas.settings import Settings
from napari_n2s.work.filters import Baseline


@dataclass(frozen=True)
class Report:
    """The account of one denoising.

    Attributes
    ----------
    settings : Settings
    device : str
        What was computed on, in words.
    steps : int
        Training steps behind the model that was used, the best one.
    seconds : float
        From the call to the result.
    network : Score
        The network's error on the held-out pixels, in intensity squared. It contains the variance
        of the noise, as the baselines' do: their differences are differences to the truth.
    baselines : tuple of Baseline
        The donut median and the donut blur at their best strengths, on the same pixels.
    versions : dict
    """

    settings: Settings
    device: str
    steps: int
    seconds: float
    network: Score
    baselines: tuple[Baseline, ...]
    versions: dict[str, str]

    @property
    def network_is_best(self) -> bool:
        """Whether the network beats every baseline on the held-out pixels."""
        return all(self.network.loss <= each.score.loss for each in self.baselines)

    def sentence(self) -> str:
        """Say in a sentence or two how the network compares."""
        names = [
            f"{each.name} ({'radius' if each.name == 'median' else 'sigma'} {each.strength:g} px)"
            for each in self.baselines
        ]
        losses = [each.score.loss for each in self.baselines]
        others = " and ".join(
            f"{loss:.4g} for a {name}" for loss, name in zip(losses, names, strict=True)
        )
        verdict = (
            ""
            if self.network_is_best
            else f" Here the {names[losses.index(min(losses))]} does better than the network; "
            "filter, or train for longer."
        )
        return (
            f"Squared error on {self.network.pixels} held-out pixels: {self.network.loss:.4g} "
            f"± {self.network.error:.2g} for the network, {others}.{verdict}"
        )

    def to_json(self) -> str:
        """Write everything as JSON."""
        return json.dumps(self.to_dict(), indent=2, default=lambda number: number.item()) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain numbers, words, lists and dicts."""
        return {**asdict(self), "network_is_best": self.network_is_best}


def versions() -> dict[str, str]:
    """Name what the result depends on."""
    return {
        "napari-n2s": napari_n2s.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }
