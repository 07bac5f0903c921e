"""How much noise there is, and what to make of a pixel by it, without the truth."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_n2s.noise.from_differences import correct_memorised, noise_from_differences
from napari_n2s.noise.noise_model import (
    NoiseCurve,
    _fit_line,
    noise_from_residuals,
    posterior,
    posterior_weight,
    prior_weight,
    sure_weight,
)
from napari_n2s.noise.stripes import stripe_strength


def test_the_posterior_has_the_error_that_bayes_promises():
    rng = np.random.default_rng(0)
    mean = rng.uniform(5, 50, (1, 400_000))
    variance = np.where(rng.random(mean.shape) < 0.5, 0, rng.uniform(5, 100, mean.shape))
    truth = mean + np.sqrt(variance) * rng.normal(size=mean.shape)
    noise = 2 * mean + 9
    noisy = truth + np.sqrt(noise) * rng.normal(size=mean.shape)
    curve = noise_from_residuals(mean, variance + noise, noisy)
    assert curve.variance(mean) == pytest.approx(noise, rel=0.05)
    trust = posterior_weight(mean, variance + noise, noisy)
    assert trust == 1
    estimate, promised = posterior(mean, variance + noise, noisy, curve, trust)
    error = np.mean((estimate - truth) ** 2)
    assert error == pytest.approx(np.mean(noise * variance / (noise + variance)), rel=0.02)
    assert error == pytest.approx(promised.mean(), rel=0.05)
    there = np.ones(mean.shape[1:], bool)
    equal = truth + rng.normal(0, np.sqrt(error), truth.shape)
    share = prior_weight(estimate, promised, equal, there)
    both = estimate + share * (equal - estimate)
    assert np.mean((both - truth) ** 2) == pytest.approx(error / 2, rel=0.05)
    bad = truth + rng.normal(0, 100, truth.shape)
    share = prior_weight(estimate, promised, bad, there)
    mixed = estimate + share * (bad - estimate)
    assert np.mean((mixed - truth) ** 2) < error


def test_a_camera_that_is_saturated_does_not_hide_how_noisy_it_is():
    rng = np.random.default_rng(0)
    truth = rng.choice([1.0, 3.0, 5.0, 8.0, 12.0], 2**16) * rng.uniform(0.9, 1.1, 2**16)
    noise, bright = 0.5 * truth + 1, truth > 10
    noisy = np.minimum(truth + rng.normal(size=truth.shape) * np.sqrt(noise), 12)
    truth[bright], noise[bright] = noisy[bright].mean(), noisy[bright].var()
    mean = truth + 0.3 * rng.normal(size=truth.shape)
    curve = noise_from_residuals(mean[None], (noise + 0.09)[None], noisy[None])
    assert curve.gain[0] == pytest.approx(0.5, rel=0.1)
    assert curve.offset[0] == pytest.approx(1, rel=0.2)


@pytest.mark.parametrize(("axis", "shared"), [(None, 0), (0, 1), (1, 1)])
def test_stripe_noise_is_distinguished_from_stripes_and_from_blurred_noise(axis, shared):
    rng = np.random.default_rng(0)
    stripes = 10 + 5 * np.sin(np.arange(256) / 3) + np.zeros((256, 1))
    noise = rng.normal(size=stripes.shape)
    if axis is not None:  # neighbours correlate by 0.1
        noise = (noise + 0.1 * np.roll(noise, 1, axis)) / np.hypot(1, 0.1)
    error = 0.02 * stripes + gaussian_filter(rng.normal(size=stripes.shape), 1.0)
    noisy, mean, one = (each[None] for each in (stripes + noise, stripes + error, 1 + 0 * noise))
    there = rng.random(stripes.shape) > 0.1
    found = stripe_strength(mean, one * (1 + 0.1 * rng.random(one.shape)), noisy, one, there)
    assert found == pytest.approx(shared, abs=0.1)


def test_the_posterior_is_not_taken_where_a_few_pixels_hold_most_of_the_noise():
    rng = np.random.default_rng(0)
    photons = rng.poisson(0.05, (1, 100_000)).astype(float)
    hot = np.where(rng.random(photons.shape) < 0.01, 50, rng.normal(size=photons.shape))
    for noisy in (photons, hot):
        mean, total = np.full_like(noisy, noisy.mean()), np.full_like(noisy, noisy.var())
        curve = noise_from_residuals(mean, 0.5 * total, noisy)  # it may be as wrong as it will
        trust = posterior_weight(mean, total, noisy)
        assert np.array_equal(posterior(mean, total, noisy, curve, trust)[0], mean)


def test_what_another_estimate_should_count_is_found_without_the_truth():
    rng = np.random.default_rng(0)
    mean, prior, noise = rng.uniform(5, 50, 400_000), 60.0, 40.0
    truth = mean + rng.normal(0, np.sqrt(prior), mean.shape)
    noisy = truth + rng.normal(0, np.sqrt(noise), mean.shape)
    weight = prior / (prior + noise)
    posterior_mean = mean + weight * (noisy - mean)
    for response, error in ((0.8, 2.0), (0.5, 3.0)):
        # It knows something of the truth that the posterior does not, and puts the pixel back.
        guess = mean + 0.5 * (truth - mean) + rng.normal(0, error, mean.shape)
        other = guess + response * (noisy - guess)
        difference = other - posterior_mean
        best = np.mean((truth - posterior_mean) * difference) / np.mean(difference**2)
        variance = np.full_like(mean, noise)
        total = variance + prior
        told = mean, total, noisy, variance, other, np.full_like(mean, response)
        found = sure_weight(*told, posterior_weight=1, prior=0.5)
        assert found == pytest.approx(np.clip(best, 0, 1), abs=0.05)
    guess = mean + 0.05 * (truth - mean) + rng.normal(0, 0.5, mean.shape)
    told = guess + 0.58 * (noisy - guess), np.full_like(mean, 0.58)
    for factor in np.linspace(0.9, 1.1, 9):  # they differ by less than a wrong curve moves them
        found = sure_weight(
            mean, total, noisy, factor * variance, *told, posterior_weight=1, prior=0.7
        )
        assert found == pytest.approx(0.7, abs=0.1)


def test_a_noise_curve_that_is_a_little_low_is_raised_to_what_neighbours_say():
    rng = np.random.default_rng(0)
    smooth = gaussian_filter(rng.normal(size=(1, 128, 128)), (0, 6, 6))
    noisy = 5 * smooth + rng.normal(size=smooth.shape)
    for share, expected in ((0.9, 1.0), (0.97, 0.97), (0.7, 0.7)):
        curve = NoiseCurve(np.zeros(1), np.array([share]), np.zeros(1))
        found = correct_memorised(curve, 5 * smooth, noisy).variance(smooth).mean()
        assert found == pytest.approx(expected, abs=0.03 if share == 0.9 else 1e-9)
    shared = gaussian_filter(noisy, (0, 0.5, 0.5))  # noise that neighbours have in common
    level = noise_from_differences(shared[None])[0].variance(shared).mean()
    curve = NoiseCurve(np.zeros(1), np.array([0.9 * level]), np.zeros(1))
    assert correct_memorised(curve, shared, shared).offset == curve.offset


def test_a_dark_background_does_not_decide_on_the_noise_of_what_is_bright():
    """Bins of simulated cells: the spread of the dark ones is the error of the prediction."""
    dark = [-0.54, -0.51, -0.49, -0.47, -0.45, -0.44, -0.42, -0.39, -0.37, -0.35, -0.33, -0.3]
    centres = np.array([*dark, -0.26, -0.16, 1.77, 3.16])
    flat = [0.121, 0.095, 0.105, 0.106, 0.111, 0.092, 0.089, 0.104, 0.092, 0.108, 0.092, 0.097]
    levels = np.array([*flat, 0.099, 0.135, 0.577, 0.893])
    gain, offset = _fit_line(centres, levels, 0.085 * levels, 1 / levels)
    assert 0.6 < gain * 3.16 + offset < 1.1
