"""The theory: 𝒥-invariance, and a held-out loss that orders methods as the true error does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_n2s import denoise, train
from napari_n2s.core.generators import finish
from napari_n2s.core.settings import Settings, choices
from napari_n2s.images.image import open_image
from napari_n2s.inference.tiling import predict
from napari_n2s.methods.factory import make_method
from napari_n2s.nn.blind_spot_network import BlindSpotNetwork
from napari_n2s.nn.masks import GridPartition
from napari_n2s.nn.networks import NETWORKS
from napari_n2s.noise.from_differences import correct_memorised, noise_from_differences
from napari_n2s.noise.noise_model import (
    NoiseCurve,
    noise_from_residuals,
    posterior,
    posterior_weight,
    prior_weight,
    sure_weight,
)
from napari_n2s.noise.stripes import stripe_strength
from napari_n2s.preparation.augmentation import orientations
from napari_n2s.preparation.structure import find_sparse_structure, measure_structure
from napari_n2s.training.training_data import preparing_training_data

CPU = torch.device("cpu")
SPACE = {2: (20, 26), 3: (8, 10, 12)}


def smooth(shape, seed=0):
    rng = np.random.default_rng(seed)
    truth = gaussian_filter(rng.normal(size=shape), 3)
    return (100 + 40 * truth / truth.std()).clip(1)


def output(method, x, invariant, missing=None):
    missing = torch.zeros_like(x[:, :1], dtype=torch.bool) if missing is None else missing
    work = predict(method, x, missing, x[:, :0], 512, CPU, invariant=invariant, seed=3, turns=2)
    return finish(work)[0]


@pytest.mark.parametrize("ndim", SPACE)
@pytest.mark.parametrize("partition", choices("partition"))
@pytest.mark.parametrize("name", NETWORKS)
def test_an_output_does_not_depend_on_its_own_set(name, partition, ndim):
    settings = Settings(network=name, partition=partition, grid_width=2, density=0.25)
    method = make_method(settings, channels=2, ndim=ndim)
    x = torch.randn(1, 2, *SPACE[ndim], generator=torch.Generator().manual_seed(0))
    method.network.train()(x)  # gives a batch normalisation statistics of its own
    method.network.eval()
    before = output(method, x, invariant=True)
    masks = list(method.masks(SPACE[ndim], torch.Generator().manual_seed(3)))
    for hidden in (masks[0], masks[-1]):
        other = torch.where(hidden, x + 100 * torch.rand_like(x), x)
        inside = hidden.expand_as(x)
        assert torch.equal(output(method, other, invariant=True)[inside], before[inside])
        seen = output(method, other, invariant=False) - output(method, x, invariant=False)
        assert seen[inside].abs().min() > 0, "one pass sees the pixel; the test would not notice"


HOLES = [((0,), 2), ((1,), 2), ((0, 2), 2), ((2, 0), 2), ((0,), 3), ((0, 1, 0), 3)]


@pytest.mark.parametrize(("radius", "ndim"), HOLES)
def test_no_pixel_of_its_hole_reaches_an_output_of_the_donut(radius, ndim):
    network = make_method(
        Settings(blind_spot_radius=radius), channels=2, ndim=ndim
    ).network.double()
    reach = Settings(blind_spot_radius=radius).radius_along(ndim)
    sides = [3 * each for each in network.stride]
    rng = np.random.default_rng(0)
    for _ in range(6):
        x = torch.from_numpy(rng.normal(size=(1, 4, *sides)))
        x[:, 2:] = torch.from_numpy(rng.random((1, 2, *sides)) > 0.5)
        place = tuple(int(rng.integers(side)) for side in sides)
        for hidden in (1, 0):
            x[(0, 3, *place)] = hidden
            x.grad = None
            network(x.requires_grad_())[(0, slice(None), *place)].sum().backward()
            seen = x.grad[0, :2].abs().sum(0) > 0
            x.requires_grad_(False)
            box, around = (
                tuple(
                    slice(max(p - k - more, 0), p + k + more + 1)
                    for p, k in zip(place, reach, strict=True)
                )
                for more in (0, 1)
            )
            assert seen[box].sum() == (not hidden)
            assert seen[around].sum() == seen[around].numel() - seen[box].numel() + (not hidden)


def test_a_guide_is_seen_whole_and_the_image_with_a_hole():
    network = BlindSpotNetwork(channels=1, ndim=2, radius=(0, 0), guides=2).double()
    x = torch.ones(1, 5, 24, 24, dtype=torch.double, requires_grad=True)
    network(x)[0, :, 12, 12].sum().backward()
    named = {"image": False, "valid": False, "hidden": True, "guides": True}
    assert (x.grad[0, :, 12, 12] != 0).tolist() == [*named.values(), named["guides"]]


@pytest.mark.parametrize(
    ("name", "how"), [("donut", "zero"), *(("unet-small", how) for how in choices("fill"))]
)
def test_missing_pixels_carry_nothing_into_the_blind_spot(name, how):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 1, 40, 40, generator=generator)
    missing = torch.rand(1, 1, 40, 40, generator=generator) < 0.3
    method = make_method(Settings(network=name, fill=how), channels=1, ndim=2)
    method.network.eval()
    before = output(method, x, True, missing)
    hidden = next(GridPartition(4).masks((40, 40), generator))
    if name == "donut":  # blind to each pixel by itself, not to all of a set
        hidden = torch.zeros_like(hidden)
        hidden[..., 20, 20] = True
        missing[..., 20, 20] = False
        before = output(method, x, True, missing)
    other = torch.where(hidden | missing, x + 9, x)
    assert torch.equal(output(method, other, True, missing)[hidden], before[hidden])


@pytest.mark.parametrize("radius", [0, (0, 2)])
def test_any_output_of_the_donut_is_blind_to_its_own_pixel(radius):
    x = torch.randn(1, 2, 40, 41, generator=torch.Generator().manual_seed(0))
    method = make_method(Settings(blind_spot_radius=radius), channels=2, ndim=2)
    before, seen = (output(method, x, invariant) for invariant in (True, False))
    for place in ((0, 0), (39, 40), (1, 2), (20, 17)):
        other = x.clone()
        other[:, :, *place] += 100
        change = output(method, other, invariant=True) - before
        assert not change[:, :, *place].any()
        assert change.any()
        assert (output(method, other, invariant=False) - seen)[:, :, *place].any()


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
        apart = other - posterior_mean
        best = np.mean((truth - posterior_mean) * apart) / np.mean(apart**2)
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


def test_the_held_out_loss_is_the_true_error_plus_the_noise():
    truth, sigma = smooth((128, 128)), 30.0
    noise = np.random.default_rng(1).normal(0, sigma, truth.shape)
    noisy = truth + noise
    *_, progress = train(noisy, steps=80, device="cpu")
    material = finish(preparing_training_data(open_image(noisy), progress.last.settings))
    held_out = material.held_out[0, 0].numpy()
    blind = replace(progress.last, turns=1).apply(noisy, invariant=True)
    measured = progress.last.score.loss
    # Which other pixels are hidden at the same time is not the same, and hardly matters.
    assert measured == pytest.approx(np.mean((blind - noisy)[held_out] ** 2), rel=0.01)

    def surprise(prediction):
        """How far loss minus noise is from the true error, in its sampling errors."""
        error = np.mean((prediction - truth)[held_out] ** 2)
        loss = np.mean((prediction - noisy)[held_out] ** 2)
        spread = 2 * np.sqrt(error * sigma**2 / held_out.sum())
        return abs(loss - np.mean(noise[held_out] ** 2) - error) / spread

    assert surprise(blind) < 3
    assert surprise(progress.last.apply(noisy)) > 4, "one pass has seen the pixels"


def test_a_score_of_channels_is_the_mean_of_their_errors_in_intensity():
    rng = np.random.default_rng(0)
    image = np.stack([rng.normal(0, 1, (64, 64)), rng.normal(0, 300, (64, 64))])
    *_, progress = train(image, axes="CYX", steps=20, device="cpu")
    assert progress.score.loss == pytest.approx((1 + 300**2) / 2, rel=0.25)


def test_pure_noise_with_gaps_is_not_predicted_by_anything():
    rng = np.random.default_rng(0)
    image = np.where(rng.random((256, 256)) < 0.5, np.nan, rng.normal(0, 1, (256, 256)))
    *_, progress = train(image, steps=30, nan_policy="omit", device="cpu")
    scores = [progress.best.score, *(each.score for each in progress.baselines)]
    assert all(score.loss > 1 - 3 * score.error for score in scores)


def test_held_out_pixels_have_no_part_in_the_training():
    rng = np.random.default_rng(0)
    half = rng.integers(-50, 50, (24, 48))
    image = np.concatenate([half, -half])  # of mean zero whatever the order, to the bit
    settings = Settings(steps=4, device="cpu")
    held_out = finish(preparing_training_data(open_image(image), settings)).withheld.numpy()[0, 0]
    other = image.copy()
    other[held_out] = rng.permutation(image[held_out])
    assert (other != image).sum() > 50
    *_, a = train(image, settings=settings)
    *_, b = train(other, settings=settings)
    assert all(torch.equal(a.last.weights[name], w) for name, w in b.last.weights.items())
    assert a.score != b.score


def test_the_same_pixels_are_held_out_whatever_the_method():
    image = smooth((64, 64))
    masks = [
        finish(
            preparing_training_data(open_image(image), replace(Settings(), **{name: value}))
        ).withheld
        for name in ("network", "partition", "fill")
        for value in choices(name)
    ]
    assert all(torch.equal(each, masks[0]) for each in masks)


def test_the_network_beats_the_baselines_on_a_simulated_image():
    truth = smooth((128, 128))
    noisy = np.random.default_rng(0).poisson(truth).astype(np.uint16)
    clean, report = denoise(noisy, steps=60, device="cpu")
    assert report.network_is_best
    assert np.mean((clean - truth) ** 2) < 0.2 * np.mean((noisy - truth) ** 2)


def test_structure_is_found_where_there_is_some_and_not_in_noise_of_any_level():
    rng = np.random.default_rng(0)
    level = np.repeat(np.linspace(1, 50, 256), 128).reshape(256, 128).astype(np.float32)
    level[70:90, 40:60] *= 1 + 0.5 * rng.integers(2, size=(5, 5)).repeat(4, 0).repeat(4, 1)
    flat = np.stack([np.full_like(level, 10), level])
    found = measure_structure(rng.poisson(flat)[:, None].astype(np.float32))
    assert found.shape == (2, 8, 4)
    assert not found[0].any()
    assert np.unravel_index(found[1].argmax(), (8, 4)) == (2, 1)


def test_a_sparse_image_teaches_what_is_in_it():
    rng = np.random.default_rng(0)
    noisy = rng.poisson(3, (1, 512, 512)).astype(np.float32)
    noisy[0, 200:230, 300:330] += rng.poisson(20 * (rng.random((30, 30)) < 0.3))
    material = finish(preparing_training_data(open_image(noisy, "TYX"), Settings()))
    crops, _, _ = material.draw(400, 64, orientations(2), torch.Generator().manual_seed(0))
    signal = crops.amax((1, 2, 3)) > (15 - material.scale.shift[0]) / material.scale.spread[0]
    assert 0.4 < signal.float().mean() < 0.65
    assert find_sparse_structure(np.repeat(material.x.numpy(), 100, 0)).shape == (100, 16, 16)
    assert find_sparse_structure(smooth((1, 1, 256, 256))) is None


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
