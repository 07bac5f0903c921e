"""An image is opened once: axes, missing pixels and values are read no more often than needed."""

import sys

import numpy as np
import pytest

from napari_n2s import denoise
from napari_n2s.images.axes import parse_axes
from napari_n2s.images.missing import find_missing, find_missing_in_sample
from napari_n2s.pipeline import denoise_one
from napari_n2s.preparation import sampling

RNG = np.random.default_rng(0)
MOVIE = RNG.poisson(np.tile(np.linspace(5, 60, 40), (6, 32, 1))).astype(np.float32)
QUICK = {"axes": "TYX", "steps": 2, "device": "cpu"}


@pytest.fixture
def counted(monkeypatch):
    """Note the arguments of every call of a function, in whatever module it is known."""

    def count(function):
        calls = []

        def spy(*args):
            calls.append(args)
            return function(*args)

        for name, module in list(sys.modules.items()):
            known = name.startswith("napari_n2s") and vars(module).get(function.__name__)
            if known is function:
                monkeypatch.setattr(module, function.__name__, spy)
        return calls

    return count


@pytest.mark.parametrize("policy", ["raise", "omit"])
@pytest.mark.parametrize("context", [0, 1])
def test_axes_are_parsed_and_gaps_looked_for_once(counted, context, policy):
    image = MOVIE.copy()
    if policy == "omit":
        image[2, 5:8, 9] = np.nan
    parsed, searched, looked = map(counted, (parse_axes, find_missing, find_missing_in_sample))
    denoise(image, context=context, nan_policy=policy, **QUICK)
    assert len(parsed) == 1
    assert len(searched) == 1
    assert [sample.tobytes() for (sample,) in looked] == [each.tobytes() for each in image]


class Counted:
    """A movie that is read piece by piece, and how often each value of it was read."""

    dtype, shape, ndim = MOVIE.dtype, MOVIE.shape, MOVIE.ndim

    def __init__(self):
        self.reads = np.zeros(self.shape, int)

    def __getitem__(self, index):
        self.reads[index] += 1
        return MOVIE[index]


@pytest.mark.parametrize("context", [0, 1])
def test_what_fits_into_memory_is_read_once(context):
    source = Counted()
    denoise(source, context=context, **QUICK)
    assert (source.reads == 1).all()


@pytest.mark.parametrize("context", [0, 1])
def test_of_more_a_value_is_read_for_training_and_for_applying(context, monkeypatch):
    monkeypatch.setattr(sampling, "MAX_TRAINING_VALUES", MOVIE.size // 2)
    monkeypatch.setattr(denoise_one, "MAX_TRAINING_VALUES", MOVIE.size // 2)
    source = Counted()
    denoise(source, context=context, **QUICK)
    assert source.reads.min() == 1
    assert source.reads.max() == 2, "frames beside others are kept from when they were denoised"
