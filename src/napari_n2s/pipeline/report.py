"""What was done and what it gained, by the image's own held-out pixels."""

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
from napari_n2s.inference.brightness import CELL
from napari_n2s.methods.traits import traits_of
from napari_n2s.nn.losses import LOSSES
from napari_n2s.preparation.held_out import Score
from napari_n2s.training.progress import Progress

TOLD = ("seconds", "steps", "device", "pretrained")
"""Settings that the methods paragraph tells in words of their own."""


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
    region : tuple of (start, stop) or None
        The part of the image that was learnt from along each axis, if not all of it.
    sampled : bool
        Whether pieces from all over a large image were learnt from, and not all of it.
    applied_elsewhere : bool
        Whether something else than what was learnt from was denoised.
    context : Context or None
        The slices or frames that the network sees beside one.
    guides : int
        Channels of the guides that the network sees.
    readings : str
        What was learnt from what, if several noisy readings of one thing were.
    findings : tuple of str
        What the user should know of the image or of the readings, a sentence each.
    fallback : str
        Why the picture that is handed out is a filter's and not the network's; empty if it is not.
    """

    settings: Settings
    device: str
    steps: int
    seconds: float
    network: Score
    baselines: tuple[Baseline, ...]
    versions: dict[str, str]
    region: tuple[tuple[int, int], ...] | None = None
    sampled: bool = False
    applied_elsewhere: bool = False
    context: Context | None = None
    guides: int = 0
    readings: str = ""
    findings: tuple[str, ...] = ()
    fallback: str = ""

    @property
    def network_is_best(self) -> bool:
        """Whether the network beats every baseline on the held-out pixels."""
        return all(self.network.loss <= each.score.loss for each in self.baselines)

    def sentence(self) -> str:
        """Say in a sentence or two how the network compares."""
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
        if self.readings and not LOSSES[self.settings.loss].squared:
            verdict = f" The loss {self.settings.loss} does not aim at it: the last network counts."
        which = " of the first reading, predicted from another" if self.readings else ""
        begun = ", which began with pretrained weights" if self.settings.pretrained else ""
        said = "" if self.readings else "".join(f" {each}" for each in self.findings)
        return (
            f"Squared error on {self.network.pixels} held-out pixels{which}: "
            f"{self.network.loss:.4g} ± {self.network.error:.2g} for the network{begun}, "
            f"{others}.{verdict}{said}"
        )

    def methods(self) -> str:
        """Write the paragraph that a paper needs."""
        found, least = self.network, min(each.score.loss for each in self.baselines)
        trained = f"{self.steps} steps" + (
            "" if self.settings.steps else f" ({self.seconds:.0f} s with applying it)"
        )
        network = (
            "a blind-spot network (U-Net on the phases of a kernel without its middle; Laine et "
            "al., NeurIPS 2019)"
            if self.settings.network == "donut"
            else f"a {self.settings.network} network"
        )
        if self.settings.channels == "independent":
            network += " for each channel"
        changed = [
            f"{name} {value}"
            for name, value in asdict(self.settings).items()
            if value != getattr(Settings(), name) and name not in TOLD + self._without_effect()
        ]
        settings = (
            f"its default settings but for {', '.join(changed)}"
            if changed
            else ("its default settings")
        )
        begun = (
            ", begun with weights that had been trained on simulated pictures,"
            if self.settings.pretrained
            else ""
        )
        if self.readings:
            return self._methods_of_readings(trained, settings)
        learnt = "a part of the noisy image" if self.region else "the noisy image"
        if self.sampled:
            learnt = f"pieces drawn from all over {learnt}"
        besides = []
        if self.context:
            besides.append(
                f"{self.context.count} neighbouring pictures to each side along its axis "
                f"{self.context.axis}"
            )
        if self.guides:
            besides.append(self._guides())
        seeing = f"seeing {' and '.join(besides)} besides, " if besides else ""
        applied = (
            ", and then applied to an image or part chosen apart from that"
            if self.applied_elsewhere
            else ""
        )
        return (
            f"Images were denoised with napari-n2s {self.versions['napari-n2s']} (PyTorch "
            f"{self.versions['torch']}) by self-supervision (Noise2Self; Batson & Royer, ICML "
            f"2019): {network}{begun} was trained on {learnt} alone, {seeing}without clean data, "
            f"for {trained} on the {self.device}, with {settings} and random seed "
            f"{self.settings.seed}{applied}. On {found.pixels} pixels withheld from training, the "
            f"mean squared error of the network's blind prediction against the noisy values was "
            f"{found.loss:.4g} (standard error {found.error:.2g}), against {least:.4g} for the "
            f"best of a median and a Gaussian filter calibrated on the same pixels."
            f"{self._delivered()}"
        )

    def _delivered(self) -> str:
        """Say what becomes of a blind prediction before it is delivered."""
        if self.fallback:
            best = min(self.baselines, key=lambda each: each.score.loss)
            return (
                f" The result is not the network's picture, though, but that of a {best.words}, "
                "which leaves each pixel out of its own neighbourhood: it did better."
            )
        if self.settings.network != "donut" or self.settings.invariant:
            return ""
        delivered = (
            " What was predicted was corrected for bias by the means of the noisy pixels at each "
            "predicted intensity, and "
        )
        delivered += (
            "combined with the noisy pixels by the noise read off its residuals, where these "
            "are distributed as noise is (Laine et al., 2019)"
            if traits_of(self.settings).uses_posterior
            else "averaged with what the network makes of all pixels"
        )
        if not self.settings.volume:
            delivered += (
                ", and averaged with what non-local Bayes denoising (Lebrun et al., SIAM J. "
                "Imaging Sci. 2013) made of the noisy image, guided by it"
            )
        return (
            f"{delivered}. A smooth correction in proportion to the noise gave regions of "
            f"{CELL} pixels (as many to each side) their mean in the noisy image."
        )

    def _without_effect(self) -> tuple[str, ...]:
        """List the settings that mean nothing to such a training."""
        of_masks = ("partition", "grid_width", "density", "fill")
        if self.readings:
            return (*of_masks, "blind_spot_radius", "context", "channels", "invariant")
        return of_masks if traits_of(self.settings).blind_spot else ("blind_spot_radius", "context")

    def _guides(self) -> str:
        return f"guides of the same field ({self.guides} channel{'s' * (self.guides > 1)})"

    def _methods_of_readings(self, trained: str, settings: str) -> str:
        found = self.network
        network = "DnCNN" if self.settings.network == "dncnn" else "U-Net"
        seeing = f" that sees {self._guides()} besides" if self.guides else ""
        return (
            f"Images were denoised with napari-n2s {self.versions['napari-n2s']} (PyTorch "
            f"{self.versions['torch']}) by learning noisy readings of the same thing from each "
            f"other (Noise2Noise; Lehtinen et al., ICML 2018), here {self.readings}: a "
            f"{network}{seeing} was trained without clean data for {trained} on the {self.device}, "
            f"with {settings} and random seed {self.settings.seed}, and what it made of each "
            f"reading was averaged. On {found.pixels} pixels of the first reading withheld from "
            "training, the mean squared error of the prediction from another reading against the "
            f"noisy values was {found.loss:.4g} (standard error {found.error:.2g})."
        )

    def to_json(self) -> str:
        """Write everything as JSON."""
        return json.dumps(self.to_dict(), indent=2, default=lambda number: number.item()) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain numbers, words, lists and dicts."""
        return {**asdict(self), "network_is_best": self.network_is_best}

    @staticmethod
    def from_dict(told: dict[str, Any]) -> Report:
        """Read what `to_dict` gave."""
        told = {name: value for name, value in told.items() if name != "network_is_best"}
        told["settings"] = Settings(**told["settings"])
        told["network"] = Score(**told["network"])
        told["baselines"] = tuple(
            Baseline(each["name"], each["strength"], Score(**each["score"]))
            for each in told["baselines"]
        )
        told["context"] = Context(**told["context"]) if told["context"] else None
        told["findings"] = tuple(told["findings"])
        return Report(**told)


def account_of(progress: Progress, **more: Any) -> Report:
    """Give the account of a training that has come as far as this."""
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
        findings=progress.trainer.data.findings,
        **more,
    )


def versions() -> dict[str, str]:
    """Name what the result depends on."""
    return {
        "napari-n2s": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }
