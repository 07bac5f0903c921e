"""What a network errs by is told by the noisy pixels: bright stays bright, and dark stays dark."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter

from napari_n2s import denoise
from napari_n2s.ideas.bias import find_bias
from napari_n2s.ideas.noise import NoiseCurve, read_noise

PIXELS = 2**16


def test_what_predictions_err_by_on_average_is_taken_back_and_no_noise_comes_with_it():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 10, (2, PIXELS))
    uncertain = rng.choice([0.0, 0.5, 2.0], truth.shape)
    right = truth + np.sqrt(uncertain) * rng.normal(size=truth.shape)
    noise = rng.normal(size=truth.shape)
    curve = NoiseCurve(np.zeros(2), np.ones(2), np.ones(2))
    # Too dark in what is bright; too sure of itself in one channel, and not enough in the other.
    mean, total = 0.9 * right, (1 + uncertain) * np.array([[0.8], [1.3]])
    other = truth - 0.5 + 0.1 * noise
    bias = find_bias(mean, total, other, truth + noise, curve)
    found, spread, seeing = bias.undo(mean, total, other, curve)
    for bright in (right < 3, right > 7):
        assert abs((seeing - truth - 0.1 * noise)[bright].mean()) < 0.05
    for change in (found - mean, seeing - other):
        assert abs(np.mean(change * noise)) < 0.005
    least = np.mean((right - truth) ** 2)
    assert np.mean((found - truth) ** 2) < 1.02 * least < np.mean((mean - truth) ** 2)
    for kind in (0.0, 0.5, 2.0):
        squares = ((found - truth - noise) ** 2)[uncertain == kind].mean()
        assert spread[uncertain == kind].mean() == pytest.approx(squares, rel=0.05)


def test_structure_that_is_smooth_nowhere_is_not_taken_for_noise():
    rng = np.random.default_rng(0)
    mean = rng.uniform(1, 9, PIXELS)
    grass = np.where((mean > 4) & (mean < 6), 0.25, 0) * rng.normal(size=PIXELS) ** 2
    noise = 0.1 * mean + 0.5
    noisy = mean + np.sqrt(noise + grass) * rng.normal(size=PIXELS)
    curve = read_noise(mean[None], np.ones((1, PIXELS)), noisy[None])
    assert np.mean(curve.variance(mean[None]) / noise) == pytest.approx(1, abs=0.02)
    # Clipped on both sides, noise follows no line: then the middle counts as the ends do.
    cut = np.clip(mean + 2 * rng.normal(size=PIXELS), 1, 9)
    middle = np.clip(mean, 3, 7) == mean
    level = np.mean((cut - mean)[middle] ** 2)
    curve = read_noise(mean[None], np.ones((1, PIXELS)), cut[None])
    assert curve.variance(mean[None, middle]).mean() > 0.6 * level


def test_what_is_bright_is_as_bright_in_the_result():
    rng = np.random.default_rng(0)
    blobs = gaussian_filter((rng.random((192, 192)) < 0.004).astype(float), 2)
    truth = 2 + 40 * blobs / blobs.max()
    noisy = rng.poisson(truth).astype(np.float32)
    spots = binary_dilation(truth > 8, iterations=3)
    for head_start in (True, False):
        clean, _ = denoise(noisy, steps=100, head_start=head_start, device="cpu")
        assert clean.mean() == pytest.approx(noisy.mean(), rel=0.005)
        assert clean[spots].mean() == pytest.approx(noisy[spots].mean(), rel=0.009)
