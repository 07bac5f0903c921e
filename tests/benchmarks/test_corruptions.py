"""Corruptions: unbiased in the mean, the median or the mode, as the loss for each requires."""

import numpy as np
import pytest
import torch
from skimage import data

import corruptions
from corruptions import replace_spectrum

TRUTH = (data.camera()[::4, ::4] / 255).astype(np.float32)
MANY = np.broadcast_to(TRUTH, (64, *TRUTH.shape))


def rng():
    return np.random.default_rng(0)


MEAN_KEEPING = {
    "gaussian": corruptions.gaussian,
    "poisson": corruptions.poisson,
    "brown": corruptions.brown,
    "heavy tails": lambda image, draws: corruptions.heavy_tails(image, draws, 64, 1.0),
    "spectrum": lambda image, draws: corruptions.sample_spectrum(image, draws)[0],
    "bernoulli": lambda image, draws: 2 * corruptions.bernoulli(image, draws)[0],
}


@pytest.mark.parametrize("name", MEAN_KEEPING)
def test_what_averages_out_is_right_on_average(name):
    noisy = MEAN_KEEPING[name](MANY, rng())
    assert noisy.dtype == np.float32
    assert noisy.shape == MANY.shape
    single, averaged = (np.mean((each - TRUTH) ** 2) for each in (noisy, noisy.mean(0)))
    assert averaged == pytest.approx(single / len(MANY), rel=0.15)


def test_each_share_is_as_asked():
    _, left = corruptions.bernoulli(MANY, rng(), 0.3)
    assert left.mean() == pytest.approx(0.7, abs=0.01)
    assert (corruptions.impulse(MANY, rng()) != MANY).mean() == pytest.approx(0.7, abs=0.01)
    colours = np.full((3, 100, 100), 0.5)
    replaced = corruptions.impulse(colours, rng(), channel_axis=0) != colours
    assert (replaced[0] == replaced).all()
    written = corruptions.text(MANY[:4], rng()) != MANY[:4]
    assert (written.mean((1, 2)) > 0.23).all()
    assert (written.mean((1, 2)) < 0.35).all()
    _, _, sampled = corruptions.sample_spectrum(MANY, rng())
    assert sampled.mean() == pytest.approx(0.11, abs=0.03)
    assert sampled[:, 0, 0].all()


def test_brown_noise_is_shared_by_neighbours_and_as_strong_as_asked():
    noise = corruptions.brown(np.zeros((256, 256)), rng(), 0.1, 2.0)
    assert noise.std() == pytest.approx(0.1, rel=0.1)
    assert np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1] > 0.8


def test_what_was_measured_is_put_back_and_is_real():
    made, spectrum, sampled = (
        torch.from_numpy(e) for e in corruptions.sample_spectrum(TRUTH, rng())
    )
    mirrored = torch.roll(sampled.flip((0, 1)), (1, 1), (0, 1))
    assert torch.equal(sampled, mirrored)
    whole = replace_spectrum(torch.from_numpy(TRUTH), spectrum, sampled)
    assert torch.allclose(whole, torch.from_numpy(TRUTH), atol=1e-5)
    there = torch.fft.fft2(replace_spectrum(made, spectrum, sampled))
    assert torch.allclose(there[sampled], spectrum[sampled], atol=1e-2)
