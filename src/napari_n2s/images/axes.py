"""Axes of an image: parsing, and conversion to the canonical layout ``(N, C, *space)`` and back.

In the canonical layout N counts samples (slices, frames, positions), on all of which one network is
trained, C counts channels, and space is the axes of its convolutions: YX, or ZYX for volumes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError

SMALLEST = 16
"""Minimum size of an image in pixels along Y and X."""

CHANNELS = "CS"
SPACE = "YX"
UNKNOWN = "ABDEFGHIJKLMNOPUVWRQ"
"""Letters for axes of unknown meaning, the last first."""
APART = "#"
"""Letter of an axis of unrelated samples, as pieces of a large image, which are no neighbours."""


@dataclass(frozen=True)
class Context:
    """Neighbouring samples (slices or frames) that a network sees along with the one it denoises.

    Attributes
    ----------
    axis : str
        Letter of the axis along which they are neighbours.
    count : int
        Number of neighbours on each side.
    """

    axis: str
    count: int


@dataclass(frozen=True)
class Layout:
    """Mapping of the axes of an image to ``(N, C, *space)`` and back.

    Attributes
    ----------
    axes : str
        One letter for each axis: Y and X are space, C and S (colour samples) are channels, all
        other letters count samples.
    shape : tuple of int
        The image's shape, in the order of `axes`.
    space : str
        The axes of space: YX, or ZYX for volumes.
    """

    axes: str
    shape: tuple[int, ...]
    space: str = SPACE

    @property
    def size(self) -> int:
        """Number of values."""
        return prod(self.shape)

    @property
    def is_volume(self) -> bool:
        """Whether Z is an axis of space."""
        return self.space != SPACE

    def as_volume(self, volume: bool) -> Layout:
        """Return the same axes with Z as an axis of space (volume) or of samples.

        Raises
        ------
        ImageError
            If it is to be a volume and has not exactly one axis Z.
        """
        if volume and self.axes.count("Z") > 1:
            raise ImageError(
                f"The axes {self.axes} have more than one Z; a volume has exactly one."
            )
        if volume and "Z" not in self.axes:
            raise ImageError(
                f"The axes {self.axes} have no Z, so that there is no volume; name the axes, as "
                "ZYX, or denoise each slice by itself."
            )
        return replace(self, space="Z" * volume + SPACE)

    def require_size(self) -> None:
        """Check that an image of this layout is large enough to train on.

        Raises
        ------
        ImageError
            If it is empty or too small.
        """
        if 0 in self.shape:
            raise ImageError(f"The image is empty: its shape is {_shape_text(self.shape)}.")
        if min(self.canonical_shape[-2:]) < SMALLEST:
            plane = _shape_text(self.canonical_shape[-2:])
            raise ImageError(
                f"The image has {plane} pixels along Y and X; training needs at least {SMALLEST} "
                "along each; crop less, or correct the axes."
            )

    @property
    def sample_axes(self) -> str:
        """Letters of the axes along which samples have neighbours; none that is used twice."""
        sizes = zip(self.axes, self.shape, strict=True)
        own = (a for a, size in sizes if size > 1 and self.axes.count(a) == 1)
        return "".join(a for a in own if self._is_sample_axis(a) and a != APART)

    def _sample_numbers(self) -> NDArray[np.intp]:
        """Number the samples, in an array with their axes."""
        sizes = [s for a, s in zip(self.axes, self.shape, strict=True) if self._is_sample_axis(a)]
        return np.arange(prod(sizes)).reshape(sizes)

    def _is_sample_axis(self, letter: str) -> bool:
        return letter not in CHANNELS + self.space

    def neighbours(self, context: Context) -> NDArray[np.intp]:
        """List the neighbours of each sample, nearest first; shape ``(N, 2 * count)``.

        Beyond an end they are mirrored; no sample is its own neighbour.

        Raises
        ------
        ImageError
            If there is no such axis, or only one sample along it.
        """
        if context.axis not in self.sample_axes:
            raise ImageError(
                f"The network was trained with neighbouring images along {context.axis}; choose "
                "an image with such an axis, or train with context 0."
            )
        letters = [letter for letter in self.axes if self._is_sample_axis(letter)]
        along = np.moveaxis(self._sample_numbers(), letters.index(context.axis), 0)
        size = len(along)
        found = []
        for step in range(1, context.count + 1):
            for offset in (-step, step):
                places = [_mirrored(i, offset, size) for i in range(size)]
                moved = np.moveaxis(along[places], 0, letters.index(context.axis))
                found.append(moved.ravel())
        return np.stack(found, 1)

    def samples_within(self, part: tuple[slice, ...]) -> NDArray[np.intp]:
        """List the samples in a part of the image, which is one slice for each of its axes."""
        sides = [side for a, side in zip(self.axes, part, strict=True) if self._is_sample_axis(a)]
        return self._sample_numbers()[tuple(sides)].ravel()

    def place(self, number: int) -> tuple[int | slice, ...]:
        """Locate a sample in the image: an index or slice for each axis."""
        sizes = [s for a, s in zip(self.axes, self.shape, strict=True) if self._is_sample_axis(a)]
        at = iter(np.unravel_index(number, sizes))
        return tuple(int(next(at)) if self._is_sample_axis(a) else slice(None) for a in self.axes)

    def to_sample(self, picture: NDArray[np.generic]) -> NDArray[np.generic]:
        """Rearrange a sample, or a part of it, from the image's axes to ``(C, *space)``."""
        channels, space = self._within_place
        ordered = picture.transpose(*channels, *space)
        return ordered.reshape(self.canonical_shape[1], *ordered.shape[len(channels) :])

    def from_sample(self, sample: NDArray[np.generic]) -> NDArray[np.generic]:
        """Rearrange a sample ``(C, *space)``, or a part of it, to the image's axes."""
        channels, space = self._within_place
        counts = [self.shape[i] for i in _channels_first(self.axes)]
        return sample.reshape(*counts, *sample.shape[1:]).transpose(np.argsort(channels + space))

    @property
    def _within_place(self) -> tuple[list[int], list[int]]:
        """Axis numbers of channels and of space within a sample."""
        letters = [letter for letter in self.axes if not self._is_sample_axis(letter)]
        channels = _channels_first(letters)
        return channels, [letters.index(letter) for letter in self.space]

    @property
    def _order(self) -> tuple[int, ...]:
        """Axis numbers: samples first, then channels, then space."""
        space = [self.axes.index(letter) for letter in self.space]
        channels = _channels_first(self.axes)
        samples = [i for i in range(len(self.axes)) if i not in space + channels]
        return (*samples, *channels, *space)

    @property
    def colours(self) -> int:
        """Number of colours of each channel, which are consecutive in the canonical layout."""
        return prod(size for a, size in zip(self.axes, self.shape, strict=True) if a == "S")

    @property
    def canonical_shape(self) -> tuple[int, ...]:
        """Shape ``(N, C, *space)`` of the image in the canonical layout."""
        sizes = list(zip(self.axes, self.shape, strict=True))
        channels = prod(size for letter, size in sizes if letter in CHANNELS)
        samples = prod(size for letter, size in sizes if letter not in CHANNELS + self.space)
        return (samples, channels, *(self.shape[self.axes.index(each)] for each in self.space))

    def canonical(self, image: NDArray[np.generic]) -> NDArray[np.generic]:
        """Rearrange an image of this layout to ``(N, C, *space)``, as a view if possible."""
        return image.transpose(self._order).reshape(self.canonical_shape)

    def restore(self, canonical: NDArray[np.generic]) -> NDArray[np.generic]:
        """Rearrange ``(N, C, *space)`` back to the image's own axes."""
        order = self._order
        ordered = canonical.reshape([self.shape[i] for i in order])
        return ordered.transpose(np.argsort(order))


