"""Bad input gets one sentence that says what is wrong and what to do."""

from collections import namedtuple

import numpy as np
import pytest
import torch

from napari_n2s import ImageError, MissingPixelsError, Settings, SettingsError, denoise, train
from napari_n2s.core.errors import DeviceError
from napari_n2s.images.image import open_image
from napari_n2s.methods.blind_spot import BlindSpot
from napari_n2s.pipeline.denoise_one import denoising

GOOD = np.random.default_rng(0).normal(size=(20, 20))
GAPS = np.where(np.arange(400).reshape(20, 20) < 7, np.nan, GOOD)

IMAGES = [
    (np.zeros(0), {}, "has 1 axis"),
    (np.zeros((0, 20)), {}, "is empty"),
    (np.float32(3), {}, "has 0 axes"),
    (np.zeros((1, 1)), {}, "1 x 1 pixels"),
    (np.zeros((1, 500)), {}, "1 x 500 pixels"),
    (np.zeros((15, 500)), {}, "at least 16 along each"),
    (GOOD * 1j, {}, "complex"),
    (GOOD > 0, {}, "true and false"),
    (GOOD.astype(object), {}, "object values"),
    (np.full((20, 20), "a"), {}, "not intensities"),
    (np.full((20, 20), np.nan), {}, "Every pixel"),
    (GOOD * 1e200, {}, "too large"),
    (GOOD, {"axes": "TYX"}, "name 3 axes, but the image has 2, of shape 20 x 20"),
    (GOOD, {"axes": "YY"}, "Y and X once each"),
    (GOOD, {"axes": "ZX"}, "Y and X once each"),
    (GOOD, {"axes": "Y1"}, "must be letters"),
]


def is_one_sentence(error) -> bool:
    text = str(error)
    return "\n" not in text and text.endswith(".") and ". " not in text and len(text) < 250


@pytest.mark.parametrize(("image", "options", "words"), IMAGES)
@pytest.mark.parametrize("function", [denoise, train])
def test_an_image_that_cannot_be_denoised_is_refused_at_once(function, image, options, words):
    with pytest.raises(ImageError, match=words) as caught:
        function(image, steps=1, **options)
    assert isinstance(caught.value, ValueError)
    assert is_one_sentence(caught.value)


def test_missing_pixels_are_asked_about():
    with pytest.raises(MissingPixelsError, match="7 of the image's 400 pixels are NaN") as caught:
        denoise(GAPS, steps=1)
    assert is_one_sentence(caught.value)


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        ("uint8", "which uint8 cannot hold"),
        ("complex64", "cannot be given as complex64"),
        ("grey", "cannot be given as grey"),
    ],
)
def test_a_type_that_cannot_hold_the_result_is_refused_before_the_training(dtype, words):
    with pytest.raises(ImageError, match=words):
        next(denoising(open_image(GAPS), settings=Settings(nan_policy="omit"), dtype=dtype))


def test_an_image_of_almost_nothing_but_gaps_is_refused():
    image = np.where(np.arange(40_000).reshape(200, 200) < 3, 1.0, np.nan)
    with pytest.raises(ImageError, match="too few pixels"):
        train(image, nan_policy="omit")


@pytest.mark.parametrize("fault", [MemoryError(), RuntimeError("CUDA out of memory.")])
def test_too_little_memory_is_explained(monkeypatch, fault):
    def fail(*_):
        raise fault

    monkeypatch.setattr(BlindSpot, "loss", fail)
    with pytest.raises(DeviceError, match="not enough memory; close other programs") as caught:
        denoise(GOOD, steps=2, device="cpu")
    assert is_one_sentence(caught.value)


def test_an_image_too_large_for_the_memory_is_refused_beforehand(monkeypatch):
    there = namedtuple("Memory", "available")(100_000)
    monkeypatch.setattr("psutil.virtual_memory", lambda: there)
    with pytest.raises(
        DeviceError, match=r"takes about .* GB of memory and 0.0 GB are free; close"
    ):
        next(train(np.zeros((300, 300)), axes="YX"))


SETTINGS = [
    ({"seconds": -1}, "seconds is -1; it must lie from"),
    ({"seconds": "long"}, "must be a number"),
    ({"seconds": float("nan")}, "must lie from"),
    ({"steps": 0}, "steps is 0"),
    ({"steps": 2.5}, "must be a whole number"),
    ({"network": "gpt"}, "choose one of donut, unet-small, unet, dncnn"),
    ({"grid_width": 1}, "grid_width is 1"),
    ({"invariant": "yes"}, "must be True or False"),
    ({"device": "tpu"}, "choose one of auto, cuda, mps, cpu"),
]


@pytest.mark.parametrize(("change", "words"), SETTINGS)
def test_a_setting_out_of_range_is_refused(change, words):
    with pytest.raises(SettingsError, match=words) as caught:
        Settings(**change)
    assert is_one_sentence(caught.value)


def test_a_device_that_is_not_there_is_explained():
    missing = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(DeviceError, match="Choose auto"):
        train(GOOD, device=missing)


def test_a_training_that_diverges_is_reported_and_leaves_what_it_had(monkeypatch):
    calls, sound = iter(range(1000)), BlindSpot.loss
    monkeypatch.setattr(
        BlindSpot, "loss", lambda *a: sound(*a) * (float("nan") if next(calls) > 20 else 1)
    )
    clean, report = denoise(GOOD, steps=40, device="cpu")
    assert "diverged" in report.findings[-1]
    assert np.isfinite(clean).all()
