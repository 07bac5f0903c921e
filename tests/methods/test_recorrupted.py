"""Recorrupted images have independent noise, and a network trained on them predicts the truth."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage as ndi

from napari_n2s import FitWarning, Settings, denoise, train
from napari_n2s.core.generators import finish
from napari_n2s.images.image import open_image
from napari_n2s.methods.correlated_noise import TOO_SMALL, recorrupt
from napari_n2s.methods.nonlocal_bayes import PATCH, denoise_patches
from napari_n2s.methods.recorrupted import _whiten
from napari_n2s.noise.noise_model import NoiseCurve
from napari_n2s.noise.recorruption import PROPORTION, Recorruption, measure_recorruption
from napari_n2s.preparation.held_out import HeldOut
from napari_n2s.preparation.prepared import prepare
from napari_n2s.simulation import fluorescence

CPU = torch.device("cpu")
CELLS = fluorescence.picture(192, seed=3).truth.astype(np.float64)
CELLS = 20 * (CELLS - CELLS.min()) / np.ptp(CELLS) + 2
KERNELS = {
    "square": ndi.gaussian_filter(np.pad([[1.0]], 7), 0.8),
    "along X": np.pad([[1.0, 1.0, 0.5]], ((7, 7), (6, 6))),
}


def noise_of(kernel, variance):
    kernel = torch.from_numpy(kernel / np.linalg.norm(kernel)).float()[None, None]
    flat = np.zeros(1)
    return Recorruption(NoiseCurve(flat, flat + variance, flat), kernel)


def smear(noise, kernel):
    return ndi.convolve(noise, kernel / np.linalg.norm(kernel), mode="wrap")


def noisy_cells(kernel, seed=0):
    white = np.random.default_rng(seed).poisson(CELLS) - CELLS
    return CELLS + smear(white, KERNELS[kernel])


def correlation(kernel, y, x):
    wide = np.pad(kernel, 3)
    return float((wide * np.roll(wide, (y, x), (0, 1))).sum() / (wide**2).sum())


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_the_noise_of_two_recorrupted_images_is_independent(kernel):
    noise = noise_of(kernel, 4.0)
    generator = torch.Generator().manual_seed(0)
    x = noise.draw(torch.zeros(1, 1, 1000, 1000), generator)
    seen, target = (each[0, 0].double() for each in noise.apply(x, generator))
    for y, along in ((0, 0), (0, 1), (1, 0), (1, 1), (0, 3)):
        rolled = torch.roll(target, (y, along), (0, 1))
        assert float((seen * rolled).mean()) == pytest.approx(0, abs=0.15)
        own = float((x[0, 0] * torch.roll(x[0, 0], (y, along), (0, 1))).mean())
        assert own == pytest.approx(4 * correlation(kernel, y, along), abs=0.1)
    assert seen.var() == pytest.approx(4 * (1 + PROPORTION**2), rel=0.05)
    assert target.var() == pytest.approx(4 * (1 + PROPORTION**-2), rel=0.05)


@pytest.mark.parametrize("kernel", KERNELS)
def test_correlation_and_variance_are_measured_in_the_image(kernel):
    prepared = prepare(open_image(noisy_cells(kernel), "YX"), Settings())
    radius = (2, 2) if kernel == "square" else (0, 2)
    found = measure_recorruption(prepared.x, prepared.missing, radius)
    matrix = found.correlation(0, 4)
    for y, x in ((0, 1), (1, 0), (0, 2), (1, 1)):
        expected = correlation(KERNELS[kernel], y, x)
        assert matrix[0, 4 * y + x] == pytest.approx(expected, abs=0.08)


def demosaiced():
    """Return noise of a colour that every fourth pixel measures and the others interpolate."""
    mosaic = np.zeros(CELLS.shape)
    mosaic[::2, ::2] = np.random.default_rng(0).normal(0, 3, mosaic[::2, ::2].shape)
    return ndi.convolve(mosaic, [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]])


@pytest.mark.parametrize("kind", ["demosaiced", *KERNELS])
def test_noise_that_differs_between_the_pixels_of_a_colour_filter_is_told(kind):
    noisy = CELLS + demosaiced() if kind == "demosaiced" else noisy_cells(kind)
    prepared = prepare(open_image(noisy, "YX"), Settings())
    found = measure_recorruption(prepared.x, prepared.missing, (2, 2))
    assert found.periodic == (kind == "demosaiced")


@pytest.mark.parametrize("kernel", KERNELS)
def test_its_variance_is_measured_over_intensity(kernel):
    ramp = np.tile(np.linspace(2, 30, 256), (256, 1))
    white = np.random.default_rng(0).poisson(ramp) - ramp
    prepared = prepare(open_image(ramp + smear(white, KERNELS[kernel]), "YX"), Settings())
    found = measure_recorruption(prepared.x, prepared.missing, (2, 2))
    spread = float(prepared.scale.spread[0])
    light = np.array([5.0, 15.0, 25.0])
    variance = found.noise.variance((light - float(prepared.scale.shift[0]))[None] / spread)
    assert variance[0] * spread**2 == pytest.approx(light, rel=0.2)


@pytest.mark.parametrize("kernel", KERNELS)
def test_errors_on_recorrupted_images_are_those_against_the_truth_plus_the_noise(kernel):
    noise = noise_of(KERNELS[kernel], 9.0)
    x = (
        CELLS
        + noise.draw(torch.zeros(1, 1, 192, 192), torch.Generator().manual_seed(1))[0, 0].numpy()
    )
    prepared = prepare(open_image(x, "YX"), Settings())
    spread = float(prepared.scale.spread[0])
    own = noise_of(KERNELS[kernel], 9.0 / spread**2)
    target, seen = recorrupt(prepared, own)
    every = np.ones_like(prepared.held_out.mask)
    target = replace(target, held_out=HeldOut(every, (np.s_[0:1, :, 0:192, 0:192],)))
    for width in (0.6, 1.2, 2.5):
        blurred = ndi.gaussian_filter(seen.x[0, 0], width)
        errors = (blurred * spread + prepared.scale.shift[0] - CELLS) ** 2
        found = target.score(blurred.reshape(-1, 1)).loss
        assert found == pytest.approx(errors.mean() + 9, rel=0.05)


@pytest.mark.parametrize("kernel", KERNELS)
def test_correlated_noise_is_removed_better_than_by_any_blur_or_blind_spot(kernel):
    noisy = noisy_cells(kernel)
    clean, report = denoise(noisy, axes="YX", steps=30, device="cpu")
    blind, _ = denoise(noisy, axes="YX", steps=1, invariant=True, device="cpu")
    blurs = [ndi.gaussian_filter(noisy, width) for width in (0.7, 1, 1.4, 2, 2.8)]
    error, *others = (np.mean((each - CELLS) ** 2) for each in (clean, blind, *blurs))
    print(error, others)
    assert error < 0.8 * min(others)
    assert report.network_is_best
    assert not report.fallback
    assert "recorrupted" in report.methods()


def test_groups_of_patches_are_denoised_by_the_covariance_of_the_noise():
    kernel = KERNELS["square"]
    rng = np.random.default_rng(0)
    truth = np.tile(ndi.gaussian_filter(rng.normal(size=(24, 24)), 1.5, mode="wrap") * 8, (5, 5))
    noisy = truth + smear(rng.normal(size=truth.shape), kernel)
    pilot = 0.8 * truth
    arrays = (pilot, noisy, np.ones_like(truth))
    tensors = [torch.from_numpy(each.astype(np.float32))[None] for each in arrays]
    whitening = _whiten(noise_of(kernel, 1.0), 0)
    assert torch.allclose(whitening.root @ whitening.inverse, torch.eye(PATCH**2), atol=1e-4)
    told, untold = (
        np.mean((finish(denoise_patches(*tensors, CPU, each))[0].numpy() - truth) ** 2)
        for each in ([whitening], None)
    )
    assert told < 0.9 * untold


def test_where_the_noise_cannot_be_measured_the_blind_prediction_is_given():
    clean, report = denoise(
        noisy_cells("square")[:40, :40], axes="YX", steps=2, blind_spot_radius=2, device="cpu"
    )
    assert np.isfinite(clean).all()
    assert TOO_SMALL in report.findings
    assert report.settings.invariant


def test_a_model_adapts_to_another_exposure_and_doubts_other_noise():
    part = np.s_[:128, :128]
    noisy, truth = noisy_cells("square")[part], CELLS[part]
    *_, last = train(noisy, axes="YX", steps=8, device="cpu")
    clean = last.best.apply(5 * noisy + 100, axes="YX")
    assert np.mean((clean - 5 * truth - 100) ** 2) < 0.3 * 25 * np.mean((noisy - truth) ** 2)
    white = np.random.default_rng(5).poisson(truth)
    *_, last = train(white, axes="YX", steps=5, device="cpu")
    with pytest.warns(FitWarning, match="stays in the result"):
        last.best.apply(noisy_cells("square", seed=8)[part], axes="YX")
