"""What a calibration has found, and a filter applied at what it found."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from napari_n2s.core.errors import ImageError
from napari_n2s.core.generators import finish
from napari_n2s.core.progress import Applying
from napari_n2s.core.settings import Settings
from napari_n2s.filters.catalogue import Denoiser
from napari_n2s.images.axes import APART
from napari_n2s.images.image import Image, open_image
from napari_n2s.noise.mixing import Mixing, plan_mixing
from napari_n2s.preparation.held_out import Score
from napari_n2s.preparation.prepared import PreparedImage, fill_missing
from napari_n2s.preparation.streaming import SampleStream


@dataclass(frozen=True)
class Tried:
    """One strength of a denoiser.

    Attributes
    ----------
    values : dict
        Its parameters by name.
    score : Score
        Error of what it predicts without seeing the pixel: least where it is best.
    ordinary : float
        Error of what it gives having seen the pixel: the less it does, the less. It tells nothing.
    """

    values: dict[str, Any]
    score: Score
    ordinary: float


@dataclass(frozen=True)
class Calibration:
    """What was tried on an image, and the best of it.

    Attributes
    ----------
    method : str
    tried : tuple of Tried
        In order of their values.
    denoiser : Denoiser
    ready : PreparedImage
        The image.
    """

    method: str
    tried: tuple[Tried, ...]
    denoiser: Denoiser
    ready: PreparedImage

    @property
    def best(self) -> Tried:
        """The one with the least error on pixels that it has not seen."""
        return min(self.tried, key=lambda each: each.score.loss)

    @cached_property
    def mixing(self) -> Mixing:
        """What mixing the noisy pixels back into the best blind prediction would gain."""
        return mixing_at(self.ready, self.denoiser, self.best.values)

    def apply(
        self,
        image: Any,
        *,
        values: dict[str, Any] | None = None,
        mix: bool | None = None,
        dtype: Any = None,
    ) -> Any:
        """Denoise the image, or another like it, at the best strength.

        Parameters
        ----------
        image : array_like
            With the same axes and channels, and on the same intensity scale.
        values : dict, optional
            Other parameters than the best.
        mix : bool, optional
            Mix the noisy pixels back into what a filter predicts without them; left out, where the
            noise is known well enough. It is only for filters that leave the pixel out.
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
        """Do as `apply`, yielding how far it is after each picture; `out` is as for a `Model`."""
        values, mixing = values or self.best.values, None
        if self.denoiser.blind and (self.mixes if mix is None else mix):
            mixing = mixing_at(self.ready, self.denoiser, values)
        how = (self.denoiser, values, self.ready, mixing)
        return (yield from filtering(image, *how, dtype, out))

    @property
    def mixes(self) -> bool:
        """Whether pixels are mixed back if nobody says otherwise."""
        return self.denoiser.blind and not self.mixing.doubtful

    def sentence(self) -> str:
        """Say what came out."""
        best = self.best
        beyond = (
            f" That is the {self._end} that was tried: the best may lie beyond."
            if self._end
            else ""
        )
        return (
            f"{self.method} at {say(best.values)}: squared error {best.score.loss:.4g} ± "
            f"{best.score.error:.2g} on {best.score.pixels} held-out pixels.{beyond} "
            f"{self.ready.unread}"
        ).rstrip()

    @property
    def _end(self) -> str:
        """Whether the best is the least or the most that was tried of a parameter, in a word."""
        for name, value in self.best.values.items():
            others = {each.values[name] for each in self.tried}
            if len(others) > 1 and all(isinstance(each, int | float) for each in others):
                if value == max(others):
                    return f"largest {name}"
                if value == min(others) and not self.denoiser.blind:
                    return f"smallest {name}"
        return ""

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain numbers, words, lists and dicts."""
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
    """Denoise an image, or a part of it, on the scale of the one made ready.

    Yields
    ------
    Applying
        After each picture.

    Returns
    -------
    ndarray
        Of the image's shape; pixels that are NaN or infinite are as they were.
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
    """Plan how to mix the noisy pixels back into what a blind filter predicts."""
    blind = denoiser.predictor(ready, blind=True)(values)
    return plan_mixing(ready.held_out.crop_windows(ready.x), blind, ready.held_out_values)


def say(values: dict[str, Any]) -> str:
    """Write values as a person would."""
    return ", ".join(
        f"{name.replace('_', ' ')} {f'{value:.3g}' if isinstance(value, float) else value}"
        for name, value in values.items()
    )
