"""Real-world defects of microscopy images: the result is better than the input in all cases."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_n2s import denoise

RNG = np.random.default_rng(0)
SIDE = 96


def picture():
    blobs = gaussian_filter((RNG.random((SIDE, SIDE)) < 0.004).astype(float), 2)
    return blobs / blobs.max()


UNIT = picture()
HOT = np.where(RNG.random(UNIT.shape) < 0.002, 5, UNIT + RNG.normal(0, 0.1, UNIT.shape))
HALF = np.where(np.arange(SIDE) < SIDE // 2, UNIT, 0)
WAVE = 0.5 + 0.5 * np.sin(np.mgrid[:SIDE, :SIDE].sum(0) * 1.5)
HARDSHIPS = {
    "strong noise": (UNIT + RNG.normal(0, 1, UNIT.shape), UNIT),
    "weak noise": (1e4 + 100 * (UNIT + RNG.normal(0, 0.01, UNIT.shape)), 1e4 + 100 * UNIT),
    "few photons": (RNG.poisson(3 * UNIT), 3 * UNIT),
    "many photons": (RNG.poisson(1000 * UNIT), 1000 * UNIT),
    "electron multiplying": (RNG.gamma(np.maximum(RNG.poisson(20 * UNIT), 1e-9)), 20 * UNIT),
    "few grey levels": (np.rint(8 * (UNIT + RNG.normal(0, 0.1, UNIT.shape))).clip(0), 8 * UNIT),
    "hot pixels": (HOT, UNIT),
    "half empty": (RNG.poisson(30 * HALF), 30 * HALF),
    "saturated": ((2 * UNIT + RNG.normal(0, 0.1, UNIT.shape)).clip(0, 1), (2 * UNIT).clip(0, 1)),
    "fine stripes": (WAVE + RNG.normal(0, 0.3, WAVE.shape), WAVE),
}


SLOW = ("many photons", "fine stripes")
"""What is hardly noisy, or unlike what the weights were pretrained on, takes more steps."""


@pytest.mark.parametrize("name", HARDSHIPS)
def test_nothing_comes_out_worse_than_it_went_in(name):
    noisy, truth = HARDSHIPS[name]
    clean, report = denoise(noisy, steps=80 if name in SLOW else 20, device="cpu")
    assert np.isfinite(clean).all()
    median, _ = report.baselines
    assert report.network.loss < median.score.loss + 2 * median.score.error
    share = 0.2 if name == "hot pixels" else 1
    assert np.mean((clean - truth) ** 2) < share * np.mean((noisy - truth) ** 2)
