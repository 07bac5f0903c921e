"""All settings of a training, declared once: default, range, and explanation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from typing import Any

from napari_n2s.core.errors import SettingsError


def _setting(
    default: Any,
    words: str,
    *,
    within: tuple[float, float] | None = None,
    among: tuple[str, ...] = (),
) -> Any:
    return field(default=default, metadata={"words": words, "within": within, "among": among})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a training, the same in Python, in the shell and in the dock.

    Raises
    ------
    SettingsError
        If a value is of the wrong type, outside its range or not among its choices.
    """

    seconds: float = _setting(
        60.0,
        "Seconds from start to result; more leave less noise and more detail, with diminishing "
        "returns.",
        within=(0.1, 1e6),
    )
    steps: int | None = _setting(
        None,
        "Train for this number of steps instead of a time; on one processor the result is then the "
        "same in every run.",
        within=(1, 1e9),
    )
    converge: bool = _setting(
        False,
        "Continue, doubling the time, until the error on held-out pixels no longer improves by "
        "more than chance.",
    )
    network: str = _setting(
        "donut",
        "The network: donut (a blind spot in its architecture; the measured pixel is mixed back in "
        "according to its noise), or one that is trained with masks: unet-small, unet (wider, for "
        "a GPU), dncnn (with a receptive field of 35 pixels only).",
        among=("donut", "unet-small", "unet", "dncnn"),
    )
    pretrained: bool = _setting(
        True,
        "Start the donut with weights trained on simulated images, where they fit (one channel, "
        "two dimensions, a blind-spot radius of 0 to 4): good at once, and better after a minute. "
        "A few steps from scratch are tried as well, and kept if they predict the image better.",
    )
    blind_spot_radius: tuple[int, ...] | None = _setting(
        None,
        "Distance in pixels up to which noise is correlated between neighbouring pixels. With 0 "
        "the blind spot is the pixel alone; with more the network sees all pixels, and is trained "
        "on copies of the image to which such noise is added (or, with invariant, pixels up to "
        "that distance are hidden). One number, or one for each axis, such as 0 2 for noise that "
        "is correlated along X; left out, it is measured where the image is smooth.",
        within=(0, 7),
    )
    context: int | None = _setting(
        None,
        "For the donut: number of neighbouring slices or frames to each side that it also sees; "
        "left out, as many as help, up to 2, by a trial on held-out pixels; 0 denoises each by "
        "itself.",
        within=(0, 4),
    )
    volume: bool = _setting(
        False,
        "Denoise the slices of an axis Z as a volume, in three dimensions: for slices hardly "
        "farther apart than pixels. Slower; otherwise slices are denoised in two dimensions, and "
        "may be seen as neighbours of each other.",
    )
    channels: str = _setting(
        "joint",
        "The channels of an axis C: joint, one network sees and predicts all of them; independent, "
        "each has a network of its own that never sees another channel, and a step takes as many "
        "times as long. Colours (S) are always joint.",
        among=("joint", "independent"),
    )
    partition: str = _setting(
        "grid",
        "For masks: which pixels are hidden together, a regular grid or pixels drawn at random.",
        among=("grid", "random"),
    )
    grid_width: int = _setting(
        4,
        "For masks: distance of hidden pixels in the grid; a larger one hides fewer in each step.",
        within=(2, 16),
    )
    density: float = _setting(
        0.04,
        "For masks: fraction of the pixels hidden in each step if drawn at random.",
        within=(0.001, 0.5),
    )
    fill: str = _setting(
        "neighbours",
        "For masks: what replaces a hidden pixel: the mean of its neighbours, zero (the image's "
        "mean), or a random value.",
        among=("neighbours", "zero", "random"),
    )
    patch_size: int = _setting(
        64,
        "Side of the square training patches, in pixels; patches of a volume are cubes of as many "
        "voxels as four squares.",
        within=(16, 1024),
    )
    batch_size: int | None = _setting(
        None,
        "Number of patches in each training step; left out, 4 and later 8 on a processor, 32 on a "
        "GPU.",
        within=(1, 256),
    )
    learning_rate: float = _setting(
        0.02,
        "Learning rate at the start, from which it falls to zero over the training; from "
        "pretrained weights it is at least half of that, and more the faster the first steps "
        "improve.",
        within=(1e-6, 1),
    )
    loss: str = _setting(
        "l2",
        "Loss between replicates: l2 finds the mean, for noise with mean zero; l1 the median, "
        "where less than half of the pixels are corrupted, in any way; l0 the mode, where most "
        "are, each in a different way; hdr the mean by relative errors, for high dynamic range.",
        among=("l2", "l1", "l0", "hdr"),
    )
    invariant: bool = _setting(
        False,
        "The blind prediction alone, without the measured pixel mixed back in: usually less "
        "accurate, but its error can be measured. With masks it takes one pass for each set of "
        "pixels; where time is short, more pixels are hidden at once.",
    )
    nan_policy: str = _setting(
        "raise",
        "What to do with NaN and infinite pixels: raise an error, or omit them: leave them "
        "unchanged and denoise around them.",
        among=("raise", "omit"),
    )
    outliers: str = _setting(
        "auto",
        "Isolated outliers, such as hot and dead pixels or cosmic rays, are excluded from "
        "training. In the result, auto fills in certain ones from their surroundings and keeps "
        "others, possibly spots of a single pixel, as measured; fill fills in all, keep keeps all; "
        "ignore treats them as signal.",
        among=("auto", "fill", "keep", "ignore"),
    )
    constant_areas: str = _setting(
        "leave",
        "Areas of exactly one value, such as padding, burnt-in text and scale bars, blank tiles or "
        "saturation: leave them out of the training and unchanged in the result, or denoise them "
        "like the rest.",
        among=("leave", "denoise"),
    )
    offsets: str = _setting(
        "remove",
        "Offsets of whole rows or columns, as scanning detectors and cameras add them, and the "
        "fixed pattern that a camera adds to all frames of a movie: remove them before training "
        "where they are certain, or keep them as signal.",
        among=("remove", "keep"),
    )
    seed: int = _setting(0, "Seed of the random numbers.", within=(0, 2**32 - 1))
    device: str = _setting(
        "auto",
        "Where to compute: auto takes an NVIDIA GPU, else Apple's, else the processor; "
        "or cuda, mps, cpu.",
        among=("auto", "cuda", "mps", "cpu"),
    )

    def radius_along(self, ndim: int) -> tuple[int, ...]:
        """Return the blind-spot radius along each of `ndim` axes of space; 0 if still left out.

        Raises
        ------
        SettingsError
            If the setting has another number of axes.
        """
        radius = self.blind_spot_radius or (0,)
        if len(radius) not in (1, ndim):
            raise SettingsError(
                f"blind_spot_radius has {len(radius)} numbers, but the image has {ndim} axes of "
                "space; give one number, or one for each axis."
            )
        return radius * ndim if len(radius) == 1 else radius

    def __post_init__(self) -> None:
        """Validate all values."""
        radius: Any = self.blind_spot_radius
        if isinstance(radius, list | int):  # as given in a file, the shell or Python
            radius = tuple(radius) if isinstance(radius, list) else (radius,)
            object.__setattr__(self, "blind_spot_radius", radius)
        for each in fields(self):
            _check(each.name, getattr(self, each.name), each.type, each.metadata)


