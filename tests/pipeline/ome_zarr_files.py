"""A movie with two channels, as OME-Zarr, and the command that denoises it."""

from functools import cache

import numpy as np
import zarr

from napari_n2s import denoise
from napari_n2s.cli.main import main

RNG = np.random.default_rng(0)
MOVIE = RNG.poisson(np.linspace(5, 60, 40), (6, 2, 40, 40)).astype(np.uint16)
QUICK = ("--steps", "3", "--device", "cpu", "--context", "0")
AXES = [
    {"name": "t", "type": "time", "unit": "second"},
    {"name": "c", "type": "channel"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "micrometer"},
]
STEPS = [
    {"type": "scale", "scale": [2.0, 1.0, 0.25, 0.25]},
    {"type": "translation", "translation": [0.0, 0.0, 10.0, 20.0]},
]
SIZES = {"T": (2.0, "s"), "Y": (0.25, "µm"), "X": (0.25, "µm")}


def write_ome_zarr(path, image=MOVIE, form=3, axes=AXES, steps=STEPS):
    levels = [{"path": name, "coordinateTransformations": steps} for name in ("full", "half")]
    about = {"multiscales": [{"version": "0.4", "axes": axes, "datasets": levels}]}
    about["omero"] = {"channels": [{"label": "DNA"}, {"label": "actin"}]}
    attributes = {"ome": {"version": "0.5", **about}} if form == 3 else about
    group = zarr.create_group(str(path), zarr_format=form, attributes=attributes)
    for name, data in (("full", image), ("half", image[..., ::2, ::2])):
        group.create_array(name, data=data, chunks=(4, 1, 20, 40))
    return path


def run(*arguments) -> int:
    return main([str(each) for each in arguments])


@cache
def denoised_movie():
    clean, _ = denoise(MOVIE, axes="TCYX", steps=3, device="cpu", context=0)
    return clean
