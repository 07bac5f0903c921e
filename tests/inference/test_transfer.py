"""A model on another image: tested first, then adapted, applied with a warning, or rejected."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_n2s import FitWarning, ImageError, train
from napari_n2s.core.generators import finish
from napari_n2s.images.image import open_image
from napari_n2s.images.scale import Scale
from napari_n2s.inference.compatibility import Trial, judge
from napari_n2s.inference.model_file import load_model, save_model
from napari_n2s.pipeline.denoise_one import denoising
from napari_n2s.preparation.held_out import score

RNG = np.random.default_rng(0)
TRUTH = 300 + 100 * gaussian_filter(RNG.normal(size=(64, 64)), 3) / 0.09
NOISY = TRUTH + RNG.normal(0, 60, TRUTH.shape)


@pytest.fixture(scope="module")
def trained():
    """Train for a moment, from a head start."""
    *_, last = train(NOISY, axes="YX", steps=20, device="cpu")
    return last


def error(image, truth=TRUTH):
    """Give the root mean squared error."""
    return np.sqrt(np.mean((image - truth) ** 2))


def test_another_offset_gain_and_type_make_no_difference(trained):
    model, usual = trained.best, error(trained.best.apply(NOISY))
    for gain, offset, kind in ((1, 500, float), (5, -20, np.uint16), (0.1, 0, np.uint8)):
        image = np.rint(gain * NOISY + offset).clip(0).astype(kind)
        clean = model.apply(image)
        assert error((clean - offset) / gain) == pytest.approx(usual, rel=0.1)


def test_what_suits_an_image_badly_is_said_and_what_is_worth_nothing_refused(trained, tmp_path):
    save_model(tmp_path / "kept.n2s", trained.best)
    model, _ = load_model(tmp_path / "kept.n2s")
    assert model.baseline_error == trained.best.baseline_error > 0
    board = 1000.0 * (np.indices(NOISY.shape).sum(0) % 2)
    with pytest.warns(FitWarning, match="suits this image badly: .* more than 1000 times that of"):
        model.apply(board)
    spoilt = {name: 2 * each for name, each in model.weights.items()}
    with pytest.raises(ImageError, match=r"does not suit this image: .* error is [\d.e+]+ times"):
        replace(model, weights=spoilt).apply(NOISY[:50])
    target = open_image(board)
    settings = model.settings
    work = denoising(
        open_image(NOISY), settings=settings, since=trained, learn=False, target=target
    )
    _, report = finish(work)
    assert "suits this image badly" in report.sentence()


def test_of_a_constant_image_or_channel_nothing_is_known_elsewhere():
    flat = np.full_like(NOISY, 100)
    *_, last = train(flat, axes="YX", steps=1, device="cpu")
    assert np.array_equal(last.best.apply(flat), flat)
    with pytest.raises(ImageError, match="training image is constant"):
        last.best.apply(NOISY)
    *_, last = train(np.stack([NOISY, flat]), axes="CYX", steps=2, device="cpu")
    image = np.stack([NOISY, NOISY[::-1]]).astype(np.float32)
    with pytest.warns(FitWarning, match="Channel 1 was constant"):
        clean = last.best.apply(image, axes="CYX")
    assert np.array_equal(clean[1], image[1])
    work = denoising(
        open_image(np.stack([NOISY, flat]), "CYX"),
        settings=last.best.settings,
        since=last,
        learn=False,
        target=open_image(image, "CYX"),
    )
    _, report = finish(work)
    assert "Channel 1 was constant" in report.sentence()


def test_the_training_scale_is_kept_unless_another_is_better_beyond_chance():
    one, two = Scale(np.zeros(1), np.ones(1)), Scale(np.full(1, 9.0), np.full(1, 2.0))
    squares = np.random.default_rng(0).chisquare(1, 2500)

    def tried(as_trained, adapted, median, home):
        trial = Trial(as_trained, adapted, score(median), mean=4.0, home=home)
        return judge(one, two, trial)

    same = tried(squares, squares[::-1], squares, 1.0)
    assert not same.adapted
    assert not same.findings
    better = tried(2 * squares, squares, squares, 1.0)
    assert better.adapted
    assert "9 ± 2" in better.finding
    assert "2 times that of a median" in tried(2 * squares, 2 * squares, squares, 1.0).doubt
    assert not tried(2 * squares, 2 * squares, squares, 1.7).doubt, "no worse than at home"
    assert tried(20 * squares, 20 * squares, squares, 1.0).refusal


def test_the_same_image_is_not_judged(trained, monkeypatch):
    monkeypatch.setattr("napari_n2s.inference.transfer._test_both", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained.best.apply(NOISY)
