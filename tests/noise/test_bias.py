"""The bias of a network is estimated on the noisy pixels: brightness is preserved."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter

from napari_n2s import denoise
from napari_n2s.inference.brightness import keep_brightness
from napari_n2s.noise.bias import estimate_bias
from napari_n2s.noise.noise_model import NoiseCurve, noise_from_residuals

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
    bias = estimate_bias(mean, total, other, truth + noise, curve)
    found, spread, seeing = bias.correct(mean, total, other, curve)
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
    curve = noise_from_residuals(mean[None], np.ones((1, PIXELS)), noisy[None])
    assert np.mean(curve.variance(mean[None]) / noise) == pytest.approx(1, abs=0.02)
    # Clipped on both sides, noise follows no line: then the middle counts as the ends do.
    cut = np.clip(mean + 2 * rng.normal(size=PIXELS), 1, 9)
    middle = np.clip(mean, 3, 7) == mean
    level = np.mean((cut - mean)[middle] ** 2)
    curve = noise_from_residuals(mean[None], np.ones((1, PIXELS)), cut[None])
    assert curve.variance(mean[None, middle]).mean() > 0.6 * level


def test_what_is_bright_is_as_bright_in_the_result():
    rng = np.random.default_rng(0)
    blobs = gaussian_filter((rng.random((192, 192)) < 0.004).astype(float), 2)
    truth = 2 + 40 * blobs / blobs.max()
    noisy = rng.poisson(truth).astype(np.float32)
    spots = binary_dilation(truth > 8, iterations=3)
    for pretrained in (True, False):
        clean, _ = denoise(noisy, steps=60, pretrained=pretrained, device="cpu")
        assert clean.mean() == pytest.approx(noisy.mean(), rel=0.005)
        assert clean[spots].mean() == pytest.approx(noisy[spots].mean(), rel=0.009)


def test_regions_of_a_few_photons_are_as_bright_in_the_result():
    blobs = gaussian_filter((np.random.default_rng(1).random((128, 256)) < 0.002).astype(float), 3)
    truth = np.linspace(0.2, 1, 256) + 4 * blobs / blobs.max()
    for photons in (0.02, 0.2):
        noisy = np.random.default_rng(2).poisson(photons * truth / truth.mean()).astype(np.uint16)
        clean, _ = denoise(noisy, steps=2, device="cpu")
        for half in np.s_[:, :128], np.s_[:, 128:]:
            assert clean[half].mean() == pytest.approx(noisy[half].mean(), rel=0.005)


def test_brightness_is_kept_where_there_is_noise_and_the_same_in_a_part_as_in_the_whole():
    rng = np.random.default_rng(0)
    truth = np.where(np.indices((700, 450)).sum(0) % 97 < 30, 5.0, 0.0)[None]
    noisy, there = rng.poisson(truth).astype(float), rng.random((700, 450)) < 0.9
    clean, noise = 0.9 * truth, truth.copy()
    clean[:, :256, :256], noise[:, :256, :256] = 0.01, 1e-9  # dark, and a network errs a little
    noisy[:, :256, :256] = 0
    noisy[:, ~there] = 1000
    kept = keep_brightness(clean, noisy, noise, there, (0, 0))
    assert np.array_equal(kept[noise == 0], clean[noise == 0])
    assert abs(kept[0, :256, :256]).max() < 0.05
    assert abs(kept - truth)[:, 256:].max() < 0.5
    for cell in (np.s_[0, 384:512, 128:256], np.s_[0, 512:, 256:]):
        assert kept[cell][there[cell[1:]]].mean() == pytest.approx(
            noisy[cell][there[cell[1:]]].mean(), rel=0.005
        )
    part = np.s_[:, 296:, :]
    within = keep_brightness(clean[part], noisy[part], noise[part], there[part[1:]], (296, 0))
    assert abs(within[:, 88:] - kept[:, 384:]).max() < 0.05 * noise.max() ** 0.5
    ones = np.ones((1, 20))
    assert np.allclose(keep_brightness(0 * ones, ones, ones, ones[0] > 0, (3,)), 1)
