"""Replicates for Noise2Noise: several noisy recordings of the same field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_n2s.images.axes import Layout
from napari_n2s.images.guides import Guides, as_list
from napari_n2s.images.image import Image
from napari_n2s.images.sources import read_box


@dataclass(frozen=True)
class Replicates:
    """Images of the same field whose noise is independent.

    Attributes
    ----------
    training_images : tuple of Image
        The images to train on, all of one layout, cropped to the field that all of them show; or
        one image, along whose `neighbour_axis` the replicates lie.
    images : tuple of Image
        The images to denoise; the result is the mean of the denoised images, each at its offset.
    offsets : tuple of tuple of int
        Position of each of `images` relative to the first, in pixels along each axis.
    description : str
        What the replicates are, as a phrase for the report.
    neighbour_axis : str
        The axis along which neighbouring frames are predicted from each other; otherwise empty.
    intensity_factor : int
        Factor that brings the mean of the denoised images to the intensities of the recorded image.
    averaged_axis : int or None
        Number of the axis of the recorded image along which the replicates lie, if the result is
        averaged along it and lacks it.
    findings : tuple of str
        What the user should know, a sentence each.
    """

    training_images: tuple[Image, ...]
    images: tuple[Image, ...]
    offsets: tuple[tuple[int, ...], ...]
    description: str
    neighbour_axis: str = ""
    intensity_factor: int = 1
    averaged_axis: int | None = None
    findings: tuple[str, ...] = ()

    @property
    def axes(self) -> str:
        """Axes of a replicate, one letter each."""
        return self.images[0].axes

    def as_volume(self, volume: bool) -> Replicates:
        """Return the replicates with Z as an axis of space (volume) or of samples.

        Raises
        ------
        ImageError
            If they are to be volumes and have not exactly one axis Z.
        """
        every = (
            (each.as_volume(volume) for each in images)
            for images in (self.training_images, self.images)
        )
        training_images, images = map(tuple, every)
        return replace(self, training_images=training_images, images=images)

    def guided(self, guides: Sequence[Any]) -> Replicates:
        """Return the replicates with guides, registered to the first, attached to each of them.

        Raises
        ------
        ImageError
            If the shape of a guide does not fit.
        """
        if not (given := as_list(guides)):
            return self
        shape, axis = self.images[0].shape, self.averaged_axis
        if axis is not None:  # a guide with one frame for each replicate is averaged likewise
            full = [each.shape[:axis] + each.shape[axis + 1 :] == shape for each in given]
            pairs = zip(given, full, strict=True)
            given = [np.asarray(each).mean(axis) if averaged else each for each, averaged in pairs]
        aligned = Guides(given, shape, self.axes)
        whole = read_box(aligned, tuple(slice(0, size) for size in aligned.shape))

        def attach(image: Image, offset: Sequence[int]) -> Image:
            moved = whole
            for letter, size, start in zip(self.axes, image.shape, offset, strict=True):
                axis = aligned.axes.find(letter)
                if 0 <= axis < len(aligned.axes) - 1 and (start or size != whole.shape[axis]):
                    places = np.arange(start, start + size).clip(0, whole.shape[axis] - 1)
                    moved = moved.take(places, axis)
            layout = Layout(aligned.axes, moved.shape, image.layout.space)
            return replace(image, guides=Image(moved, layout))

        every = zip(self.images, self.offsets, strict=True)
        first = attach(self.training_images[0], np.max(self.offsets, 0))
        return replace(
            self,
            training_images=(first, *self.training_images[1:]),
            images=tuple(attach(image, offset) for image, offset in every),
        )
