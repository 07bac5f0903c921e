"""Pixels without signal are excluded, change nothing else, and signal is never excluded."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_n2s import Settings, denoise
from napari_n2s.exclusion.excluded import examine, exclude
from napari_n2s.exclusion.processing import name_processing
from napari_n2s.images.image import open_image
from napari_n2s.images.missing import find_missing
from napari_n2s.images.scale import measure_scale
from napari_n2s.preparation.dependent_frames import find_dependent_frames
from napari_n2s.preparation.prepared import prepare
from napari_n2s.simulation import fluorescence

RNG = np.random.default_rng(0)
SHAPE = (160, 160)
CELLS = fluorescence.picture(160, seed=3).truth.astype(np.float64)
CELLS = (CELLS - CELLS.min()) / np.ptp(CELLS)
PLACES = RNG.permutation(CELLS.size)[:60]
LINES = np.zeros(SHAPE)
LINES[40], LINES[:, 90], LINES[100, 20:60] = 1, 1, 1
LINES[np.arange(150), np.arange(150)] = 1
Y, X = np.mgrid[:160, :160]


def camera(light, seed=1):
    """Count photons, add an offset and read noise, and round."""
    rng = np.random.default_rng(seed)
    return np.rint(rng.poisson(light) + 100 + rng.normal(0, 1.6, light.shape)).astype(np.uint16)


NOISY = camera(60 * CELLS)


def look(picture, **changes):
    return examine(picture[None], Settings(**changes))


def at(places, shape=SHAPE):
    mask = np.zeros(shape, bool)
    mask.flat[places] = True
    return mask


@pytest.mark.parametrize("value", [0, 300, 4095, 65535])
@pytest.mark.parametrize("count", [1, 20, 60])
def test_hot_and_dead_pixels_are_found_and_no_others(value, count):
    where = at(PLACES[:count])
    found = look(np.where(where, value, NOISY).astype(np.uint16))
    marked = (found.outliers | found.uncertain)[0]
    assert (marked & where).sum() >= 0.95 * count
    assert not (found.unusable[0] & ~where).any()


SPOTS = 60 * CELLS + at(PLACES) * 60 * RNG.uniform(2, 6, SHAPE)
SIGNAL = {
    "spots of one pixel": camera(SPOTS),
    "single photons": RNG.poisson(0.05, SHAPE),
    "few photons": RNG.poisson(0.4 * CELLS),
    "filaments of one pixel": 100 + 80 * LINES + RNG.normal(0, 5, SHAPE),
    "a checkerboard": 100 + 60 * ((Y + X) % 2) + RNG.normal(0, 5, SHAPE),
    "an electron multiplier": RNG.gamma(np.maximum(RNG.poisson(3 * CELLS + 0.2), 1e-9), 30),
    "saturated cells": np.minimum(camera(60 * CELLS), 130),
    "noise with a tail": RNG.standard_t(3, SHAPE),
}


@pytest.mark.parametrize("name", SIGNAL)
def test_signal_is_not_taken_for_outliers(name):
    assert not look(SIGNAL[name]).outliers.any()


@pytest.mark.parametrize("value", [0, 100, 140, 65535])
@pytest.mark.parametrize("thick", [1, 2, 9])
def test_bars_and_borders_are_found_to_the_pixel(value, thick):
    where = np.zeros(SHAPE, bool)
    where[120 : 120 + thick, 30:110] = True
    where[:, :thick] = True
    found = look(np.where(where, value, NOISY).astype(np.uint16)).constant[0]
    assert (found & where).sum() == where.sum()
    assert (found & ~where).sum() < 0.001 * where.size


def test_nothing_is_constant_where_photons_are_few():
    for rate in (0.02, 0.1, 0.5):
        assert not look(RNG.poisson(rate, (256, 256))).constant.any()


@pytest.mark.parametrize("photons", [0.05, 0.5, 3, 30])
def test_a_dark_background_among_single_photons_is_no_padding(photons):
    counts = np.random.default_rng(0).poisson(photons * CELLS)
    assert look(counts).constant.mean() < 0.01
    assert not name_processing(counts.astype(np.float32))
    counts[:, 80:] = 0
    assert photons < 3 or look(counts).constant[0, :, 80:].all()


def test_blank_frames_and_channels_are_left_aside():
    stack = np.stack([NOISY, np.full_like(NOISY, 7), NOISY])
    unusable, tally = exclude(stack[:, None], Settings(), find_missing(stack[:, None]))
    assert unusable[1].all()
    assert not unusable[[0, 2]].any()
    assert tally.constant == NOISY.size
    pair = np.stack([NOISY, np.zeros_like(NOISY)])[None]
    channels, _ = exclude(pair, Settings(), find_missing(pair))
    assert not channels.any()  # a channel that is blank all over is handed back as it is


def test_a_bead_does_not_decide_the_scale():
    blob = np.exp(-((Y - 80) ** 2 + (X - 60) ** 2) / 18)
    plain, bright = (
        measure_scale((NOISY + height * blob)[None, None], np.zeros((1, 1, *SHAPE), bool))
        for height in (0.0, 1e5)
    )
    assert bright.spread[0] < 5 * plain.spread[0]  # 700 times, if it did


@pytest.mark.parametrize("axes", ["YX", "TYX", "CYX"])
def test_what_is_excluded_changes_nothing_else(axes):
    image = np.stack([NOISY, camera(60 * CELLS[::-1], seed=2)])[:, 64:, :64].astype(np.float32)
    image = image[0] if axes == "YX" else image
    hot, bar = np.zeros(image.shape, bool), np.zeros(image.shape, bool)
    hot[..., [8, 30, 55, 90], [9, 50, 20, 33]] = True
    bar[..., 70:78, 10:60] = True
    if axes != "YX":  # in one frame or channel alone
        hot[1], bar[0] = False, False
    hot &= ~ndi.binary_dilation(bar, np.ones((1,) * (image.ndim - 2) + (5, 5)))
    results = []
    for one, two in ((4095, 65535), (60000, 50000)):
        spoilt = np.where(hot, one, np.where(bar, two, image))
        clean, report = denoise(spoilt, axes=axes, steps=2, context=0, device="cpu")
        assert np.array_equal(clean[bar], spoilt[bar])
        assert len(report.findings) == 2
        results.append(np.where(bar, 0, clean))
    assert np.array_equal(*results)
    assert results[0][hot].max() < 300


def test_outliers_are_filled_kept_or_believed_as_asked():
    noisy, where = NOISY[:64, :64], at([100, 1500, 3000], (64, 64))
    spoilt = np.where(where, 4095, noisy).astype(np.uint16)
    filled, kept = (
        denoise(spoilt, steps=1, device="cpu", outliers=how)[0] for how in ("fill", "keep")
    )
    assert filled[where].max() < 300
    assert np.array_equal(kept[where], spoilt[where])
    assert np.array_equal(kept[~where], filled[~where])
    assert not prepare(open_image(spoilt, "YX"), Settings(outliers="ignore")).missing.any()


def test_spots_of_one_pixel_are_kept_as_measured():
    noisy, spots = (each[:96, :96] for each in (SIGNAL["spots of one pixel"], at(PLACES)))
    clean, report = denoise(noisy, steps=1, device="cpu")
    kept = clean[spots] == noisy[spots]
    assert kept.mean() > 0.9
    assert "kept as measured" in report.sentence()


def test_neighbours_that_share_noise_are_not_shown():
    movie = np.stack([camera(60 * CELLS, seed) for seed in range(7)]).astype(np.float32)
    between = movie.copy()
    between[1::2] = (between[:-1:2] + between[2::2]) / 2
    assert not find_dependent_frames(prepare(open_image(movie, "TYX")))
    assert (
        "copies"
        in find_dependent_frames(prepare(open_image(movie[[0, 0, 2, 2, 4, 4]], "TYX")))["T"]
    )
    assert "interpolated" in find_dependent_frames(prepare(open_image(between, "ZYX")))["Z"]
    photons = RNG.poisson(0.1 * CELLS, (6, *SHAPE))
    assert not find_dependent_frames(prepare(open_image(photons, "TYX")))


def test_traces_of_detectors_and_of_processing_are_named(tmp_path):
    import imageio.v3 as iio

    assert not name_processing(NOISY)
    for order in (0, 1, 3):
        large = ndi.zoom(NOISY.astype(float), 2, order=order, mode="nearest", grid_mode=True)
        assert "enlarged" in "".join(name_processing(large))
    iio.imwrite(tmp_path / "a.jpg", NOISY.clip(0, 255).astype(np.uint8), quality=75)
    assert "JPEG" in "".join(name_processing(iio.imread(tmp_path / "a.jpg")))
    light = NOISY.astype(float)
    striped = light + RNG.normal(0, 2, (1, 160))
    assert "columns" in "".join(name_processing(striped))
    woven = NOISY.copy()
    woven[1::2] = camera(60 * np.roll(CELLS, 5, 1), seed=4)[1::2]
    assert "rows" in "".join(name_processing(woven))


def test_the_blurred_edge_of_a_bead_does_not_decide_the_scale_either():
    y, x = np.mgrid[: CELLS.shape[0], : CELLS.shape[1]]
    beads = sum(np.exp(-((y - c) ** 2 + (x - c) ** 2) / 50) for c in (40, 90))
    plain = camera(60 * CELLS)
    light = RNG.poisson(20000 * beads)
    prepared = [prepare(open_image(each, "YX")) for each in (plain, plain + light)]
    spread, with_beads = (float(each.scale.spread[0]) for each in prepared)
    assert with_beads < 1.3 * spread
    assert not prepared[1].missing[0, 0][beads * 20000 < 1].any()


def test_what_touches_a_bead_is_excluded_no_farther_than_its_edge():
    light = 60 * CELLS + 60_000 * np.exp(-((Y - 80) ** 2 + (X - 30) ** 2) / 18)
    light[79:82, 30:150] += 400  # a process of a cell
    found = look(camera(light)).very_bright[0]
    assert found[80, 30]
    assert not found[79:82, 60:].any()


def test_beads_are_kept_as_measured_where_there_is_something_dimmer_to_see():
    blob = 60_000 * np.exp(-((Y - 80) ** 2 + (X - 60) ** 2) / 18)
    found = look(camera(60 * CELLS + blob)).very_bright[0]
    assert found[blob > 500].all()
    assert not found[blob < 5].any()
    assert not look(camera(2 + blob)).very_bright.any()  # else there is but noise
    assert not look(camera(60 * CELLS + blob / 50)).unusable.any()
