"""The outcome of a denoising: settings, scores on held-out pixels, and findings."""

from __future__ import annotations

from dataclasses import dataclass

from napari_n2s.core.settings import Settings
from napari_n2s.filters.baselines import Baseline
from napari_n2s.images.axes import Context
from napari_n2s.preparation.held_out import Score


@dataclass(frozen=True)
class Outcome:
    """What came of one denoising, as numbers and names.

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
    alternative_radius : tuple of int or None
        The blind-spot radius that is right if the one chosen for the image is wrong; None if that
        is certain, or was set.
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
    alternative_radius: tuple[int, ...] | None = None

    @property
    def network_is_best(self) -> bool:
        """Whether the network beats every baseline on the held-out pixels."""
        return all(self.network.loss <= each.score.loss for each in self.baselines)
