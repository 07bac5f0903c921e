"""The loss on held-out pixels knows the true error, and nothing of them is trained on."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_n2s import denoise, train
from napari_n2s.core.generators import finish
from napari_n2s.core.settings import Settings, choices
from napari_n2s.images.image import open_image
from napari_n2s.preparation.augmentation import orientations
from napari_n2s.preparation.structure import find_sparse_structure, measure_structure
from napari_n2s.training.drawing import draw_patches
from napari_n2s.training.training_data import preparing_training_data


def smooth(shape, seed=0):
    rng = np.random.default_rng(seed)
    truth = gaussian_filter(rng.normal(size=shape), 3)
    return (100 + 40 * truth / truth.std()).clip(1)


def test_the_held_out_loss_is_the_true_error_plus_the_noise():
    truth, sigma = smooth((128, 128)), 30.0
    noise = np.random.default_rng(1).normal(0, sigma, truth.shape)
    noisy = truth + noise
    *_, progress = train(noisy, steps=20, device="cpu")
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
    image = np.where(rng.random((192, 192)) < 0.5, np.nan, rng.normal(0, 1, (192, 192)))
    *_, progress = train(image, steps=10, nan_policy="omit", device="cpu")
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
    clean, report = denoise(noisy, steps=20, device="cpu")
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
    generator = torch.Generator().manual_seed(0)
    patches = draw_patches(material, 400, 64, orientations(2), generator).noisy
    signal = patches.amax((1, 2, 3)) > (15 - material.scale.shift[0]) / material.scale.spread[0]
    assert 0.4 < signal.float().mean() < 0.65
    assert find_sparse_structure(np.repeat(material.x.numpy(), 100, 0)).shape == (100, 16, 16)
    assert find_sparse_structure(smooth((1, 1, 256, 256))) is None
