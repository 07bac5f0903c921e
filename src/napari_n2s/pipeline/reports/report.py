"""The report of a denoising: its outcome, told in words, and stored as JSON."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from napari_n2s.core.device import describe
from napari_n2s.core.settings import Settings
from napari_n2s.core.version import __version__
from napari_n2s.filters.baselines import Baseline
from napari_n2s.images.axes import Context
from napari_n2s.nn.losses import LOSSES
from napari_n2s.pipeline.reports.methods_paragraph import methods_paragraph
from napari_n2s.pipeline.reports.outcome import Outcome
from napari_n2s.preparation.held_out import Score
from napari_n2s.training.progress import Progress

DIVERGED = (
    "The training diverged towards its end, and an earlier state of the network is used; "
    "choose a smaller learning rate."
)


@dataclass(frozen=True)
class Report(Outcome):
    """Report of one denoising: its outcome, and how to tell and store it.

    Where it cannot be told whether noise is correlated between neighbouring pixels or the image is
    full of fine texture, `alternative_radius` is the other blind-spot radius that may be right. The
    scores of the two results cannot be compared; look at both.

    Examples
    --------
    >>> clean, report = denoise(noisy)  # doctest: +SKIP
    >>> if report.alternative_radius:  # doctest: +SKIP
    ...     other, _ = denoise(noisy, blind_spot_radius=report.alternative_radius)
    """

    def sentence(self) -> str:
        """Compare the network with the baselines in a sentence or two."""
        names = [each.words for each in self.baselines]
        losses = [each.score.loss for each in self.baselines]
        others = " and ".join(
            f"{loss:.4g} for a {name}" for loss, name in zip(losses, names, strict=True)
        )
        verdict = (
            ""
            if self.network_is_best or self.fallback
            else f" Here the {names[losses.index(min(losses))]} does better than the network; "
            "filter, or train for longer."
        )
        if self.fallback:
            verdict = f" {self.fallback}"
        if self.replicates and not LOSSES[self.settings.loss].squared:
            verdict = (
                f" The loss {self.settings.loss} does not minimise it: the last state is used."
            )
        which = " of the first replicate, predicted from another" if self.replicates else ""
        start = ", which began with pretrained weights" if self.settings.pretrained else ""
        findings = "" if self.replicates else "".join(f" {each}" for each in self.findings)
        return (
            f"Squared error on {self.network.pixels} held-out pixels{which}: "
            f"{self.network.loss:.4g} ± {self.network.error:.2g} for the network{start}, "
            f"{others}.{verdict}{findings}"
        )

    def methods(self) -> str:
        """Write a paragraph for the methods section of a paper."""
        return methods_paragraph(self)

    def to_json(self) -> str:
        """Return the report as JSON."""
        return json.dumps(self.to_dict(), indent=2, default=lambda number: number.item()) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Return the report as numbers, strings, lists and dicts."""
        return {**asdict(self), "network_is_best": self.network_is_best}

    @staticmethod
    def from_dict(fields: dict[str, Any]) -> Report:
        """Make a report from the result of `to_dict`."""
        fields = {name: value for name, value in fields.items() if name != "network_is_best"}
        fields["settings"] = Settings(**fields["settings"])
        fields["network"] = Score(**fields["network"])
        fields["baselines"] = tuple(
            Baseline(each["name"], each["strength"], Score(**each["score"]))
            for each in fields["baselines"]
        )
        fields["context"] = Context(**fields["context"]) if fields["context"] else None
        fields["findings"] = tuple(fields["findings"])
        if radius := fields.get("alternative_radius"):
            fields["alternative_radius"] = tuple(radius)
        return Report(**fields)


def report_of(progress: Progress, **more: Any) -> Report:
    """Make the report of a training from its last snapshot."""
    return Report(
        settings=progress.best.settings,
        device=describe(progress.trainer.device),
        steps=progress.best.step,
        seconds=progress.trainer.schedule.seconds,
        network=progress.best.score,
        baselines=progress.baselines,
        versions=versions(),
        context=progress.best.context,
        guides=progress.trainer.data.guides.shape[1],
        alternative_radius=progress.trainer.data.alternative_radius,
        findings=(*progress.trainer.data.findings, *(DIVERGED,) * progress.trainer.diverged),
        **more,
    )


def versions() -> dict[str, str]:
    """Return the versions of the software that the result depends on."""
    return {
        "napari-n2s": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }
