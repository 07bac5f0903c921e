"""Which axis of an image means what, and the one shape in which all the work is done.

Inside, every image is ``(N, C, *space)``: N samples (slices, frames, positions) that one network
learns from together, C channels that it sees at once, and the axes it convolves over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from napari_n2s.core.errors import ImageError

SMALLEST = 16
"""Pixels that an image needs along each axis of space: below, a mask has no surroundings."""

CHANNELS = "CS"
SPACE = "YX"
UNKNOWN = "ABDEFGHIJKLMNOPUVWRQ"
"""Letters that mean nothing in particular."""
APART = "#"
"""An axis of samples that have nothing to do with each other, as pieces of a large image."""


@dataclass(frozen=True)
class Context:
    """The pictures beside one along an axis.

    Attributes
    ----------
    axis : str
        Its letter.
    count : int
        How many to each side.
    """

    axis: str
    count: int


@dataclass(frozen=True)
class Layout:
    """How the axes of one image map onto ``(N, C, *space)`` and back.

    Attributes
    ----------
    axes : str
        One letter for each axis: Y and X are space, C and S (colour samples) are channels, all
        other letters count samples.
    shape : tuple of int
        The image's shape, in the order of `axes`.
    space : str
        The axes of space: YX, or ZYX where slices are neighbours.
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
        """Give the same axes with Z as an axis of space, or not.

        Raises
        ------
        ImageError
            If there is not exactly one axis Z, though there should be.
        """
        if volume and self.axes.count("Z") > 1:
            raise ImageError(
                f"The axes {self.axes} have more than one Z, of which a volume has one."
            )
        if volume and "Z" not in self.axes:
            raise ImageError(
                f"The axes {self.axes} have no Z, so that there are no slices to look at together; "
                "name the axes, as ZYX, or take each picture by itself."
            )
        return replace(self, space="Z" * volume + SPACE)

    def require_size(self) -> None:
        """Make sure that an image of this layout can be learnt from.

        Raises
        ------
        ImageError
            If it is empty, or too small.
        """
        if 0 in self.shape:
            raise ImageError(f"The image is empty: its shape is {_times(self.shape)}.")
        if min(self.canonical_shape[-2:]) < SMALLEST:
            raise ImageError(
                f"The image has {_times(self.canonical_shape[-2:])} pixels along Y and X; training "
                f"needs at least {SMALLEST} along each, or its axes named otherwise."
            )

    @property
    def sample_axes(self) -> str:
        """The axes along which there are pictures beside a picture, by letters of their own."""
        sizes = zip(self.axes, self.shape, strict=True)
        own = (a for a, size in sizes if size > 1 and self.axes.count(a) == 1)
        return "".join(a for a in own if self._counts(a) and a != APART)

    def _numbers(self) -> NDArray[np.intp]:
        """Number the samples, along each of their axes in order."""
        sizes = [s for a, s in zip(self.axes, self.shape, strict=True) if self._counts(a)]
        return np.arange(prod(sizes)).reshape(sizes)

    def _counts(self, letter: str) -> bool:
        return letter not in CHANNELS + self.space

    def beside(self, context: Context) -> NDArray[np.intp]:
        """List the samples beside each one, nearest first; shape ``(N, 2 * count)``.

        Beyond an end they are mirrored; none is ever beside itself.

        Raises
        ------
        ImageError
            If there is no such axis, or nothing along it.
        """
        if context.axis not in self.sample_axes:
            raise ImageError(
                f"The network has learnt from pictures beside each other along {context.axis}; "
                "choose an image with such an axis, or train with context 0."
            )
        letters = [letter for letter in self.axes if self._counts(letter)]
        along = np.moveaxis(self._numbers(), letters.index(context.axis), 0)
        size = len(along)
        found = []
        for step in range(1, context.count + 1):
            for way in (-step, step):
                places = [_mirrored(i, way, size) for i in range(size)]
                moved = np.moveaxis(along[places], 0, letters.index(context.axis))
                found.append(moved.ravel())
        return np.stack(found, 1)

    def samples_within(self, part: tuple[slice, ...]) -> NDArray[np.intp]:
        """List the samples in a part of the image: one slice for each of its axes."""
        sides = [side for a, side in zip(self.axes, part, strict=True) if self._counts(a)]
        return self._numbers()[tuple(sides)].ravel()

    def place(self, number: int) -> tuple[int | slice, ...]:
        """Tell where in the image a sample lies: an index for each axis."""
        sizes = [s for a, s in zip(self.axes, self.shape, strict=True) if self._counts(a)]
        at = iter(np.unravel_index(number, sizes))
        return tuple(int(next(at)) if self._counts(a) else slice(None) for a in self.axes)

    def to_sample(self, picture: NDArray[np.generic]) -> NDArray[np.generic]:
        """Rearrange what lies at a place, or a part of it, to ``(C, *space)``."""
        channels, space = self._within_place
        ordered = picture.transpose(*channels, *space)
        return ordered.reshape(self.canonical_shape[1], *ordered.shape[len(channels) :])

    def from_sample(self, sample: NDArray[np.generic]) -> NDArray[np.generic]:
        """Rearrange a sample ``(C, *space)``, or a part of it, to how it lies in the image."""
        channels, space = self._within_place
        counts = [s for a, s in zip(self.axes, self.shape, strict=True) if a in CHANNELS]
        return sample.reshape(*counts, *sample.shape[1:]).transpose(np.argsort(channels + space))

    @property
    def _within_place(self) -> tuple[list[int], list[int]]:
        """Numbers of the channels and of the axes of space, samples not counted."""
        letters = [letter for letter in self.axes if not self._counts(letter)]
        channels = [i for i, letter in enumerate(letters) if letter in CHANNELS]
        return channels, [letters.index(letter) for letter in self.space]

    @property
    def _order(self) -> tuple[int, ...]:
        """Axis numbers: samples first, then channels, then space."""
        space = [self.axes.index(letter) for letter in self.space]
        channels = [i for i, letter in enumerate(self.axes) if letter in CHANNELS]
        samples = [i for i in range(len(self.axes)) if i not in space + channels]
        return (*samples, *channels, *space)

    @property
    def canonical_shape(self) -> tuple[int, ...]:
        """The shape ``(N, C, *space)`` of this image inside."""
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


def parse_axes(shape: tuple[int, ...], axes: str | None = None) -> Layout:
    """Read the axes of an image, slices of an axis Z as samples.

    Parameters
    ----------
    shape : tuple of int
    axes : str, optional
        One letter for each axis, as ``"TYX"`` or ``"YXC"``. Left out, the last two axes are Y and
        X, unless the last has 3 or 4 entries: then it is colour. Axes before them are samples.

    Raises
    ------
    ImageError
        If the axes do not fit the shape, or the image is too small to learn from.
    """
    if len(shape) < 2:
        raise ImageError(
            f"The image has {len(shape)} {'axis' if len(shape) == 1 else 'axes'}; denoising needs "
            "at least the two axes of a picture, Y and X."
        )
    letters = _guess(shape) if axes is None else axes.upper()
    if len(letters) != len(shape):
        raise ImageError(
            f"The axes {letters} name {len(letters)} axes, but the image has {len(shape)}, of "
            f"shape {_times(shape)}; give one letter for each."
        )
    if not letters.isalpha() or any(letters.count(letter) != 1 for letter in SPACE):
        raise ImageError(
            f"The axes {letters} must be letters, with Y and X once each, as YX, TYX or YXC."
        )
    found = Layout(letters, tuple(shape))
    found.require_size()
    return found


def _mirrored(place: int, step: int, size: int) -> int:
    """Go some steps from a place; back, where that leads beyond an end; to a neighbour at least."""
    for there in (place + step, place - step, place + 1, place - 1):
        if 0 <= there < size:
            return there
    raise ValueError("there is nothing beside the only one")


def _guess(shape: tuple[int, ...]) -> str:
    picture = "YXS" if len(shape) > 2 and shape[-1] in (3, 4) else "YX"
    others = len(shape) - len(picture)
    return unknown_axes(others - 2) + "TZ"[max(0, 2 - others) :] + picture


def unknown_axes(count: int) -> str:
    """Name axes that nobody has named, each by a letter of its own; the last is Q."""
    return UNKNOWN[max(0, len(UNKNOWN) - count) :] if count > 0 else ""


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
