"""Several noisy readings of one thing, and where they come from.

They are two images or more, one image split along an axis, or photons counted once and shared out
at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_n2s.core.errors import ImageError, SettingsError
from napari_n2s.core.system import require_memory
from napari_n2s.images.axes import Layout
from napari_n2s.images.guides import Guides, as_list
from napari_n2s.images.image import Image, open_image
from napari_n2s.images.sources import read_box
from napari_n2s.replicates import checks

SPLITS = ("neighbours", "halves", "repeats")
"""What an axis may be: frames of a movie, each learnt from the ones beside it; exposures of one
thing, of which the even and the odd are averaged; or repeats, each learnt from all others."""


@dataclass(frozen=True)
class Replicates:
    """Images of one thing whose noise is independent.

    Attributes
    ----------
    learnt : tuple of Image
        What is learnt from: images of one layout; or one, along whose axis the readings lie.
    along : str
        That axis, if pictures beside each other are learnt from each other; or nothing.
    shown : tuple of Image
        What is denoised in the end: the mean of what comes out, each in its place.
    offsets : tuple of tuple of int
        Where each of these lies in the first, in pixels along each axis.
    factor : int
        What that mean is multiplied by.
    lost : int or None
        Which axis of the image they come from, by number, they do not have, and the result neither.
    how : str
        Where they come from, for an account.
    findings : tuple of str
        What the user should know, a sentence each.
    """

    learnt: tuple[Image, ...]
    shown: tuple[Image, ...]
    offsets: tuple[tuple[int, ...], ...]
    how: str
    along: str = ""
    factor: int = 1
    lost: int | None = None
    findings: tuple[str, ...] = ()

    @property
    def axes(self) -> str:
        """Their axes, one letter for each."""
        return self.shown[0].axes

    def as_volume(self, volume: bool) -> Replicates:
        """Give them with Z as an axis of space, or not.

        Raises
        ------
        ImageError
            If they have not exactly one axis Z, though they should.
        """
        every = (
            (each.as_volume(volume) for each in images) for images in (self.learnt, self.shown)
        )
        learnt, shown = map(tuple, every)
        return replace(self, learnt=learnt, shown=shown)

    def guided(self, guides: Sequence[Any]) -> Replicates:
        """Lay guides, which fit the first reading, on all of them.

        Raises
        ------
        ImageError
            If one does not fit.
        """
        if not (given := as_list(guides)):
            return self
        shape, lost = self.shown[0].shape, self.lost
        if lost is not None:  # what shows each of the readings is averaged as they are
            longer = [each.shape[:lost] + each.shape[lost + 1 :] == shape for each in given]
            pairs = zip(given, longer, strict=True)
            given = [np.asarray(each).mean(lost) if along else each for each, along in pairs]
        laid = Guides(given, shape, self.axes)
        whole = read_box(laid, tuple(slice(0, size) for size in laid.shape))

        def lay(image: Image, offset: Sequence[int]) -> Image:
            moved = whole
            for letter, size, start in zip(self.axes, image.shape, offset, strict=True):
                axis = laid.axes.find(letter)
                if 0 <= axis < len(laid.axes) - 1 and (start or size != whole.shape[axis]):
                    places = np.arange(start, start + size).clip(0, whole.shape[axis] - 1)
                    moved = moved.take(places, axis)
            layout = Layout(laid.axes, moved.shape, image.layout.space)
            return replace(image, guides=Image(moved, layout))

        every = zip(self.shown, self.offsets, strict=True)
        first = lay(self.learnt[0], np.max(self.offsets, 0))
        return replace(
            self,
            learnt=(first, *self.learnt[1:]),
            shown=tuple(lay(image, offset) for image, offset in every),
        )


def find_replicates(
    image: Any,
    axes: str | None,
    *,
    pair: Any = None,
    along: str | None = None,
    how: str = "neighbours",
    photons_split: bool = False,
    register: bool = False,
    seed: int = 0,
) -> Replicates | None:
    """Make readings in the one way that was asked for; None if in none.

    Raises
    ------
    ImageError, SettingsError
        If that cannot be, or more than one way was.
    """
    if (pair is not None) + bool(along) + photons_split > 1:
        raise SettingsError(
            "pair, pairs_axis and split_photons are three ways to come by two readings; choose "
            "one of them."
        )
    if how not in SPLITS:
        raise SettingsError(f"pairing is {how!r}; choose one of {', '.join(SPLITS)}.")
    if how != SPLITS[0] and not along:
        raise SettingsError(f"pairing {how} says what lies along an axis; name it by pairs_axis.")
    if register and (photons_split or (along and how == SPLITS[0])):
        raise SettingsError(
            "register moves readings of the whole field, not neighbouring frames or the halves of "
            "one image; leave it out."
        )
    if pair is not None:
        others = pair if isinstance(pair, list | tuple) else [pair]
        first = _read(image, axes)
        every = [first, *(_read(each, first.axes) for each in others)]
        return pair_up(every, register=register)
    if along:
        return split(_read(image, axes), along, how, register=register)
    if photons_split:
        return split_photons(_read(image, axes), seed)
    if register:
        raise SettingsError("There is one reading only, which register cannot move; add pair.")
    return None


def pair_up(images: Sequence[Image], *, register: bool = False, how: str = "") -> Replicates:
    """Take images for readings of one thing, after a look at what distinguishes them.

    Parameters
    ----------
    images : sequence of Image
        Two or more of one shape and type, in memory.
    register : bool
        Move readings that lie elsewhere than the first, by whole pixels, so that no noise is mixed.

    Raises
    ------
    ImageError
        If they cannot be readings of one thing, or hold the same noise.
    """
    if len(images) < 2:
        raise ImageError("There is one reading only; give two or more of the same thing.")
    first, *others = images
    checks.require_alike([each.pixels for each in images])
    compared = [
        checks.compare(first.pixels, each.pixels, first.layout, number, register)
        for number, each in enumerate(others, start=2)
    ]
    shown = [first, *(Image(each.image, first.layout) for each in compared)]
    offsets = [(0,) * len(first.shape), *(each.offset for each in compared)]
    said = [sentence for each in compared for sentence in each.words]
    bleached = [each.brightness for each in compared if each.brightness]
    how = how or f"{len(images)} noisy readings of the same thing"
    how += ", moved back by whole pixels" if np.any(offsets) else ""
    how += ", brought to the brightness of the first" if bleached else ""
    return Replicates(
        learnt=_overlap(shown, offsets),
        shown=tuple(shown),
        offsets=tuple(offsets),
        how=how,
        findings=_in_short(said) + checks.tell_brightness(bleached),
    )


def split(
    image: Image, along: str, how: str = "neighbours", *, register: bool = False
) -> Replicates:
    """Split an image into readings along an axis; parameters as for `pair_up` and `SPLITS`.

    Raises
    ------
    ImageError
        If there is no such axis, or not enough along it.
    """
    along, axes = along.upper(), image.axes
    if along not in image.layout.sample_axes:
        raise ImageError(
            f"The image has no axis {along} to split, with two pictures or more along it; its axes "
            f"are {axes}."
        )
    place = axes.index(along)
    frames = np.moveaxis(image.pixels, place, 0)
    rest = Layout(axes.replace(along, ""), frames.shape[1:])
    if how == "neighbours":
        checks.require_no_copies(frames, f"frames along {along}")
        return Replicates(
            learnt=(image,),
            along=along,
            shown=(image,),
            offsets=((0,) * len(image.shape),),
            how=f"each picture and those beside it along {along}",
            findings=checks.tell_motion(frames, rest, along),
        )
    if how == "repeats":
        words = f"the {len(frames)} pictures along {along}"
        every = [Image(each, rest) for each in frames]
        return replace(pair_up(every, register=register, how=words), lost=place)
    checks.require_no_copies(frames, f"frames along {along}")
    halves = [frames[start::2].mean(0, dtype=np.float64).astype(np.float32) for start in (0, 1)]
    words = f"the averages of even and of odd pictures along {along}"
    made = pair_up([Image(each, rest) for each in halves], register=register, how=words)
    moved = checks.tell_motion(frames, rest, along)
    return replace(made, lost=place, findings=made.findings + moved)


def split_photons(image: Image, seed: int = 0) -> Replicates:
    """Share counted photons out at random into two readings of half as many.

    The halves of Poisson counts are independent: X2 ~ Binomial(X, 1/2) and X1 = X - X2.

    Raises
    ------
    ImageError
        If the image holds no counts.
    """
    array = image.pixels
    if image.any_missing:
        raise ImageError("Pixels that are NaN or infinite cannot be shared out; replace them.")
    whole = array.dtype.kind in "iu" or all(np.array_equal(row, np.rint(row)) for row in array)
    if array.min() < 0 or not whole:
        raise ImageError(
            "The image does not hold counts of photons (whole numbers from 0 upwards), which alone "
            "can be shared out."
        )
    require_memory(2 * array.size * np.dtype(np.float32).itemsize)
    rng = np.random.default_rng(seed)
    second = np.empty(array.shape, np.float32)
    for own, counts in zip(second, array, strict=True):  # binomial works on 64-bit integers
        own[...] = rng.binomial(counts.astype(np.int64), 0.5)
    first = np.subtract(array, second, dtype=np.float32)
    halves = tuple(Image(each, image.layout) for each in (first, second))
    return Replicates(
        learnt=halves,
        shown=halves,
        offsets=((0,) * array.ndim,) * 2,
        factor=2,
        how="two halves into which its photons were shared out at random",
        findings=checks.tell_photons(array, image.layout),
    )


def _read(data: Any, axes: str | None) -> Image:
    """Read an image into memory, if there is room for it."""
    image = open_image(data, axes)
    if not image.in_memory:
        require_memory(image.nbytes)
    return image.load()


def _overlap(images: list[Image], offsets: list[tuple[int, ...]]) -> tuple[Image, ...]:
    """Cut from each image what all of them show."""
    low = np.max(offsets, 0)
    high = np.min([np.add(each.shape, o) for each, o in zip(images, offsets, strict=True)], 0)
    return tuple(
        each.part(
            tuple(slice(int(a - o), int(b - o)) for a, b, o in zip(low, high, at, strict=True))
        )
        for each, at in zip(images, offsets, strict=True)
    )


def _in_short(said: list[str], most: int = 4) -> tuple[str, ...]:
    """Leave out the last of very many sentences, and say so."""
    if len(said) <= most:
        return tuple(said)
    return (*said[:most], f"And {len(said) - most} more of that kind for other readings.")
