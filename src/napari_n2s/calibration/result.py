"""The result of a calibration, and applying the calibrated denoiser."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from napari_n2s.core.errors import ImageError
from napari_n2s.core.generators import finish
from napari_n2s.core.progress import Applying
from napari_n2s.core.settings import Settings
from napari_n2s.filters.catalogue import Denoiser, smooths_least
from napari_n2s.images.axes import APART
from napari_n2s.images.image import Image, open_image
from napari_n2s.noise.correlation import choose_blind_spot
from napari_n2s.noise.mixing import Mixing, plan_mixing
from napari_n2s.preparation.held_out import Score
from napari_n2s.preparation.prepared import PreparedImage, fill_missing
from napari_n2s.preparation.streaming import SampleStream

CORRELATED = (
    "Neighbours predict such noise, so that the least smoothing seems best: train a network "
    "instead (the Denoise dock), which takes the correlation into account."
)
UNCERTAIN = (
    "The least smoothing is best: either noise is weak compared with the finest structure, or it "
    "is correlated between neighbouring pixels, so that they predict it. Train a network instead "
    "(the Denoise dock), which can be done for either kind of noise."
)
WEAK = (
    "The least smoothing is best, and no correlation of noise between neighbouring pixels was "
    "found: noise is probably weak compared with the finest structure, which a filter blurs. A "
    "network (the Denoise dock) usually keeps more of it."
)


@dataclass(frozen=True)
class Tried:
    """One combination of parameters, with its errors.

    Attributes
    ----------
    values : dict
        Its parameters by name.
    score : Score
        Error of the blind prediction: least at the best parameters.
    ordinary : float
        Error of the ordinary output against the noisy pixels that it has seen: it falls with the
        strength of the filter, so it is uninformative about the best parameters.
    """

    values: dict[str, Any]
    score: Score
    ordinary: float


@dataclass(frozen=True)
class Calibration:
    """All that was tried on an image, and the best of it.

    Attributes
    ----------
    method : str
    tried : tuple of Tried
        In order of their parameters.
    denoiser : Denoiser
    ready : PreparedImage
        The prepared image.
    """

    method: str
    tried: tuple[Tried, ...]
    denoiser: Denoiser
    ready: PreparedImage

    @property
    def best(self) -> Tried:
        """The one with the least error of the blind prediction."""
        return min(self.tried, key=lambda each: each.score.loss)

    @cached_property
    def mixing(self) -> Mixing:
        """How to mix the noisy pixels into the best blind prediction, and what it would gain."""
        return mixing_at(self.ready, self.denoiser, self.best.values)

    def apply(
        self,
        image: Any,
        *,
        values: dict[str, Any] | None = None,
        mix: bool | None = None,
        dtype: Any = None,
    ) -> Any:
        """Denoise the image, or another like it, with the best parameters.

        Parameters
        ----------
        image : array_like
            With the same axes and channels, and on the same intensity scale.
        values : dict, optional
            Other parameters than the best.
        mix : bool, optional
            Mix the noisy pixels into the prediction of a filter without the centre pixel; by
            default, if the noise is known well enough.
        dtype : dtype, optional
            Type of the result; of an integer type, it is rounded and clipped into its range. If
            left out, float32, or float64 where that has too few digits for the image's differences.

        Returns
        -------
        ndarray
            Of the image's shape.

        Raises
        ------
        ImageError, DenoiserError
        """
        opened = self.open(image)
        work = self.applying(opened, values=values, mix=mix, dtype=dtype)
        return opened.labelled(finish(work))

    def open(self, image: Any, axes: str | None = None) -> Image:
        """Open an image like the one that it was calibrated on, with that one's axes if left out.

        Raises
        ------
        ImageError
        """
        layout = self.ready.layout
        return open_image(image, axes or layout.axes.replace(APART, ""), volume=layout.is_volume)

    def applying(
        self,
        image: Image,
        *,
        values: dict[str, Any] | None = None,
        mix: bool | None = None,
        dtype: Any = None,
        out: Any = None,
    ) -> Generator[Applying, None, Any]:
        """Apply as `apply` does, yielding progress after each sample; `out` is as for a `Model`."""
        values, mixing = values or self.best.values, None
        if self.denoiser.blind and (self.mixes if mix is None else mix):
            mixing = mixing_at(self.ready, self.denoiser, values)
        how = (self.denoiser, values, self.ready, mixing)
        return (yield from filtering(image, *how, dtype, out))

    @property
    def mixes(self) -> bool:
        """Whether pixels are mixed in by default."""
        return self.denoiser.blind and not self.mixing.doubtful

    @cached_property
    def weakest(self) -> str:
        """Why the least smoothing is the best; empty if more is, or for a function of one's own.

        The correlation of the noise is measured for this, which takes up to a tenth of a second.
        """
        if not smooths_least(self.denoiser, self.best.values, [each.values for each in self.tried]):
            return ""
        choice = choose_blind_spot(self.ready)
        if any(choice.radius):
            return f"{choice.cause} {CORRELATED}"
        return UNCERTAIN if choice.cause else WEAK

    def sentence(self) -> str:
        """State the result in a sentence."""
        best = self.best
        found = (
            f"{self.method} at {say(best.values)}: squared error {best.score.loss:.4g} ± "
            f"{best.score.error:.2g} on {best.score.pixels} held-out pixels."
        )
        beyond = self._end and f"That is the {self._end} that was tried: the best may lie beyond."
        return " ".join(filter(None, (found, self.weakest or beyond, self.ready.unread)))

    @property
    def _end(self) -> str:
        """Name the parameter whose best value is the smallest or largest tried, if there is one."""
        for name, value in self.best.values.items():
            others = {each.values[name] for each in self.tried}
            if len(others) > 1 and all(isinstance(each, int | float) for each in others):
                if value == max(others):
                    return f"largest {name}"
                if value == min(others) and not self.denoiser.blind:
                    return f"smallest {name}"
        return ""

    def to_dict(self) -> dict[str, Any]:
        """Convert everything to built-in types, for JSON."""
        return {
            "method": self.method,
            "best": asdict(self.best),
            "tried": [asdict(each) for each in self.tried],
        }


def filtering(
    image: Image,
    denoiser: Denoiser,
    values: dict[str, Any],
    ready: PreparedImage,
    mixing: Mixing | None = None,
    dtype: Any = None,
    out: Any = None,
) -> Generator[Applying, None, Any]:
    """Denoise an image, or a part of it, on the scale of a prepared one.

    Yields
    ------
    Applying
        After each sample.

    Returns
    -------
    ndarray
        Of the image's shape; NaN and infinite pixels are unchanged.
    """
    kind = image.result_dtype(dtype if out is None else out.dtype, "omit")
    if image.channels != ready.x.shape[1]:
        raise ImageError(
            f"The image has {image.channels} channels, but {ready.x.shape[1]} were calibrated "
            "on; choose an image like that one."
        )
    settings = Settings()
    stream = SampleStream(image, None, kind, settings, out)
    for done, number in enumerate(stream.samples, start=1):
        (sample, excluded), _ = stream.read(number, stream.space)
        x = fill_missing(ready.scale.normalise(sample, excluded.gaps), excluded.gaps)
        filtered = denoiser.run(x, values, ready)
        if mixing:
            filtered = mixing.mix(filtered, x)
        stream.write(
            number, stream.space, ready.scale.restore(filtered), sample, excluded.kept(settings)
        )
        yield Applying(done / len(stream.samples))
    return stream.result


def mixing_at(ready: PreparedImage, denoiser: Denoiser, values: dict[str, Any]) -> Mixing:
    """Plan how to mix the noisy pixels into the prediction of a blind filter."""
    blind = denoiser.predictor(ready, blind=True)(values)
    return plan_mixing(ready.held_out.crop_windows(ready.x), blind, ready.held_out_values)


def say(values: dict[str, Any]) -> str:
    """Format parameters for a sentence."""
    return ", ".join(
        f"{name.replace('_', ' ')} {f'{value:.3g}' if isinstance(value, float) else value}"
        for name, value in values.items()
    )
