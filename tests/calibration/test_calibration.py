"""Filters calibrated without ground truth: the theory, and what is promised about them."""

import json

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_n2s import DenoiserError, ImageError, Settings, SettingsError, calibrate
from napari_n2s.calibration.calibrate import calibrating
from napari_n2s.calibration.result import CORRELATED, UNCERTAIN, WEAK
from napari_n2s.filters.catalogue import choose_denoiser
from napari_n2s.filters.donut_filters import FOOTPRINTS, predict_at
from napari_n2s.filters.masked_filters import MaskedFilter
from napari_n2s.filters.skimage_filters import MASKED
from napari_n2s.images.image import open_image
from napari_n2s.preparation.prepared import prepare

RNG = np.random.default_rng(0)
AS_IT_IS = Settings(outliers="ignore", constant_areas="denoise")


def pictures():
    """Photographs and micrographs of different grain, on a range of about 1."""
    data = pytest.importorskip("skimage.data")
    yield data.camera()[100:356, 120:376] / 255
    yield data.coins()[20:276, 60:316] / 255
    yield data.page()[:184, :256] / 255
    blobs = gaussian_filter(np.random.default_rng(1).normal(size=(256, 256)), 3)
    yield 0.5 + 0.2 * blobs / blobs.std()


@pytest.mark.parametrize("kind", ["median", "gaussian"])
@pytest.mark.parametrize("number", range(4))
def test_the_best_strength_is_that_of_the_truth_and_the_ordinary_filter_has_none(kind, number):
    truth = list(pictures())[number]
    some = tuple(each.ravel() for each in np.mgrid[:1, : truth.shape[0] : 3, : truth.shape[1] : 3])
    for seed in range(4):
        noisy = truth + np.random.default_rng(seed).normal(0, 0.1, truth.shape)
        found = calibrate(noisy, kind)
        strengths = [next(iter(each.values.values())) for each in found.tried]
        rings = [FOOTPRINTS[kind](strength, (1, 1)) for strength in strengths]
        errors = [
            np.mean((predict_at(noisy[None, None], some, kind, ring)[:, 0] - truth[some[1:]]) ** 2)
            for ring in rings
        ]
        best, chosen = int(np.argmin(errors)), found.tried.index(found.best)
        assert abs(best - chosen) <= 1
        ordinary = [each.ordinary for each in found.tried]
        assert ordinary[0] == min(ordinary)
        assert found.best.score.loss - 0.01 == pytest.approx(
            errors[chosen], abs=5 * found.best.score.error
        )


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("method", MASKED)
def test_a_masked_denoiser_is_best_where_the_truth_says(method, seed):
    truth = next(pictures())
    if method == "bilateral":  # it is slow
        truth = truth[:128, :128]
    noisy = (truth + np.random.default_rng(seed).normal(0, 0.1, truth.shape)).astype(np.float32)
    found = calibrate(noisy, method, refine=False)

    ready, held = found.ready, prepare(open_image(truth, "YX"), AS_IT_IS)
    restored = held.held_out_values * held.scale.spread + held.scale.shift
    assert np.array_equal(np.stack(ready.held_out_indices), np.stack(held.held_out_indices))
    predict = found.denoiser.predictor(ready, blind=True)
    errors = [
        np.mean((predict(each.values) * ready.scale.spread + ready.scale.shift - restored) ** 2)
        for each in found.tried
    ]
    best, chosen = int(np.argmin(errors)), found.tried.index(found.best)
    for name, steps in found.denoiser.grid.items():
        told, true = (steps.index(found.tried[each].values[name]) for each in (chosen, best))
        assert abs(told - true) <= 1
    assert errors[chosen] < 1.1 * errors[best]
    assert np.mean((found.apply(noisy) - truth) ** 2) < 0.5 * 0.01


@pytest.mark.parametrize("blind", [True, False])
def test_non_local_means_at_single_pixels_are_scikit_images(blind):
    truth = next(pictures())[:150]
    noisy = truth + np.random.default_rng(0).normal(0, 0.1, truth.shape)
    image, denoiser = (
        open_image(np.stack([noisy, noisy[::-1]]), "CYX"),
        choose_denoiser("nlm", None),
    )
    ready = prepare(image)
    alone, whole = (kind.predictor(ready, blind=blind) for kind in (denoiser, _plainly(denoiser)))
    for h in denoiser.grid["h"]:
        expected = whole({"h": h})
        assert np.abs(alone({"h": h}) - expected).max() < 0.02 * expected.std()
    with pytest.raises(DenoiserError, match=r"nlm\(h=0\) failed"):
        alone({"h": 0})


