"""Non-local Bayes: repeated structure is restored, and none is invented."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_n2s import denoise, train
from napari_n2s.core.generators import finish
from napari_n2s.inference.model_file import load_model, save_model
from napari_n2s.inference.trained_network import NONLOCAL_WEIGHT
from napari_n2s.methods import blind_spot, nonlocal_bayes
from napari_n2s.methods.nonlocal_bayes import denoise_patches, is_applicable
from napari_n2s.preparation.held_out import best_weight

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)


def together(picture, noisy, variance):
    arrays = (picture, noisy, np.full_like(picture, variance))
    tensors = [torch.from_numpy(each.astype(np.float32))[None] for each in arrays]
    return finish(denoise_patches(*tensors, CPU))[0].numpy()


def test_repeated_structure_is_restored_though_the_network_lost_it():
    texture = gaussian_filter(RNG.normal(size=(12, 12)), 0.7, mode="wrap")
    truth = np.tile(texture / texture.std(), (9, 11))
    noisy = truth + RNG.normal(size=truth.shape)
    picture = 0.6 * truth
    error, before = (
        np.mean((each - truth) ** 2) for each in (together(picture, noisy, 1), picture)
    )
    assert error < before / 2


def test_nothing_is_invented_where_there_is_nothing():
    noise = RNG.normal(size=(120, 130))
    result = together(np.zeros_like(noise), noise, 1)
    assert result.std() < 0.03


def test_an_edge_that_is_known_stays_where_it_is():
    truth = np.zeros((60, 70))
    truth[:, 35:] = 5
    result = together(truth, truth + RNG.normal(size=truth.shape), 1)
    assert np.abs(result - truth).max() < 0.5


@pytest.mark.parametrize("shape", [(16, 16), (17, 90), (61, 43)])
def test_every_pixel_is_covered_though_all_patches_are_equal(shape):
    assert is_applicable(shape)
    assert np.isfinite(together(np.ones(shape), np.ones(shape), 0)).all()


def test_without_noise_all_stays_however_bright_and_often_repeated():
    stripes = np.where(np.arange(60) % 6 < 3, 0.0, 300.0) * np.ones((50, 1))
    np.testing.assert_allclose(together(stripes, stripes, 0), stripes, atol=0.3)


def test_neither_level_nor_parts_matter(monkeypatch):
    noisy = RNG.normal(size=(90, 80))
    picture = gaussian_filter(noisy, 2)
    whole = together(picture, noisy, 1)
    monkeypatch.setattr(nonlocal_bayes, "GROUPS", 6)
    np.testing.assert_allclose(together(picture, noisy, 1), whole, atol=1e-5)
    np.testing.assert_allclose(together(picture + 4, noisy + 4, 1), whole + 4, atol=1e-4)


def test_it_is_asked_for_what_is_delivered_and_never_for_what_is_predicted_blindly(monkeypatch):
    asked = []

    def spy(picture, *others):
        asked.append(picture.shape)
        yield 1.0
        return picture

    monkeypatch.setattr(blind_spot.nonlocal_bayes, "denoise_patches", spy)
    image = RNG.normal(size=(48, 40)) + np.linspace(0, 9, 40)
    *_, progress = train(image, steps=1, device="cpu", invariant=True)
    progress.best.apply(image)
    assert not asked
    *_, progress = train(image, steps=1, device="cpu")
    assert asked
    asked.clear()
    progress.best.apply(image)
    assert asked == [(1, 48, 40)]


def test_the_report_says_what_was_delivered():
    image = RNG.normal(size=(32, 32))
    for changes, named in (({}, True), ({"invariant": True}, False), ({"network": "dncnn"}, False)):
        _, report = denoise(image, steps=1, device="cpu", **changes)
        of_network = replace(report, fallback="")  # after one step a filter may be better
        assert ("non-local Bayes" in of_network.methods()) == named


def test_what_it_counts_is_what_unseen_pixels_say():
    truth, noise = RNG.normal(size=4000), 3 * RNG.normal(size=4000)
    one, other = (truth + 0.5 * RNG.normal(size=4000) for _ in range(2))
    for better, worse, share in ((truth, one, 1), (one, truth, 0), (one, other, 0.5)):
        found = best_weight(truth + noise - worse, better - worse, 0.7, 9)
        assert abs(found - share) < 0.25
    assert best_weight(noise, 1e-3 * other, 0.7, 0.01) == pytest.approx(0.7, abs=0.01)
    assert best_weight(noise, np.zeros(4000), 0.7, 0.3) == 0.7


def test_unseen_pixels_decide_for_what_repeats_and_a_file_keeps_it(tmp_path):
    stripes = np.tile(np.arange(64) % 8 < 4, (64, 1)) * 10.0
    *_, progress = train(stripes + 4 * RNG.normal(size=stripes.shape), steps=30, device="cpu")
    (share,) = progress.best.nonlocal_weight
    assert share > NONLOCAL_WEIGHT
    save_model(tmp_path / "kept.n2s", progress.best)
    assert load_model(tmp_path / "kept.n2s")[0].nonlocal_weight == (share,)
