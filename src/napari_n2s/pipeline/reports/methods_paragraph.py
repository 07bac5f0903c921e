"""The outcome of a denoising as a paragraph for the methods section of a paper."""

from __future__ import annotations

from dataclasses import asdict

from napari_n2s.core.settings import Settings
from napari_n2s.inference.brightness import CELL
from napari_n2s.methods.traits import traits_of
from napari_n2s.pipeline.reports.outcome import Outcome

DESCRIBED = ("seconds", "steps", "device", "pretrained", "blind_spot_radius")
"""Settings that the methods paragraph mentions in its own words."""


def methods_paragraph(outcome: Outcome) -> str:
    """Write a paragraph for the methods section of a paper."""
    found, least = outcome.network, min(each.score.loss for each in outcome.baselines)
    trained = f"{outcome.steps} steps" + (
        "" if outcome.settings.steps else f" ({outcome.seconds:.0f} s including inference)"
    )
    network = (
        "a blind-spot network (U-Net on the phases of a kernel without its centre; Laine et "
        "al., NeurIPS 2019)"
        if outcome.settings.network == "donut"
        else f"a {outcome.settings.network} network"
    )
    radius = " × ".join(map(str, outcome.settings.blind_spot_radius or ()))
    traits = traits_of(outcome.settings)
    if traits.recorrupts:
        network = (
            "a U-Net that sees all pixels, trained on recorrupted images, to which noise of "
            "the measured covariance, correlated between pixels up to a distance of "
            f"{radius} (Y × X), was added and from which it was subtracted "
            "(Recorrupted-to-Recorrupted; Pang et al., CVPR 2021),"
        )
    elif traits.blind_spot and any(outcome.settings.blind_spot_radius or ()):
        network += f" with a blind-spot radius of {radius} pixels"
    if outcome.settings.channels == "independent":
        network += " for each channel"
    changed = [
        f"{name} {value}"
        for name, value in asdict(outcome.settings).items()
        if value != getattr(Settings(), name) and name not in DESCRIBED + _without_effect(outcome)
    ]
    settings = (
        f"its default settings except {', '.join(changed)}" if changed else "its default settings"
    )
    start = (
        ", starting from weights pretrained on simulated images,"
        if outcome.settings.pretrained
        else ""
    )
    if outcome.replicates:
        return _methods_of_replicates(outcome, trained, settings)
    prediction = (
        "prediction of one recorrupted image from the other, less the variance that was added,"
        if traits.recorrupts
        else "blind prediction against the noisy values"
    )
    source = "a part of the noisy image" if outcome.region else "the noisy image"
    if outcome.sampled:
        source = f"pieces drawn from all over {source}"
    also_seen = []
    if outcome.context:
        also_seen.append(
            f"{outcome.context.count} neighbouring images to each side along its axis "
            f"{outcome.context.axis}"
        )
    if outcome.guides:
        also_seen.append(_guides(outcome))
    inputs = f"with {' and '.join(also_seen)} as further inputs, " if also_seen else ""
    applied = ", and then applied to another image or part" if outcome.applied_elsewhere else ""
    return (
        f"Images were denoised with napari-n2s {outcome.versions['napari-n2s']} (PyTorch "
        f"{outcome.versions['torch']}) by self-supervision (Noise2Self; Batson & Royer, ICML "
        f"2019): {network}{start} was trained on {source} alone, {inputs}without clean data, "
        f"for {trained} on the {outcome.device}, with {settings} and random seed "
        f"{outcome.settings.seed}{applied}. On {found.pixels} pixels withheld from training, the "
        f"mean squared error of the network's {prediction} was "
        f"{found.loss:.4g} (standard error {found.error:.2g}), against {least:.4g} for the "
        f"best of a median and a Gaussian filter calibrated on the same pixels."
        f"{_describe_result(outcome)}"
    )


def _describe_result(outcome: Outcome) -> str:
    """Describe how the result is made from predictions."""
    if outcome.fallback:
        best = min(outcome.baselines, key=lambda each: each.score.loss)
        return (
            f" However, the result is not the network's but that of a {best.words} whose "
            "footprint excludes the centre pixel: its error was smaller."
        )
    if outcome.settings.network != "donut" or outcome.settings.invariant:
        return ""
    bayes = "non-local Bayes denoising (Lebrun et al., SIAM J. Imaging Sci. 2013)"
    if traits_of(outcome.settings).recorrupts:
        delivered = " The result is the prediction from the image itself"
        if not outcome.settings.volume:
            delivered += (
                f", refined by {bayes} of the noisy image with the measured covariance of its noise"
            )
    else:
        delivered = (
            " The prediction was corrected for bias by the means of the noisy pixels at each "
            "predicted intensity, and combined with the noisy pixels according to the noise "
            "estimated from its residuals, where these are distributed as noise is (Laine et "
            "al., 2019)"
        )
        if not outcome.settings.volume:
            delivered += (
                f", and averaged with the result of {bayes} of the noisy image, guided by it"
            )
    return (
        f"{delivered}. A smooth correction in proportion to the noise gave "
        f"{'cubes' if outcome.settings.volume else 'squares'} of {CELL} pixels their mean in the "
        "noisy image."
    )


def _without_effect(outcome: Outcome) -> tuple[str, ...]:
    """List the settings that have no effect on such a training."""
    of_masks = ("partition", "grid_width", "density", "fill")
    if outcome.replicates:
        return (*of_masks, "blind_spot_radius", "context", "channels", "invariant")
    return of_masks if traits_of(outcome.settings).blind_spot else ("blind_spot_radius", "context")


def _guides(outcome: Outcome) -> str:
    return f"guides of the same field ({outcome.guides} channel{'s' * (outcome.guides > 1)})"


def _methods_of_replicates(outcome: Outcome, trained: str, settings: str) -> str:
    found = outcome.network
    network = "DnCNN" if outcome.settings.network == "dncnn" else "U-Net"
    inputs = f" with {_guides(outcome)} as further inputs" if outcome.guides else ""
    return (
        f"Images were denoised with napari-n2s {outcome.versions['napari-n2s']} (PyTorch "
        f"{outcome.versions['torch']}) by predicting noisy replicates of the same field from each "
        f"other (Noise2Noise; Lehtinen et al., ICML 2018), here {outcome.replicates}: a "
        f"{network}{inputs} was trained without clean data for {trained} on the {outcome.device}, "
        f"with {settings} and random seed {outcome.settings.seed}, and its results for all "
        f"replicates were averaged. On {found.pixels} pixels of the first one withheld from "
        "training, the mean squared error of the prediction from another replicate against the "
        f"noisy values was {found.loss:.4g} (standard error {found.error:.2g})."
    )
