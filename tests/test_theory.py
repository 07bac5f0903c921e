"""What makes the result believable: 𝒥-invariance, and the loss that knows the true error."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import gaussian_filter

from napari_n2s import denoise, train
from napari_n2s.ideas.blindspot import Grid, Random, fill
from napari_n2s.ideas.settings import Settings, choices
from napari_n2s.work.apply import finish, predict
from napari_n2s.work.filters import RADII, calibrate_baselines
from napari_n2s.work.material import gather
from napari_n2s.work.method import Masked
from napari_n2s.work.networks import build

CPU = torch.device("cpu")
SPACE = {1: (40,), 2: (20, 26), 3: (8, 10, 12)}


def smooth(shape, seed=0):
    rng = np.random.default_rng(seed)
    truth = gaussian_filter(rng.normal(size=shape), 3)
    return (100 + 40 * truth / truth.std()).clip(1)


def output(method, x, invariant, missing=None):
    missing = torch.zeros_like(x[:, :1], dtype=torch.bool) if missing is None else missing
    return finish(predict(method, x, missing, 512, CPU, invariant=invariant, seed=3))


@pytest.mark.parametrize("ndim", SPACE)
@pytest.mark.parametrize("partition", [Grid(2), Random(0.25)], ids=repr)
@pytest.mark.parametrize("name", choices("network"))
def test_an_output_does_not_depend_on_its_own_set(name, partition, ndim):
    network = build(name, channels=2, ndim=ndim, seed=1)
    x = torch.randn(1, 2, *SPACE[ndim], generator=torch.Generator().manual_seed(0))
    network.train()(x)  # gives a batch normalisation statistics of its own
    method = Masked(network.eval(), partition, "neighbours")
    before = output(method, x, invariant=True)
    masks = list(partition.masks(SPACE[ndim], torch.Generator().manual_seed(3)))
    for hidden in (masks[0], masks[-1]):
        other = torch.where(hidden, x + 100 * torch.rand_like(x), x)
        inside = hidden.expand_as(x)
        assert torch.equal(output(method, other, invariant=True)[inside], before[inside])
        seen = output(method, other, invariant=False) - output(method, x, invariant=False)
        assert seen[inside].abs().min() > 0, "one pass sees the pixel; the test would not notice"


@pytest.mark.parametrize("how", choices("fill"))
def test_missing_pixels_carry_nothing_into_the_blind_spot(how):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 1, 40, 40, generator=generator)
    missing = torch.rand(1, 1, 40, 40, generator=generator) < 0.3
    method = Masked(build("unet-small", 1, 2, seed=1).eval(), Grid(4), how)
    before = output(method, x, True, missing)
    hidden = next(Grid(4).masks((40, 40), generator))
    other = torch.where(hidden | missing, x + 9, x)
    assert torch.equal(output(method, other, True, missing)[hidden], before[hidden])


def test_the_held_out_loss_is_the_true_error_plus_the_noise():
    truth, sigma = smooth((128, 128)), 30.0
    noise = np.random.default_rng(1).normal(0, sigma, truth.shape)
    noisy = truth + noise
    *_, progress = train(noisy, steps=300, device="cpu")
    material = gather(noisy, None, progress.last.settings)
    held_out = material.held_out[0, 0].numpy()
    image = torch.from_numpy(noisy)[None, None]
    blind = progress.last.apply(fill(image, material.held_out, "neighbours")[0, 0])
    measured = progress.last.score.loss
    assert measured == pytest.approx(np.mean((blind - noisy)[held_out] ** 2), rel=1e-3)

    def surprise(prediction):
        """How far loss minus noise is from the true error, in its sampling errors."""
        error = np.mean((prediction - truth)[held_out] ** 2)
        loss = np.mean((prediction - noisy)[held_out] ** 2)
        spread = 2 * np.sqrt(error * sigma**2 / held_out.sum())
        return abs(loss - np.mean(noise[held_out] ** 2) - error) / spread

    assert surprise(blind) < 3
    assert surprise(progress.last.apply(noisy)) > 5, "one pass has seen the pixels"


def test_a_score_of_channels_is_the_mean_of_their_errors_in_intensity():
    rng = np.random.default_rng(0)
    image = np.stack([rng.normal(0, 1, (64, 64)), rng.normal(0, 300, (64, 64))])
    *_, progress = train(image, axes="CYX", steps=20, device="cpu")
    assert progress.score.loss == pytest.approx((1 + 300**2) / 2, rel=0.25)


def test_pure_noise_with_gaps_is_not_predicted_by_anything():
    rng = np.random.default_rng(0)
    image = np.where(rng.random((256, 256)) < 0.5, np.nan, rng.normal(0, 1, (256, 256)))
    *_, progress = train(image, steps=60, missing="leave", device="cpu")
    scores = [progress.best.score, *(each.score for each in progress.baselines)]
    assert all(score.loss > 1 - 3 * score.error for score in scores)


def test_held_out_pixels_have_no_part_in_the_training():
    rng = np.random.default_rng(0)
    half = rng.integers(-50, 50, (24, 48))
    image = np.concatenate([half, -half])  # of mean zero whatever the order, to the bit
    settings = Settings(steps=4, device="cpu")
    held_out = gather(image, None, settings).blocked.numpy()[0, 0]
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
        gather(image, None, replace(Settings(), **{name: value})).blocked
        for name in ("network", "partition", "fill")
        for value in choices(name)
    ]
    assert all(torch.equal(each, masks[0]) for each in masks)


def test_the_best_median_is_found_without_the_truth():
    data = pytest.importorskip("skimage.data")
    truth = data.camera().astype(np.float32)
    for seed in range(3):
        noisy = truth + np.random.default_rng(seed).normal(0, 25, truth.shape).astype(np.float32)
        everywhere = np.ones((1, 1, 160, 160), bool)
        piece = np.s_[None, None, 200:360, 100:260]
        median, _ = calibrate_baselines(noisy[piece], everywhere)
        errors = [
            np.mean((_donut_median(noisy[piece][0, 0], radius) - truth[piece][0, 0]) ** 2)
            for radius in RADII
        ]
        assert median.strength == RADII[int(np.argmin(errors))]
        assert median.score.loss - 25**2 == pytest.approx(min(errors), abs=4 * median.score.error)


def _donut_median(image, radius):
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    ring = (np.hypot(y, x) <= radius) & (np.hypot(y, x) > 0)
    padded = np.pad(image, reach, constant_values=np.nan)
    return np.nanmedian(sliding_window_view(padded, ring.shape)[..., ring], -1)


def test_the_network_beats_the_baselines_on_a_simulated_picture():
    truth = smooth((128, 128))
    noisy = np.random.default_rng(0).poisson(truth).astype(np.uint16)
    clean, report = denoise(noisy, steps=400, device="cpu")
    assert report.network_is_best
    assert np.mean((clean - truth) ** 2) < 0.2 * np.mean((noisy - truth) ** 2)
