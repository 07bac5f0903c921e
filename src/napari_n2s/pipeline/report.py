"""The report of a denoising: settings, scores on held-out pixels, and a methods paragraph."""

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

DIVERGED = (
    "The training diverged towards its end, and an earlier state of the network is used; "
    "choose a smaller learning rate."
)
DESCRIBED = ("seconds", "steps", "device", "pretrained", "blind_spot_radius")
"""Settings that the methods paragraph mentions in its own words."""


@dataclass(frozen=True)
class Report:
    """Report of one denoising.

    Attributes
    ----------
    settings : Settings
    device : str
        Name of the device, in words.
    steps : int
        Training steps of the model that was applied, the best one.
    seconds : float
        Time from the call to the result.
    network : Score
        Error of the network on the held-out pixels, in squared intensity units. It includes the
        noise variance, as those of the baselines do: differences of errors are differences of
        errors against the ground truth.
    baselines : tuple of Baseline
        The donut median and the donut Gaussian filter at their best strengths, on the same pixels.
    versions : dict
        Versions of software that the result depends on.
    region : tuple of (start, stop) or None
        The part of the image that was trained on along each axis, if not all of it.
    sampled : bool
        Whether random pieces of a large image were trained on.
    applied_elsewhere : bool
        Whether something else than the training image was denoised.
    context : Context or None
        The neighbouring slices or frames that the network sees.
    guides : int
        Number of channels of guides.
    replicates : str
        What the replicates are, if it was trained on replicates; otherwise empty.
    findings : tuple of str
        What the user should know about the image or the replicates, a sentence each.
    fallback : str
        Why the result is that of a filter and not the network's; otherwise empty.
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
    replicates: str = ""
    findings: tuple[str, ...] = ()
    fallback: str = ""

    @property
    def network_is_best(self) -> bool:
        """Whether the network beats every baseline on the held-out pixels."""
        return all(self.network.loss <= each.score.loss for each in self.baselines)

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
        found, least = self.network, min(each.score.loss for each in self.baselines)
        trained = f"{self.steps} steps" + (
            "" if self.settings.steps else f" ({self.seconds:.0f} s including inference)"
        )
        network = (
            "a blind-spot network (U-Net on the phases of a kernel without its centre; Laine et "
            "al., NeurIPS 2019)"
            if self.settings.network == "donut"
            else f"a {self.settings.network} network"
        )
        radius = " × ".join(map(str, self.settings.blind_spot_radius or ()))
        traits = traits_of(self.settings)
        if traits.recorrupts:
            network = (
                "a U-Net that sees all pixels, trained on recorrupted images, to which noise of "
                "the measured covariance, correlated between pixels up to a distance of "
                f"{radius} (Y × X), was added and from which it was subtracted "
                "(Recorrupted-to-Recorrupted; Pang et al., CVPR 2021),"
            )
        elif traits.blind_spot and any(self.settings.blind_spot_radius or ()):
            network += f" with a blind-spot radius of {radius} pixels"
        if self.settings.channels == "independent":
            network += " for each channel"
        changed = [
            f"{name} {value}"
            for name, value in asdict(self.settings).items()
            if value != getattr(Settings(), name) and name not in DESCRIBED + self._without_effect()
        ]
        settings = (
            f"its default settings except {', '.join(changed)}"
            if changed
            else "its default settings"
        )
        start = (
            ", starting from weights pretrained on simulated images,"
            if self.settings.pretrained
            else ""
        )
        if self.replicates:
            return self._methods_of_replicates(trained, settings)
        prediction = (
            "prediction of one recorrupted image from the other, less the variance that was added,"
            if traits.recorrupts
            else "blind prediction against the noisy values"
        )
        source = "a part of the noisy image" if self.region else "the noisy image"
        if self.sampled:
            source = f"pieces drawn from all over {source}"
        also_seen = []
        if self.context:
            also_seen.append(
                f"{self.context.count} neighbouring images to each side along its axis "
                f"{self.context.axis}"
            )
        if self.guides:
            also_seen.append(self._guides())
        inputs = f"with {' and '.join(also_seen)} as further inputs, " if also_seen else ""
        applied = ", and then applied to another image or part" if self.applied_elsewhere else ""
        return (
            f"Images were denoised with napari-n2s {self.versions['napari-n2s']} (PyTorch "
            f"{self.versions['torch']}) by self-supervision (Noise2Self; Batson & Royer, ICML "
            f"2019): {network}{start} was trained on {source} alone, {inputs}without clean data, "
            f"for {trained} on the {self.device}, with {settings} and random seed "
            f"{self.settings.seed}{applied}. On {found.pixels} pixels withheld from training, the "
            f"mean squared error of the network's {prediction} was "
            f"{found.loss:.4g} (standard error {found.error:.2g}), against {least:.4g} for the "
            f"best of a median and a Gaussian filter calibrated on the same pixels."
            f"{self._describe_result()}"
        )

    def _describe_result(self) -> str:
        """Describe how the result is made from predictions."""
        if self.fallback:
            best = min(self.baselines, key=lambda each: each.score.loss)
            return (
                f" However, the result is not the network's but that of a {best.words} whose "
                "footprint excludes the centre pixel: its error was smaller."
            )
        if self.settings.network != "donut" or self.settings.invariant:
            return ""
        bayes = "non-local Bayes denoising (Lebrun et al., SIAM J. Imaging Sci. 2013)"
        if traits_of(self.settings).recorrupts:
            delivered = " The result is the prediction from the image itself"
            if not self.settings.volume:
                delivered += (
                    f", refined by {bayes} of the noisy image with the measured covariance of its "
                    "noise"
                )
        else:
            delivered = (
                " The prediction was corrected for bias by the means of the noisy pixels at each "
                "predicted intensity, and combined with the noisy pixels according to the noise "
                "estimated from its residuals, where these are distributed as noise is (Laine et "
                "al., 2019)"
            )
            if not self.settings.volume:
                delivered += (
                    f", and averaged with the result of {bayes} of the noisy image, guided by it"
                )
        return (
            f"{delivered}. A smooth correction in proportion to the noise gave "
            f"{'cubes' if self.settings.volume else 'squares'} of {CELL} pixels their mean in the "
            "noisy image."
        )

    def _without_effect(self) -> tuple[str, ...]:
        """List the settings that have no effect on such a training."""
        of_masks = ("partition", "grid_width", "density", "fill")
        if self.replicates:
            return (*of_masks, "blind_spot_radius", "context", "channels", "invariant")
        return of_masks if traits_of(self.settings).blind_spot else ("blind_spot_radius", "context")

    def _guides(self) -> str:
        return f"guides of the same field ({self.guides} channel{'s' * (self.guides > 1)})"

    def _methods_of_replicates(self, trained: str, settings: str) -> str:
        found = self.network
        network = "DnCNN" if self.settings.network == "dncnn" else "U-Net"
        inputs = f" with {self._guides()} as further inputs" if self.guides else ""
        return (
            f"Images were denoised with napari-n2s {self.versions['napari-n2s']} (PyTorch "
            f"{self.versions['torch']}) by predicting noisy replicates of the same field from each "
            f"other (Noise2Noise; Lehtinen et al., ICML 2018), here {self.replicates}: a "
            f"{network}{inputs} was trained without clean data for {trained} on the {self.device}, "
            f"with {settings} and random seed {self.settings.seed}, and its results for all "
            f"replicates were averaged. On {found.pixels} pixels of the first one withheld from "
            "training, the mean squared error of the prediction from another replicate against the "
            f"noisy values was {found.loss:.4g} (standard error {found.error:.2g})."
        )

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
