"""Corruptions: right on average, in the median or the mode, as the loss that undoes them asks."""

import numpy as np
import pytest
import torch
from skimage import data

from napari_n2s.nn.losses import LOSSES, replace_spectrum, tone_map
from napari_n2s.simulation import corruptions

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


def least(name, values, done=0.0):
    """Find the constant that a loss likes best beside some values."""
    tried = torch.linspace(0, 1, 201)
    target = torch.tensor(values).expand(201, 1, -1)
    counted = torch.ones(1, 1, 1, dtype=torch.bool)
    losses = [
        LOSSES[name](each.expand(1, 1, target.shape[2]), one[None], counted, done)
        for each, one in zip(tried, target, strict=True)
    ]
    return float(tried[int(torch.stack(losses).argmin())])


def test_l2_finds_the_mean_l1_the_median_and_l0_the_mode():
    values = [0.2, 0.2, 0.2, 0.5, 0.6, 0.9, 1.0]
    assert least("l2", values) == pytest.approx(np.mean(values), abs=0.01)
    assert least("l1", values) == pytest.approx(0.5)
    assert least("l0", values) == pytest.approx(np.mean(values), abs=0.01)
    assert least("l0", values, 0.95) == pytest.approx(0.2)


def test_what_does_not_count_is_not_compared():
    ones, zeros = torch.ones(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)
    counted = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    assert LOSSES["l2"](ones, zeros, counted) == 0
    counted[..., 0, 0] = True
    assert LOSSES["l2"](ones, zeros, counted) == 1


def test_the_relative_loss_is_not_lessened_by_predicting_more():
    prediction = torch.full((1, 1, 1, 1), 2.0, requires_grad=True)
    counted = torch.ones(1, 1, 1, 1, dtype=torch.bool)
    LOSSES["hdr"](prediction, torch.ones(1, 1, 1, 1), counted).backward()
    assert float(prediction.grad) == pytest.approx(2 * 1 / 2.01**2)


def test_tone_mapping_brings_any_brightness_into_view():
    mapped = tone_map(torch.tensor([-1.0, 0.0, 1.0, 1e6]))
    assert mapped[:2].tolist() == [0, 0]
    assert float(mapped[2]) == pytest.approx(0.5 ** (1 / 2.2))
    assert 0.99 < float(mapped[3]) <= 1
