"""Every setting, declared once: its default, its range, and the words that explain it."""

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
    """How a network is trained; the same in Python, in the shell and in the dock.

    Raises
    ------
    SettingsError
        If a value is of the wrong type, outside its range or not among its choices.
    """

    seconds: float = _setting(
        60.0,
        "Seconds from start to result; longer leaves less noise and more detail, with ever smaller "
        "gains.",
        within=(0.1, 1e6),
    )
    steps: int | None = _setting(
        None,
        "Train this many steps instead of for a time; on one processor the result is then the same "
        "at every run.",
        within=(1, 1e9),
    )
    converge: bool = _setting(
        False,
        "Go on, each time for as long again, until the error on unseen pixels no longer improves "
        "by more than chance explains.",
    )
    network: str = _setting(
        "donut",
        "The network: donut (blind by its architecture; the measured pixel is mixed back in "
        "by its noise), or one that learns from masked pixels: unet-small, unet (wider, for a "
        "GPU), dncnn (looks at a neighbourhood of 35 pixels only).",
        among=("donut", "unet-small", "unet", "dncnn"),
    )
    pretrained: bool = _setting(
        True,
        "Let the donut begin with what it has learnt from simulated pictures, where that fits (one "
        "channel, two dimensions, a blind-spot radius of 0 to 4): good at once, and better after "
        "a minute. A few steps from scratch are tried beside it, and taken if they predict the "
        "image better.",
    )
    blind_spot_radius: tuple[int, ...] = _setting(
        (0,),
        "How far the blind spot of the donut reaches around a pixel: 0 hides the pixel alone; more "
        "where neighbouring pixels share their noise. One number, or one for each axis, as 0 2 for "
        "noise that runs along X.",
        within=(0, 7),
    )
    context: int | None = _setting(
        None,
        "For the donut: how many slices or frames to each side it sees besides; left out, as many "
        "as help, up to 2, by a trial on unseen pixels; 0 takes each by itself.",
        within=(0, 4),
    )
    volume: bool = _setting(
        False,
        "Take the slices of an axis Z for a volume, with the third axis like the other two: for "
        "slices hardly farther apart than pixels. Takes longer; otherwise slices are pictures that "
        "may be seen beside each other.",
    )
    channels: str = _setting(
        "joint",
        "The channels of an axis C: joint, one network sees and predicts all of them; independent, "
        "each is learnt by a network of its own that never sees another, which takes each step as "
        "many times as long. Colours (S) stay together.",
        among=("joint", "independent"),
    )
    partition: str = _setting(
        "grid",
        "For masks: which pixels are hidden together, a regular grid or pixels drawn at random.",
        among=("grid", "random"),
    )
    grid_width: int = _setting(
        4,
        "For masks: distance between hidden pixels of the grid; larger hides fewer in each step.",
        within=(2, 16),
    )
    density: float = _setting(
        0.04,
        "For masks: share of the pixels hidden in each step when drawn at random.",
        within=(0.001, 0.5),
    )
    fill: str = _setting(
        "neighbours",
        "For masks: what stands in for a hidden pixel, the mean of its neighbours, zero (the "
        "image's mean), or a random value.",
        among=("neighbours", "zero", "random"),
    )
    patch_size: int = _setting(
        64,
        "Side of the squares cut from the image for training, in pixels; of a volume, cubes of as "
        "many voxels as four of them.",
        within=(16, 1024),
    )
    batch_size: int | None = _setting(
        None,
        "Number of squares in each training step; left out, 4 and later 8 on a "
        "processor, 32 on a GPU.",
        within=(1, 256),
    )
    learning_rate: float = _setting(
        0.02,
        "Size of the first training steps; from pretrained weights half to twice that, as the "
        "first ones show how much there is to learn. It falls to zero over the training.",
        within=(1e-6, 1),
    )
    loss: str = _setting(
        "l2",
        "Between readings of one thing: l2 finds the mean, for noise that averages out; l1 the "
        "median, where less than half of the pixels are spoilt, by anything; l0 the mode, where "
        "most are, each in another way; hdr the mean by relative errors, where a few pixels "
        "outshine all others.",
        among=("l2", "l1", "l0", "hdr"),
    )
    invariant: bool = _setting(
        False,
        "The pure prediction, without the measured pixel mixed back in: usually less accurate, but "
        "its error can be measured. With masks it takes a pass for each set of pixels; where time "
        "is short, more are hidden at once.",
    )
    nan_policy: str = _setting(
        "raise",
        "What to do with pixels that are NaN or infinite: raise an error, or omit them: leave them "
        "as they are and denoise around them.",
        among=("raise", "omit"),
    )
    outliers: str = _setting(
        "auto",
        "Isolated pixels far off their surroundings, as hot and dead ones or those hit by cosmic "
        "rays, are not learnt from. In the result, auto fills in those that are certainly no "
        "signal from their surroundings and keeps others, perhaps spots of one pixel, as measured; "
        "fill fills in all, keep keeps all; ignore takes them for signal.",
        among=("auto", "fill", "keep", "ignore"),
    )
    constant_areas: str = _setting(
        "leave",
        "Areas of exactly one value, as padding, burnt-in text and scale bars, blank tiles or "
        "saturation: leave them out of the training and hand them back unchanged, or denoise them "
        "like the rest.",
        among=("leave", "denoise"),
    )
    seed: int = _setting(0, "Where the random numbers start.", within=(0, 2**32 - 1))
    device: str = _setting(
        "auto",
        "Where to compute: auto takes an NVIDIA GPU, else Apple's, else the processor; "
        "or cuda, mps, cpu.",
        among=("auto", "cuda", "mps", "cpu"),
    )

    def radius_along(self, ndim: int) -> tuple[int, ...]:
        """Give the radius of the blind spot along each of `ndim` axes of space."""
        radius = self.blind_spot_radius
        if len(radius) not in (1, ndim):
            raise SettingsError(
                f"blind_spot_radius has {len(radius)} numbers, but the image has {ndim} axes of "
                "space; give one number, or one for each axis."
            )
        return radius * ndim if len(radius) == 1 else radius

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        radius: Any = self.blind_spot_radius
        if isinstance(radius, list | int):  # as a file, the shell or a person gives it
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
"""How long to train, in words."""


def words(name: str) -> str:
    """Explain a setting: the tooltip, the shell's help and the documentation alike."""
    return str(Settings.__dataclass_fields__[name].metadata["words"])


def choices(name: str) -> tuple[str, ...]:
    """List what a setting may be, if it is one of a few words."""
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
