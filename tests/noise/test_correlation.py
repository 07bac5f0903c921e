"""Correlated noise is found where it is, along its axes, and nowhere else; it is then denoised."""

import json

import numpy as np
import pytest
from scipy import ndimage as ndi
from skimage import data

from napari_n2s import Settings, denoise, train
from napari_n2s.images.image import open_image
from napari_n2s.methods.correlated_noise import choose_radius
from napari_n2s.noise.correlation import (
    choose_blind_spot,
    find_correlated_samples,
    measure_correlation,
)
from napari_n2s.pipeline.first_look import first_look
from napari_n2s.pipeline.reports.report import Report
from napari_n2s.preparation.prepared import prepare
from napari_n2s.simulation import fluorescence

CELLS = fluorescence.picture(192, seed=3).truth.astype(np.float64)
CELLS = (CELLS - CELLS.min()) / np.ptp(CELLS)
SCENES = {
    "cells": 20 * CELLS + 2,
    "camera": data.camera()[:256, 256:] / 4.0,
    "flat": np.full((128, 128), 10.0),
}


def smear(noise, kind, amount):
    """Smear noise in both axes by a Gaussian, or along one into the next pixels."""
    if kind == "both":
        smeared = ndi.gaussian_filter(noise, amount)
    else:
        axis = "YX".index(kind)
        smeared = sum(share * np.roll(noise, n, axis) for n, share in enumerate(amount))
    return smeared * noise.std() / smeared.std()


def noisy(scene, kind="both", amount=0.0, seed=0):
    light = SCENES[scene]
    return light + smear(np.random.default_rng(seed).poisson(light) - light, kind, amount)


def choose(image, axes="YX"):
    return choose_blind_spot(prepare(open_image(image, axes), Settings()))


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("seed", range(3))
def test_independent_noise_gives_a_blind_spot_of_a_pixel(scene, seed):
    choice = choose(noisy(scene, seed=seed))
    assert choice.radius == (0, 0)
    assert choice.cause == ""


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize(
    ("kind", "amount", "radius"),
    [
        ("both", 0.5, (1, 1)),
        ("both", 0.7, (2, 2)),
        ("both", 1.0, (3, 3)),
        ("X", (1, 0.3), (0, 1)),
        ("Y", (1, 0.3), (1, 0)),
        ("X", (1, 1, 1), (0, 2)),
        ("Y", (1, 1), (1, 0)),
    ],
)
def test_correlated_noise_is_found_along_its_axes(scene, kind, amount, radius):
    found = choose(noisy(scene, kind, amount)).radius
    assert [each > 0 for each in found] == [each > 0 for each in radius]
    assert np.abs(np.subtract(found, radius)).max() <= 1


def test_the_correlation_measured_is_that_of_the_noise():
    image = noisy("cells", "X", (1, 0.5))
    measured = measure_correlation(image[None], np.zeros((1, *image.shape), bool))
    along_y, along_x = measured.lags
    assert along_x[0] == pytest.approx(0.5 / 1.25, abs=0.06)
    assert np.abs([*along_y[:3], *along_x[1:3]]).max() < 0.08


def test_smooth_structure_and_rows_of_their_own_are_not_taken_for_correlated_noise():
    rng = np.random.default_rng(1)
    smooth = 100 * ndi.gaussian_filter(rng.normal(size=(192, 192)), 3)
    assert choose(smooth + rng.normal(size=smooth.shape)).radius == (0, 0)
    rows = SCENES["cells"] + rng.normal(0, 2, (192, 1)) + rng.normal(0, 2, (192, 192))
    assert choose(rows).radius == (0, 0)


def test_frames_and_channels_have_one_blind_spot_and_too_few_pixels_none():
    movie = np.stack([noisy("cells", "X", (1, 0.5), seed) for seed in range(5)])
    assert choose(movie, "TYX").radius == (0, 1)
    assert choose(np.stack([noisy("cells"), movie[0]]), "CYX").radius == (0, 1)
    assert choose(movie[:, :30, :30], "TYX").radius == (0, 0)
    channels = np.stack([noisy("cells", "X", (1, 1, 1)), noisy("cells", "Y", (1, 0.5))])
    assert choose(channels, "CYX").radius == (0, 2)  # the wider of the two


