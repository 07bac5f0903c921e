"""Finding replicates: in two or more images, along an axis, or by splitting photon counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from napari_n2s.core.errors import ImageError, SettingsError
from napari_n2s.core.system import require_memory
from napari_n2s.images.axes import Layout
from napari_n2s.images.image import Image, open_image
from napari_n2s.replicates import checks
from napari_n2s.replicates.replicates import Replicates

PAIRINGS = ("neighbours", "halves", "repeats")
"""How an axis is split into replicates: frames of a movie, each predicted from its neighbours;
repeated exposures, of which the even and the odd are averaged; or repeated exposures, each
predicted from all others."""


def find_replicates(
    image: Any,
    axes: str | None,
    *,
    pair: Any = None,
    along: str | None = None,
    pairing: str = "neighbours",
    split_photons: bool = False,
    register: bool = False,
    seed: int = 0,
) -> Replicates | None:
    """Make replicates in the way that the arguments ask for; None if they ask for none.

    Parameters
    ----------
    image : array_like
    axes : str, optional
        One letter for each axis of the image.
    pair : array_like or sequence of array_like, optional
        Further recordings of the same field.
    along : str, optional
        The axis of the image along which replicates lie.
    pairing : {"neighbours", "halves", "repeats"}
        How that axis is split; see `PAIRINGS`.
    split_photons : bool
        Split photon counts at random.
    register : bool
        Correct shifts between replicates, by whole pixels.
    seed : int
        Seed for the splitting of photons.

    Raises
    ------
    ImageError, SettingsError
        If the replicates cannot be made, or more than one way was asked for.
    """
    if (pair is not None) + bool(along) + split_photons > 1:
        raise SettingsError(
            "pair, pairs_axis and split_photons are three ways to obtain replicates; choose one "
            "of them."
        )
    if pairing not in PAIRINGS:
        raise SettingsError(f"pairing is {pairing!r}; choose one of {', '.join(PAIRINGS)}.")
    if pairing != PAIRINGS[0] and not along:
        raise SettingsError(f"pairing {pairing} is for replicates along an axis; add pairs_axis.")
    if register and (split_photons or (along and pairing == PAIRINGS[0])):
        raise SettingsError(
            "register moves replicates of the whole field, not neighbouring frames or the halves "
            "of one image; leave it out."
        )
    if pair is not None:
        others = pair if isinstance(pair, list | tuple) else [pair]
        first = _read(image, axes)
        every = [first, *(_read(each, first.axes) for each in others)]
        return replicates_from_images(every, register=register)
    if along:
        return replicates_along_axis(_read(image, axes), along, pairing, register=register)
    if split_photons:
        return replicates_from_photons(_read(image, axes), seed)
    if register:
        raise SettingsError("There is only one replicate, which register cannot move; add pair.")
    return None


def replicates_from_images(
    images: Sequence[Image], *, register: bool = False, description: str = ""
) -> Replicates:
    """Compare recordings of the same field, and correct differences in position and brightness.

    Parameters
    ----------
    images : sequence of Image
        Two or more of one shape and type, in memory.
    register : bool
        Correct shifts against the first image by whole pixels: interpolation would mix the noise of
        neighbouring pixels.
    description : str
        What the images are, for the report.

    Raises
    ------
    ImageError
        If they cannot be recordings of the same field, or have the same noise.
    """
    if len(images) < 2:
        raise ImageError("There is only one replicate; give two or more of the same field.")
    first, *others = images
    checks.require_alike([each.pixels for each in images])
    compared = [
        checks.compare(first.pixels, each.pixels, first.layout, number, register)
        for number, each in enumerate(others, start=2)
    ]
    corrected = [first, *(Image(each.image, first.layout) for each in compared)]
    offsets = [(0,) * len(first.shape), *(each.offset for each in compared)]
    findings = [sentence for each in compared for sentence in each.findings]
    brightness = [each.brightness for each in compared if each.brightness]
    description = description or f"{len(images)} noisy replicates of the same field"
    description += ", moved back by whole pixels" if np.any(offsets) else ""
    description += ", brought to the brightness of the first" if brightness else ""
    return Replicates(
        training_images=_crop_to_common_field(corrected, offsets),
        images=tuple(corrected),
        offsets=tuple(offsets),
        description=description,
        findings=_shorten(findings) + checks.describe_brightness(brightness),
    )


def replicates_along_axis(
    image: Image, along: str, pairing: str = "neighbours", *, register: bool = False
) -> Replicates:
    """Split an image into replicates along an axis.

    Parameters
    ----------
    image : Image
        In memory.
    along : str
        Letter of the axis.
    pairing : {"neighbours", "halves", "repeats"}
        How the axis is split; see `PAIRINGS`.
    register : bool
        As for `replicates_from_images`.

    Raises
    ------
    ImageError
        If there is no such axis, or fewer than two positions along it.
    """
    along, axes = along.upper(), image.axes
    if along not in image.layout.sample_axes:
        raise ImageError(
            f"The image has no axis {along} to split, with two images or more along it; its axes "
            f"are {axes}."
        )
    place = axes.index(along)
    frames = np.moveaxis(image.pixels, place, 0)
    layout = Layout(axes.replace(along, ""), frames.shape[1:])
    if pairing == "neighbours":
        checks.require_no_copies(frames, f"frames along {along}")
        return Replicates(
            training_images=(image,),
            images=(image,),
            offsets=((0,) * len(image.shape),),
            description=f"each image and its neighbours along {along}",
            neighbour_axis=along,
            findings=checks.describe_motion(frames, layout, along),
        )
    if pairing == "repeats":
        description = f"the {len(frames)} images along {along}"
        every = [Image(each, layout) for each in frames]
        made = replicates_from_images(every, register=register, description=description)
        return replace(made, averaged_axis=place)
    checks.require_no_copies(frames, f"frames along {along}")
    halves = [frames[start::2].mean(0, dtype=np.float64).astype(np.float32) for start in (0, 1)]
    description = f"the averages of the even and of the odd images along {along}"
    every = [Image(each, layout) for each in halves]
    made = replicates_from_images(every, register=register, description=description)
    motion = checks.describe_motion(frames, layout, along)
    return replace(made, averaged_axis=place, findings=made.findings + motion)


def replicates_from_photons(image: Image, seed: int = 0) -> Replicates:
    """Split photon counts at random into two replicates of half the intensity.

    The halves of Poisson counts are independent: X2 ~ Binomial(X, 1/2) and X1 = X - X2.

    Raises
    ------
    ImageError
        If the image does not hold counts.
    """
    array = image.pixels
    if image.any_missing:
        raise ImageError("Pixels that are NaN or infinite cannot be split; replace them.")
    whole = array.dtype.kind in "iu" or all(np.array_equal(row, np.rint(row)) for row in array)
    if array.min() < 0 or not whole:
        raise ImageError(
            "The image does not hold counts of photons (whole numbers from 0 upwards), and only "
            "these can be split."
        )
    require_memory(2 * array.size * np.dtype(np.float32).itemsize)
    rng = np.random.default_rng(seed)
    second = np.empty(array.shape, np.float32)
    for own, counts in zip(second, array, strict=True):  # binomial works on 64-bit integers
        own[...] = rng.binomial(counts.astype(np.int64), 0.5)
    first = np.subtract(array, second, dtype=np.float32)
    halves = tuple(Image(each, image.layout) for each in (first, second))
    return Replicates(
        training_images=halves,
        images=halves,
        offsets=((0,) * array.ndim,) * 2,
        description="two halves into which its photons were split at random",
        intensity_factor=2,
        findings=checks.describe_dispersion(array, image.layout),
    )


def _read(data: Any, axes: str | None) -> Image:
    """Read an image into memory, if there is room for it."""
    image = open_image(data, axes)
    if not image.in_memory:
        require_memory(image.nbytes)
    return image.load()


def _crop_to_common_field(images: list[Image], offsets: list[tuple[int, ...]]) -> tuple[Image, ...]:
    """Crop each image to the field that all of them show."""
    low = np.max(offsets, 0)
    high = np.min([np.add(each.shape, o) for each, o in zip(images, offsets, strict=True)], 0)
    return tuple(
        each.part(
            tuple(slice(int(a - o), int(b - o)) for a, b, o in zip(low, high, at, strict=True))
        )
        for each, at in zip(images, offsets, strict=True)
    )


def _shorten(findings: list[str], most: int = 4) -> tuple[str, ...]:
    """Replace all findings after the first few by their number."""
    if len(findings) <= most:
        return tuple(findings)
    return (
        *findings[:most],
        f"There are {len(findings) - most} more such findings for other replicates.",
    )