def _channels_first(letters: Sequence[str]) -> list[int]:
    """Number the axes of channels, those of colours last."""
    found = [i for i, letter in enumerate(letters) if letter in CHANNELS]
    return sorted(found, key=lambda i: CHANNELS.index(letters[i]))


def parse_axes(shape: tuple[int, ...], axes: str | None = None) -> Layout:
    """Parse the axes of an image; slices along Z are samples.

    Parameters
    ----------
    shape : tuple of int
    axes : str, optional
        One letter for each axis, as ``"TYX"`` or ``"YXC"``. Left out, the last two axes are Y and
        X, unless the last has 3 or 4 entries: then it is colour. Axes before them are samples.

    Raises
    ------
    ImageError
        If the axes do not fit the shape, or the image is too small to train on.
    """
    if len(shape) < 2:
        raise ImageError(
            f"The image has {len(shape)} {'axis' if len(shape) == 1 else 'axes'}; denoising needs "
            "at least two axes, Y and X."
        )
    letters = _guess(shape) if axes is None else axes.upper()
    if len(letters) != len(shape):
        raise ImageError(
            f"The axes {letters} name {len(letters)} axes, but the image has {len(shape)}, of "
            f"shape {_shape_text(shape)}; give one letter for each."
        )
    if not letters.isalpha() or any(letters.count(letter) != 1 for letter in SPACE):
        raise ImageError(
            f"The axes {letters} must be letters, with Y and X once each, as YX, TYX or YXC."
        )
    found = Layout(letters, tuple(shape))
    found.require_size()
    return found


def _mirrored(place: int, step: int, size: int) -> int:
    """Return the place some steps away, mirrored at the ends; at least a direct neighbour."""
    for there in (place + step, place - step, place + 1, place - 1):
        if 0 <= there < size:
            return there
    raise ValueError("a single sample has no neighbours")


def _guess(shape: tuple[int, ...]) -> str:
    picture = "YXS" if len(shape) > 2 and shape[-1] in (3, 4) else "YX"
    others = len(shape) - len(picture)
    return unknown_axes(others - 2) + "TZ"[max(0, 2 - others) :] + picture


def unknown_axes(count: int) -> str:
    """Return letters for axes of unknown meaning, each its own; the last is Q."""
    return UNKNOWN[max(0, len(UNKNOWN) - count) :] if count > 0 else ""


def _shape_text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
