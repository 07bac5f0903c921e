"""Noise2Noise: replicates predicted from each other, scored without bias, and averaged."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

import corruptions
from napari_n2s import ImageError, Settings, SettingsError, denoise, train
from napari_n2s.core.settings import choices
from napari_n2s.images.image import open_image
from napari_n2s.inference.model_file import load_model, save_model
from napari_n2s.preparation.prepared import prepare
from napari_n2s.replicates.find import replicates_along_axis, replicates_from_images
from napari_n2s.training.replicate_data import prepare_replicates

RNG = np.random.default_rng(0)


def picture(seed=0, side=96):
    blobs = gaussian_filter(np.random.default_rng(seed).normal(size=(side, side)), 3)
    return 30 + 20 * np.clip(blobs / blobs.std(), -1.4, 3)


TRUTH = picture()
QUICK = {"steps": 3, "device": "cpu"}


def replicate(truth=TRUTH):
    return RNG.poisson(truth).astype(np.uint16)


ONE, TWO = replicate(), replicate()
MOVIE = np.stack([replicate() for _ in range(6)])
FEW = MOVIE[:4]


def paired(images, axes=None, **options):
    return replicates_from_images([open_image(each, axes) for each in images], **options)


def error(image, truth=TRUTH):
    return float(np.mean((image - truth) ** 2))


def test_a_second_replicate_removes_correlated_noise():
    one, two = (corruptions.brown(TRUTH, RNG, 10, 1.0) for _ in range(2))
    alone, _ = denoise(one, steps=50, blind_spot_radius=0, device="cpu")
    both, report = denoise(one, pair=two, steps=50, device="cpu")
    assert error(both) < 0.8 * error((one + two) / 2)
    assert error(both) < 0.5 * error(alone)
    assert both.shape == one.shape
    assert both.dtype == np.float32
    assert "Noise2Noise" in report.methods()
    assert "2 noisy replicates of the same field: a U-Net was trained" in report.methods()


def test_the_score_is_the_error_against_the_truth_plus_the_noise():
    truth = picture(side=128)
    one, two = (truth + RNG.normal(0, 8, truth.shape) for _ in range(2))
    *_, last = train(paired([one, two]), steps=20, device="cpu")
    held = prepare(open_image(one, "YX")).held_out.mask[0, 0]
    predicted = last.last.apply(two)[held]
    truly = error(predicted, truth[held])
    noise = error(one[held], truth[held])
    assert last.last.score.pixels == held.sum()
    assert last.last.score.loss == pytest.approx(truly + noise, abs=4 * last.last.score.error)
    for each in last.baselines:
        assert each.score.loss > noise


def test_no_replicate_is_trained_on_its_held_out_pixels(monkeypatch):
    held = prepare(open_image(ONE, "YX")).held_out.mask[0, 0]
    same = prepare(open_image(ONE, "YX")).scale
    monkeypatch.setattr("napari_n2s.preparation.prepared.measure_scale", lambda *_: same)
    made = paired([ONE, TWO])
    weights = []
    for value in (0, 60000):
        spoilt = tuple(np.where(held, value, each).astype(np.uint16) for each in (ONE, TWO))
        training = tuple(map(open_image, spoilt))
        *_, last = train(replace(made, training_images=training), steps=12, device="cpu")
        weights.append(last.last.weights)
    for one, two in zip(*(each.values() for each in weights), strict=True):
        assert torch.equal(one, two)


def test_no_replicate_is_its_own_partner_and_all_predict_all():
    material = prepare_replicates(paired(list(MOVIE[:4])), Settings())
    assert material.neighbours.tolist() == [[1, 2, 3], [2, 3, 0], [3, 0, 1], [0, 1, 2]]
    material = prepare_replicates(replicates_along_axis(open_image(MOVIE, "TYX"), "T"), Settings())
    assert material.neighbours.tolist() == [[1, 1], [0, 2], [1, 3], [2, 4], [3, 5], [4, 4]]
    stacks = paired([MOVIE[:3], MOVIE[3:]], "TYX")
    assert prepare_replicates(stacks, Settings()).neighbours.tolist() == [
        [3],
        [4],
        [5],
        [0],
        [1],
        [2],
    ]


def test_a_frame_that_differs_is_not_trained_on():
    movie = MOVIE.copy()
    movie[2] = replicate(picture(5))
    clean, report = denoise(movie, axes="TYX", pairs_axis="T", **QUICK)
    assert clean.shape == movie.shape
    assert any("are excluded from training" in each for each in report.findings)
    material = prepare_replicates(replicates_along_axis(open_image(movie, "TYX"), "T"), Settings())
    assert material.withheld[2].all()
    assert not (material.neighbours[[1, 3]] == 2).any()
    assert material.held_out.any()


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"pairs_axis": "T"}, FEW.shape),
        ({"pairs_axis": "T", "pairing": "halves"}, TRUTH.shape),
        ({"pairs_axis": "T", "pairing": "repeats"}, TRUTH.shape),
        ({"split_photons": True}, FEW.shape),
        ({"pair": FEW[::-1]}, FEW.shape),
        ({"pair": [FEW[::-1], FEW[[1, 0, 3, 2]]]}, FEW.shape),
    ],
)
def test_the_result_has_the_brightness_of_the_replicates(options, shape):
    clean, report = denoise(FEW, axes="TYX", steps=15, device="cpu", **options)
    assert clean.shape == shape
    assert clean.mean() == pytest.approx(TRUTH.mean(), rel=0.05)
    assert report.replicates
    assert report.to_json()


def test_two_runs_of_the_same_steps_are_equal_to_the_bit():
    first, _ = denoise(ONE, pair=[TWO, MOVIE[0]], **QUICK)
    torch.manual_seed(99)
    second, _ = denoise(ONE, pair=[TWO, MOVIE[0]], **QUICK)
    assert np.array_equal(first, second)


def test_a_shifted_replicate_is_registered():
    wide = picture(2, 112)
    one, two = replicate(wide[8:-8, 8:-8]), replicate(wide[5:-11, 6:-10])
    *_, last = train(paired([one, two], register=True), steps=8, device="cpu")
    clean, report = denoise(one, pair=two, register=True, steps=8, device="cpu")
    model = last.best
    there, other = model.apply(one), model.apply(two)
    assert np.allclose(
        clean[5:-5, 5:-5], ((there + np.roll(other, (-3, -2), (0, 1))) / 2)[5:-5, 5:-5]
    )
    assert np.array_equal(clean[-2:], there[-2:])
    assert "was moved back" in report.findings[0]


def test_pixels_missing_in_one_replicate_come_from_the_other():
    one, two = (each.astype(np.float32) for each in (ONE, TWO))
    one[10:20, 10:20] = two[40:50, 40:50] = np.nan
    one[70:72] = two[70:72] = np.nan
    clean, _ = denoise(one, pair=two, nan_policy="omit", **QUICK)
    assert np.isnan(clean[70:72]).all()
    assert np.isnan(clean).sum() == 2 * 96
    with pytest.raises(ImageError, match="NaN or infinite"):
        denoise(one, pair=two, **QUICK)


@pytest.mark.parametrize("loss", choices("loss"))
def test_each_loss_trains_and_only_the_squared_one_chooses_the_network(loss):
    *_, last = train(paired([ONE, TWO]), loss=loss, steps=10, device="cpu")
    assert loss == "l2" or last.best is last.last
    clean, report = denoise(ONE, pair=TWO, loss=loss, **QUICK)
    assert np.isfinite(clean).all()
    assert (loss == "l2") != (f"The loss {loss} does not minimise it" in report.sentence())


def test_the_median_survives_what_the_mean_does_not():
    spoilt = [np.where(RNG.random(TRUTH.shape) < 0.2, 200.0, TRUTH) for _ in range(2)]
    made = paired(spoilt)
    errors = []
    for loss in ("l2", "l1"):
        *_, last = train(made, loss=loss, steps=25, device="cpu")
        errors.append(error(last.last.apply(spoilt[0])))
    assert errors[1] < 0.5 * errors[0]


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(SettingsError, match="invariant"):
        denoise(ONE, pair=TWO, invariant=True, **QUICK)
    *_, last = train(paired([ONE, TWO]), **QUICK)
    with pytest.raises(SettingsError, match="invariant"):
        last.best.apply(ONE, invariant=True)
    with pytest.raises(SettingsError, match="negative values"):
        denoise(ONE - 90.0, pair=TWO - 90.0, loss="hdr", **QUICK)
    with pytest.raises(SettingsError, match="choose one of them"):
        denoise(ONE, pair=TWO, split_photons=True, **QUICK)


def test_the_result_is_written_where_it_is_to_go_in_its_type():
    out = np.empty(ONE.shape, np.uint16)
    result, _ = denoise(ONE, pair=TWO, out=out, **QUICK)
    exact, _ = denoise(ONE, pair=TWO, **QUICK)
    assert result is out
    assert np.array_equal(out, np.rint(exact))
    with pytest.raises(ImageError, match="must be the same"):
        denoise(MOVIE, axes="TYX", pairs_axis="T", pairing="halves", out=np.empty(MOVIE.shape))


def test_a_constant_pair_comes_back():
    one, two = np.full((40, 40), 7.0), np.full((40, 40), 7.0)
    two[3, 3] = 8
    assert np.abs(denoise(one, pair=two, **QUICK)[0] - 7).max() < 1


def test_a_model_of_two_replicates_denoises_one_and_can_be_saved(tmp_path):
    *_, last = train(paired([ONE, TWO]), **QUICK)
    save_model(tmp_path / "model.safetensors", last.best)
    again, _ = load_model(tmp_path / "model.safetensors")
    assert np.array_equal(again.apply(MOVIE[0]), last.best.apply(MOVIE[0]))


def test_a_volume_and_colours_are_denoised_too():
    stack = [RNG.poisson(20, (16, 16, 18, 3)).astype(np.uint8) for _ in range(2)]
    clean, _ = denoise(stack[0], pair=stack[1], axes="ZYXS", volume=True, **QUICK)
    assert clean.shape == stack[0].shape
