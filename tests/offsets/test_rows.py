"""Offsets of rows and columns are found where they are, and removed before the training."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from napari_n2s import Settings, denoise
from napari_n2s.core.generators import finish
from napari_n2s.images.image import open_image
from napari_n2s.inference import model
from napari_n2s.offsets.removal import removing_offsets
from napari_n2s.simulation import fluorescence

CELLS = fluorescence.picture(192, seed=3).truth.astype(np.float64)
BLOBS = data.binary_blobs(192, blob_size_fraction=0.1, volume_fraction=0.2, rng=0).astype(float)
SCENES = {
    "cells": 30 * (CELLS - CELLS.min()) / np.ptp(CELLS) + 2,
    "cells on a flat background": 2 + 30 * gaussian_filter(BLOBS, 1.0),
    "camera": data.camera()[:256, 256:] / 4.0,
    "flat": np.full((128, 160), 10.0),
}


def noisy(scene, seed=0):
    return np.random.default_rng(seed).poisson(SCENES[scene]).astype(np.float64)


def striped(image, axis, share=0.5, seed=1):
    """Add offsets of rows or columns, in standard deviations of the noise."""
    spread = share * np.sqrt(image.mean())
    shape = [1, 1]
    shape[axis] = image.shape[axis]
    return image + np.random.default_rng(seed).normal(0, spread, shape)


def removed(image, axes="YX", **settings):
    found, findings = finish(removing_offsets(open_image(image, axes), Settings(**settings)))
    return found.pixels, findings


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("axis", [0, 1])
def test_offsets_are_removed_along_their_axis(scene, axis):
    image = noisy(scene)
    stripes = striped(image, axis) - image
    clean, findings = removed(image + stripes)
    rest = clean - image
    assert (rest - rest.mean()).var() < 0.2 * stripes.var()
    assert len(findings) == 1
    assert findings[0].startswith(("Rows", "Columns")[axis])


@pytest.mark.parametrize("scene", SCENES)
def test_an_image_without_offsets_stays_as_it_is(scene):
    image = noisy(scene)
    assert removed(image)[1] == ()
    assert removed(striped(image, 0), offsets="keep")[1] == ()


@pytest.mark.parametrize("axis", [0, 1])
def test_on_a_flat_background_they_are_known_nearly_as_well_as_the_noise_allows(axis):
    image = noisy("cells on a flat background")
    clean, _ = removed(striped(image, axis))
    rest = (clean - image).mean(1 - axis)
    possible = image.mean() / image.shape[1 - axis]
    assert np.var(rest) < 2 * possible


def test_they_are_found_on_the_device_chosen(monkeypatch):
    asked = []
    found = model.choose_device
    monkeypatch.setattr(
        model, "choose_device", lambda name, **kind: asked.append(name) or found(name, **kind)
    )
    assert removed(striped(noisy("cells"), 0), device="cpu")[1]
    assert set(asked) == {"cpu"}


def test_structure_that_runs_along_rows_stays():
    light = np.full((160, 192), 10.0)
    light[70:72] = 30
    light[100:130] += np.linspace(0, 15, 30)[:, None]
    light[20:50:6] += 4
    image = np.random.default_rng(0).poisson(light).astype(float)
    clean, findings = removed(image)
    assert findings == ()
    clean, _ = removed(striped(image, 0))
    means = (clean - image).mean(1)
    assert abs(means[70:72] - means.mean()).max() < 4


def test_frames_channels_and_excluded_pixels():
    frames = np.stack([noisy("cells", seed) for seed in range(3)])
    frames[1] = striped(frames[1], 0)
    frames[1, 40, 50] = 1e5
    frames[1, 150:, :30] = 0
    clean, findings = removed(frames, "TYX")
    assert np.array_equal(clean[[0, 2]], frames[[0, 2]].astype(clean.dtype))
    assert "in 1 of 3 images" in findings[0]
    assert (clean[1, 150:, :30] == 0).all()
    assert clean[1, 40, 50] == 1e5
    colours = np.stack([striped(noisy("cells", seed), 0, seed=9) for seed in range(3)], -1)
    assert "Rows" in removed(colours, "YXS")[1][0]


def test_a_striped_image_is_denoised_nearly_as_one_without():
    part = np.s_[:112, :112]
    image = noisy("cells on a flat background")[part]
    own = striped(image, 1)
    before = own.copy()
    errors = []
    for each, settings in ((image, {}), (own, {}), (own, {"offsets": "keep"})):
        clean, report = denoise(each, axes="YX", steps=5, device="cpu", **settings)
        errors.append(np.var(clean - SCENES["cells on a flat background"][part]))
        assert ("Columns have offsets" in report.sentence()) == (each is own and not settings)
    without, without_again, kept = errors
    assert without_again < 1.4 * without
    assert without_again < 0.6 * kept
    assert np.array_equal(own, before)


def test_in_a_long_movie_offsets_are_searched_for_in_a_few_frames_first(monkeypatch):
    looked = []
    monkeypatch.setattr(
        "napari_n2s.offsets.removal.find_row_offsets", lambda plane, _: looked.append(plane)
    )
    frames = np.random.default_rng(0).poisson(10.0, (200, 48, 48)).astype(np.float32)
    assert removed(frames, "TYX")[1] == ()
    assert len(looked) == 2 * 32