def _plainly(denoiser):
    return MaskedFilter(denoiser.name, denoiser.function, denoiser.grid)


def test_a_function_of_ones_own_is_calibrated_in_the_images_own_intensities():
    truth = 1000 + 300 * next(pictures())
    noisy = np.random.default_rng(0).normal(truth, 60).astype(np.float32)
    seen = []

    def blur(picture, sigma):
        seen.append(picture.mean())
        return gaussian_filter(picture, sigma)

    found = calibrate(noisy, blur, {"sigma": [0.3, 0.6, 1.2, 2.4, 4.8]})
    assert all(900 < each < 1400 for each in seen)
    tried = {each.values["sigma"]: each.score.loss for each in found.tried}
    assert len(tried) > 5  # refined between the steps of the grid
    error = {sigma: np.mean((gaussian_filter(noisy, sigma) - truth) ** 2) for sigma in tried}
    assert error[found.best.values["sigma"]] < 1.1 * min(error.values())
    assert np.allclose(found.apply(noisy), blur(noisy, **found.best.values), atol=0.01)


def _changes(picture, size):
    picture += 1
    return picture


BAD = {
    "raises": (lambda picture, size: 1 / 0, "failed: ZeroDivisionError: division by zero."),
    "another shape": (lambda picture, size: picture[1:], "it must keep the shape"),
    "nothing": (lambda picture, size: None, "made an image of"),
    "nan": (lambda picture, size: picture * np.nan, "not finite numbers"),
    "changes": (_changes, "changes the image that it is given"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_function_that_is_no_denoiser_is_named(name):
    function, words = BAD[name]
    image = RNG.random((40, 40))
    kept = image.copy()
    with pytest.raises(DenoiserError) as caught:
        calibrate(image, function, {"size": [3]})
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{function.__name__}(size=3)")
    assert np.array_equal(image, kept)


def test_what_cannot_be_calibrated_is_explained():
    with pytest.raises(SettingsError, match="choose one of median, mean, gaussian, nlm"):
        calibrate(RNG.random((40, 40)), "bm3d")
    with pytest.raises(SettingsError, match="needs a grid"):
        calibrate(RNG.random((40, 40)), np.sort)
    with pytest.raises(ImageError, match="have no Z"):
        calibrate(RNG.random((3, 40, 40)), axes="TYX", z_step=2)
    with pytest.raises(SettingsError, match="leave z_step out"):
        calibrate(RNG.random((3, 40, 40)), "tv", axes="ZYX", z_step=2)
    with pytest.raises(SettingsError, match="z_step is nan"):
        calibrate(RNG.random((3, 40, 40)), axes="ZYX", z_step=float("nan"))
    with pytest.raises(SettingsError, match="seed is -1"):
        calibrate(RNG.random((40, 40)), seed=-1)
    with pytest.raises(SettingsError, match="above 0"):
        calibrate(RNG.random((40, 40)), "median", {"radius": [0, 1]})
    with pytest.raises(SettingsError, match="grid is empty"):
        calibrate(RNG.random((40, 40)), np.sort, {"axis": []})


def test_gaps_stay_and_do_not_spread():
    image = RNG.poisson(50, (3, 60, 64)).astype(np.float32)
    image[1, 20:25, 30] = np.nan
    for method in ("median", "gaussian", "tv"):
        clean = calibrate(image, method, nan_policy="omit").apply(image)
        assert np.array_equal(np.isnan(clean), np.isnan(image))
        assert abs(clean[1, 19:26, 29] - 50).max() < 15


def test_a_calibration_may_be_abandoned_and_shows_each_strength():
    ready = prepare(open_image(RNG.random((40, 40))))
    work = calibrating(ready, choose_denoiser("median", None))
    assert next(work).values == {"radius": 1.0}
    assert next(work).values == {"radius": 1.5}
    work.close()


def test_mixing_gains_what_it_promises_and_is_off_where_the_noise_is_doubtful():
    truth = next(pictures())
    noisy = truth + np.random.default_rng(0).normal(0, 0.1, truth.shape)
    found = calibrate(noisy, "median")
    assert found.mixes
    plain, mixed = (np.mean((found.apply(noisy, mix=mix) - truth) ** 2) for mix in (False, None))
    assert 10 * np.log10(plain / mixed) == pytest.approx(found.mixing.gain, abs=0.4)
    assert found.mixing.gain > 0.2
    shared = truth + gaussian_filter(np.random.default_rng(0).normal(0, 0.3, truth.shape), 0.7)
    assert not calibrate(shared, "median").mixes
    plain = calibrate(noisy, "tv")
    assert np.array_equal(plain.apply(noisy, mix=True), plain.apply(noisy))


def test_a_ball_is_calibrated_in_a_stack_of_two_slices_and_more():
    for depth in (2, 9):
        truth = gaussian_filter(np.random.default_rng(1).normal(size=(depth, 64, 64)), (1.5, 3, 3))
        truth = 100 + 20 * truth / truth.std()
        stack = np.random.default_rng(2).poisson(truth)
        flat = calibrate(stack, "mean", axes="ZYX")
        ball = calibrate(stack, "mean", axes="ZYX", z_step=2)
        errors = [np.mean((each.apply(stack, mix=False) - truth) ** 2) for each in (flat, ball)]
        assert errors[1] < errors[0]


def test_parameters_of_any_kind_are_tried_and_told():
    def smooth(picture, mode, size):
        return gaussian_filter(picture, size, mode=mode)

    image = RNG.poisson(20, (48, 50)).astype(float)
    grid = {"mode": ["reflect", "mirror"], "size": np.arange(1, 12, 5)}
    found = calibrate(image, smooth, grid)
    assert [each.values["size"] for each in found.tried] == [1, 6, 11, 1, 6, 11]
    assert "size" in found.sentence()
    json.dumps(found.to_dict())


def test_it_says_why_the_least_smoothing_is_the_best():
    data = pytest.importorskip("skimage.data")
    noise = np.random.default_rng(0).normal(size=(256, 256))
    smeared = gaussian_filter(noise, 0.7)
    camera = data.camera()[:256, 256:]
    shared = camera + 15 * smeared / smeared.std()
    page = np.pad(data.page()[:, :256], ((0, 65), (0, 0)), "reflect") + 15 * noise
    gravel = data.gravel()[:256, :256] + 5 * noise
    for image, why in ((shared, CORRELATED), (page, WEAK), (gravel, UNCERTAIN)):
        for method in ("median", "gaussian"):
            told = calibrate(image, method).sentence()
            assert told.endswith(why)
            assert ("Noise is correlated between neighbouring pixels (" in told) == (
                why == CORRELATED
            )
    found = calibrate(shared, "butterworth")
    assert found.best.values["cutoff"] == max(each.values["cutoff"] for each in found.tried)
    assert found.sentence().endswith(CORRELATED)
    assert calibrate(camera + 40 * noise, "median").weakest == ""
    assert calibrate(shared, "median", {"radius": [3, 5]}).weakest == ""
    own = calibrate(shared, gaussian_filter, {"sigma": [0.3, 1.0]}, refine=False)
    assert own.sentence().endswith("smallest sigma that was tried: the best may lie beyond.")


def test_a_grid_of_ones_own_and_its_end():
    truth = gaussian_filter(np.random.default_rng(0).normal(size=(96, 96)), 12) * 100
    noisy = truth + np.random.default_rng(1).normal(size=truth.shape)
    found = calibrate(noisy, "median", {"radius": [1, 2]})
    assert [each.values for each in found.tried] == [{"radius": 1.0}, {"radius": 2.0}]
    assert found.sentence().endswith("largest radius that was tried: the best may lie beyond.")
    wider = calibrate(noisy, "tv", {"weight": [0.001, 0.002]})
    assert max(each.values["weight"] for each in wider.tried) > 0.0025
    with pytest.raises(SettingsError, match="has one parameter, its radius"):
        calibrate(noisy, "median", {"size": [1]})
    with pytest.raises(SettingsError, match="z_step is 0"):
        calibrate(noisy, z_step=0)