EFFORTS: dict[str, dict[str, Any]] = {
    "quick look": {"seconds": 15.0, "converge": False},
    "balanced": {"seconds": 60.0, "converge": False},
    "thorough": {"seconds": 300.0, "converge": False},
    "until it stops improving": {"seconds": 15.0, "converge": True},
}
"""Names for durations of a training, and the settings that they stand for."""


def words(name: str) -> str:
    """Explain a setting, for tooltips, the shell's help and the documentation."""
    return str(Settings.__dataclass_fields__[name].metadata["words"])


def choices(name: str) -> tuple[str, ...]:
    """List the choices of a setting, if it has some."""
    return tuple(Settings.__dataclass_fields__[name].metadata["among"])


def _check(name: str, value: Any, kind: Any, about: Mapping[str, Any]) -> None:
    if among := about["among"]:
        if value not in among:
            raise SettingsError(f"{name} is {value!r}; choose one of {', '.join(among)}.")
    elif value is None and "None" in kind:
        return
    elif kind == "bool":
        if not isinstance(value, bool):
            raise SettingsError(f"{name} is {value!r}; it must be True or False.")
    elif "tuple" in kind:
        if not isinstance(value, tuple) or not 1 <= len(value) <= 3:
            raise SettingsError(f"{name} is {value!r}; it must be one to three numbers, as (0, 2).")
        for each in value:
            _check(name, each, "int", about)
    else:
        whole = "int" in kind
        if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
            raise SettingsError(f"{name} is {value!r}; it must be a {'whole ' * whole}number.")
        low, high = about["within"]
        if not low <= value <= high:
            raise SettingsError(f"{name} is {value}; it must lie from {low:g} to {high:g}.")
