"""The result is never worse than that of a simple filter."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_n2s import denoise, train
from napari_n2s.images.image import open_image
from napari_n2s.inference.model_file import load_model, save_model
from napari_n2s.pipeline.safeguard import contradicted, safest
from napari_n2s.simulation import fluorescence

SAMPLE = fluorescence.picture(96, seed=4)
TRUTH = SAMPLE.truth.astype(np.float64)
SIGMA = 0.15 * np.ptp(TRUTH)
NOISY = (TRUTH + np.random.default_rng(1).normal(0, SIGMA, TRUTH.shape)).astype(np.float32)
SCRATCH = {"pretrained": False, "device": "cpu", "steps": 2}


def error(picture):
    return float(np.mean((picture - TRUTH) ** 2))


@pytest.fixture(scope="module")
def untrained():
    *_, last = train(NOISY, **SCRATCH)
    return last


def test_a_network_worse_than_a_filter_is_not_handed_out(untrained, tmp_path):
    clean, report = denoise(NOISY, **SCRATCH)
    assert report.fallback in report.sentence()
    assert "the result is not the network's" in report.methods()
    widths = (0.5, 0.7, 1, 1.4, 2, 2.8)
    assert error(clean) < 1.3 * min(error(ndi.gaussian_filter(NOISY, w)) for w in widths)
    assert error(clean) < error(untrained.best.apply(NOISY))
    safe = safest(untrained)
    save_model(tmp_path / "model", safe.model)
    assert np.array_equal(load_model(tmp_path / "model")[0].apply(NOISY), clean)


def test_a_network_better_than_the_filters_is(untrained):
    clean, report = denoise(NOISY, steps=2, device="cpu")
    assert report.network_is_best
    assert not report.fallback
    assert error(clean) < error(ndi.gaussian_filter(NOISY, 1.4))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (lambda: 0, False),
        (lambda: 3 * SIGMA * (np.indices(TRUTH.shape).sum(0) // 24 % 2), True),
        (lambda: TRUTH.mean() - TRUTH, True),
    ],
)
def test_a_result_that_contradicts_the_noisy_image_is_not_returned(untrained, fault, told):
    model = replace(untrained.best, fallback=None)
    picture = TRUTH + fault()
    safe = contradicted(model, open_image(NOISY), picture, untrained.baselines)
    assert bool(safe.reason) == told
    assert bool(safe.model.fallback) == told