def test_correlated_noise_is_denoised_untold():
    image = noisy("cells", "both", 0.7)[:128, :128]
    truth = SCENES["cells"][:128, :128]
    errors, told = [], []
    for radius in (None, 0):
        clean, report = denoise(image, axes="YX", steps=5, blind_spot_radius=radius, device="cpu")
        errors.append(np.mean((clean - truth) ** 2))
        told.append("copies of the image to which such noise was added" in report.sentence())
    assert errors[0] < errors[1] / 2
    assert told == [True, False]
    looked = first_look(open_image(image, "YX"), (slice(0, 128), slice(0, 128)), "cpu")
    assert np.mean((looked - truth) ** 2) < errors[1] / 2


def test_a_doubtful_choice_names_the_other_radius_and_a_report_hands_it_on():
    gravel = data.gravel()[:96, :96] + np.random.default_rng(0).normal(0, 15, (96, 96))
    assert choose(gravel).alternative == (2, 2)
    assert choose(noisy("cells", "both", 0.7)).alternative == (0, 0)
    for certain in (noisy("cells"), noisy("cells", "X", (1, 1, 1))):
        assert choose(certain).alternative is None
    stack = prepare(open_image(np.stack([gravel] * 3), "ZYX", volume=True), Settings())
    assert choose_radius(Settings(volume=True), stack)[1].alternative == (0, 2, 2)
    masked = Settings(network="unet-small")
    assert choose_radius(masked, prepare(open_image(gravel), masked))[1].alternative is None

    _, report = denoise(gravel, axes="YX", steps=1, device="cpu")
    assert "their scores cannot be compared" in report.sentence()
    assert Report.from_dict(json.loads(report.to_json())) == report
    radius = report.alternative_radius
    _, other = denoise(gravel, axes="YX", steps=1, device="cpu", blind_spot_radius=radius)
    assert (report.settings.blind_spot_radius, other.settings.blind_spot_radius) == ((0, 0), (2, 2))
    assert other.alternative_radius is None


@pytest.mark.parametrize("axis", ["X", "Y"])
def test_weak_correlation_along_an_axis_is_told_and_taken_for_independent(axis):
    choice = choose(noisy("cells", axis, (1, 0.17)))
    assert choice.radius == (0, 0)
    assert f"weakly correlated between neighbouring pixels along {axis}" in choice.cause
    assert choice.alternative == ((0, 1) if axis == "X" else (1, 0))


def test_a_model_has_the_radius_chosen_and_what_was_set_is_kept():
    image = noisy("cells", "X", (1, 0.5))
    *_, last = train(image, axes="YX", steps=1, device="cpu")
    assert last.best.settings.blind_spot_radius == (0, 1)
    *_, last = train(image, axes="YX", steps=1, device="cpu", blind_spot_radius=2)
    assert last.best.settings.blind_spot_radius == (2, 2)
    *_, last = train(image, axes="YX", steps=1, device="cpu", network="unet-small")
    assert last.best.settings.blind_spot_radius is None
    assert any("choose the network donut" in each for each in last.trainer.data.findings)


def test_the_methods_paragraph_names_how_far_noise_is_correlated():
    image = noisy("cells", "X", (1, 0.5))
    _, report = denoise(image, axes="YX", steps=1, device="cpu")
    assert "correlated between pixels up to a distance of 0 × 1 (Y × X)" in report.methods()
    _, report = denoise(image, axes="YX", steps=1, device="cpu", invariant=True)
    assert "a blind-spot radius of 0 × 1 pixels" in report.methods()
    _, report = denoise(noisy("cells"), axes="YX", steps=1, device="cpu")
    assert "blind-spot radius" not in report.methods()
    assert "recorrupted" not in report.methods()
    assert "blind_spot_radius" not in report.methods()


@pytest.mark.parametrize("axis", "TZ")
def test_frames_of_a_running_average_are_not_shown_to_each_other(axis):
    frames = np.stack([noisy("cells", seed=seed) for seed in range(9)])
    averaged = (frames[1:] + frames[:-1]) / 2
    for stack, correlated in ((frames, False), (averaged, True)):
        prepared = prepare(open_image(stack, f"{axis}YX"), Settings())
        assert (axis in find_correlated_samples(prepared)) == correlated
    *_, last = train(averaged, axes=f"{axis}YX", steps=1, device="cpu")
    assert last.best.context is None
    assert any(f"neighbouring images along {axis}" in each for each in last.trainer.data.findings)
