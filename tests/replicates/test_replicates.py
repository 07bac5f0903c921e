"""Replicates are checked before training: corrected, rejected or reported."""

import re

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_n2s import ImageError, SettingsError, denoise
from napari_n2s.images.axes import APART, Layout
from napari_n2s.images.image import Image, open_image
from napari_n2s.replicates.find import (
    find_replicates,
    replicates_along_axis,
    replicates_from_images,
    replicates_from_photons,
)
from napari_n2s.replicates.motion import exclude_moving
from napari_n2s.simulation import fluorescence

RNG = np.random.default_rng(0)
TRUTH = fluorescence.picture(192, seed=3).truth.astype(np.float64)
SIGMA = 15
SHIFTED = r"shifted by \+(3\.[01]|2\.9) along Y"


def replicate(truth=TRUTH, sigma=SIGMA):
    return (truth + RNG.normal(0, sigma, truth.shape)).astype(np.float32)


def still(count, sigma=SIGMA):
    return np.stack([replicate(sigma=sigma) for _ in range(count)])


def paired(images, axes=None, **options):
    return replicates_from_images([open_image(each, axes) for each in images], **options)


def test_two_good_replicates_give_no_finding():
    assert paired([replicate(), replicate()]).findings == ()
    assert paired(list(still(4))).findings == ()


@pytest.mark.parametrize(
    ("one", "two", "words"),
    [
        (
            replicate(),
            replicate()[:, :-8],
            "differ in size: the first is 192 x 192, number 2 192 x 184",
        ),
        (
            replicate(),
            replicate().astype(np.uint16),
            "differ in type: the first is float32, number 2",
        ),
    ],
)
def test_replicates_that_do_not_match_are_rejected(one, two, words):
    with pytest.raises(ImageError, match=words):
        paired([one, two])


def test_the_same_file_twice_is_refused_with_the_reason():
    image = replicate()
    with pytest.raises(ImageError, match="same as one before it, noise and all"):
        paired([image, image.copy()])
    with pytest.raises(ImageError, match="Replicate 3 is the same"):
        paired([replicate(), image, image.copy()])
    for copy in (1.5 * image + 7, np.roll(image, (2, 0), (0, 1))):
        with pytest.raises(ImageError, match="copy of the first, noise and all"):
            paired([image, copy.astype(np.float32)])
    with pytest.raises(ImageError, match="only one replicate"):
        paired([image])
    with pytest.raises(ImageError, match="same as the one before"):
        replicates_along_axis(open_image(np.stack([image] * 4), "TYX"), "T")


def test_a_shift_is_reported_and_corrected_on_request():
    other = replicate(np.roll(TRUTH, (3, -2), (0, 1)))
    found = paired([replicate(), other])
    assert len(found.findings) == 1
    assert re.search(SHIFTED + r", -(2\.[01]|1\.9) along X", found.findings[0])
    assert "with register, which moves it back" in found.findings[0]
    assert found.training_images[1].shape == TRUTH.shape
    moved = paired([replicate(), other], register=True)
    assert "was moved back" in moved.findings[0]
    assert moved.offsets[1] == (-3, 2)
    assert moved.description == found.description + ", moved back by whole pixels"
    assert moved.training_images[0].shape == moved.training_images[1].shape == (189, 190)
    assert np.std(
        moved.training_images[0].pixels - moved.training_images[1].pixels
    ) == pytest.approx(SIGMA * 2**0.5, rel=0.1)
    assert all(each.shape == TRUTH.shape for each in moved.images)


def test_bleaching_is_reported_and_corrected():
    first, other = replicate(), replicate(0.8 * (TRUTH - 100) + 100)
    made = paired([first, other])
    assert len(made.findings) == 1
    assert "% of the first one's contrast" in made.findings[0]
    assert made.description.endswith(", brought to the brightness of the first")
    contrast = int(made.findings[0].split(" has ")[1].split(" %")[0])
    assert contrast == pytest.approx(80, abs=3)
    assert made.images[1].pixels.mean() == pytest.approx(first.mean(), rel=0.01)
    blurred = [gaussian_filter(each.pixels, 4).std() for each in made.images]
    assert blurred[1] == pytest.approx(blurred[0], rel=0.05)


@pytest.mark.parametrize("shape", [TRUTH.shape, TRUTH.shape[1:]])
def test_a_pattern_in_both_replicates_is_reported(shape):
    pattern = RNG.normal(0, SIGMA, shape)
    made = paired([replicate(TRUTH + pattern), replicate(TRUTH + pattern)])
    assert len(made.findings) == 1
    assert "of their noise in common, as a camera's fixed pattern" in made.findings[0]


def test_shift_and_bleaching_are_distinguished():
    darker = replicate(0.8 * np.roll(TRUTH, 3, 0))
    found = paired([replicate(), darker], register=True).findings
    assert re.search(SHIFTED, found[0])
    assert "contrast" in found[1]


def test_findings_on_very_many_replicates_are_few():
    moved = [replicate(0.7 * np.roll(TRUTH, 3, 0)) for _ in range(8)]
    found = paired([replicate(), *moved]).findings
    assert len(found) == 6
    assert found[4].startswith("There are 4 more")
    assert re.match("Replicates 2 to 9 have [67]", found[5])


def test_an_axis_is_split_in_three_ways():
    movie = still(5)
    neighbours = replicates_along_axis(open_image(movie, "TYX"), "t")
    assert np.array_equal(neighbours.training_images[0].pixels, movie)
    assert neighbours.images == neighbours.training_images
    assert neighbours.neighbour_axis == "T"
    halves = replicates_along_axis(open_image(movie, "TYX"), "T", "halves")
    assert halves.axes == "YX"
    assert np.allclose(halves.training_images[0].pixels, movie[::2].mean(0))
    assert np.allclose(halves.training_images[1].pixels, movie[1::2].mean(0))
    repeats = replicates_along_axis(open_image(movie, "TYX"), "T", "repeats")
    assert len(repeats.training_images) == 5
    with pytest.raises(ImageError, match="no axis Z to split"):
        replicates_along_axis(open_image(movie, "TYX"), "Z")
    with pytest.raises(ImageError, match="no axis T to split"):
        replicates_along_axis(open_image(movie[:1], "TYX"), "T")


@pytest.mark.parametrize("sigma", [3, 60])
def test_motion_is_reported_however_strong_the_noise(sigma):
    moving = np.stack([replicate(np.roll(TRUTH, 2 * t, 1), sigma) for t in range(16)])
    for how in ("neighbours", "halves"):
        found = replicates_along_axis(open_image(moving, "TYX"), "T", how).findings
        assert any("what moves will be blurred" in each for each in found)
        assert replicates_along_axis(open_image(still(16, sigma), "TYX"), "T", how).findings == ()
    fading = np.stack([replicate(TRUTH * 0.97**t, sigma) for t in range(16)])
    assert replicates_along_axis(open_image(fading, "TYX"), "T").findings == ()


def test_frames_that_differ_too_much_are_left_out():
    frames = still(8)
    frames[3] = replicate(np.roll(TRUTH, 90, 1))
    frames[7] = replicate(np.flip(TRUTH, 0))
    x = frames[:, None]
    beside = np.array([[(t - 1) % 8, (t + 1) % 8] for t in range(8)])
    kept, alone, found = exclude_moving(x, beside)
    assert np.flatnonzero(alone).tolist() == [3, 7]
    assert not np.isin(kept[~alone], [3, 7]).any()
    assert "are excluded from training" in found[0]
    kept, alone, found = exclude_moving(still(8)[:, None], beside)
    assert (kept == beside).all()
    assert not alone.any()
    assert found == ()


def test_photons_are_shared_out_and_nothing_else_is():
    expected = np.clip(TRUTH - 90, 0, None)
    counts = np.random.default_rng(0).poisson(expected).astype(np.uint16)
    made = replicates_from_photons(open_image(counts))
    assert made.findings == ()
    assert np.array_equal(made.training_images[0].pixels + made.training_images[1].pixels, counts)
    noise = [each.pixels - expected / 2 for each in made.training_images]
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.02
    assert re.search(
        r"noise has (4|4\.1) times the variance",
        replicates_from_photons(open_image(4 * counts)).findings[0],
    )
    assert replicates_from_photons(open_image(np.zeros((32, 32), np.uint8))).findings == ()
    for bad, words in ((counts - 0.5, "whole numbers"), (np.where(counts > 9, np.nan, 1), "NaN")):
        with pytest.raises(ImageError, match=words):
            replicates_from_photons(open_image(bad))


def test_one_way_to_obtain_replicates_has_to_be_chosen():
    image = replicate()
    assert find_replicates(image, "YX") is None
    with pytest.raises(SettingsError, match="three ways"):
        find_replicates(image, "YX", pair=replicate(), split_photons=True)
    with pytest.raises(SettingsError, match="add pair"):
        find_replicates(image, "YX", register=True)
    with pytest.raises(SettingsError, match="add pairs_axis"):
        find_replicates(image, "YX", pairing="halves")
    with pytest.raises(SettingsError, match="choose one of neighbours"):
        find_replicates(still(3), "TYX", along="T", pairing="thirds")


def test_gaps_do_not_disturb_what_is_measured():
    one, two = replicate(), replicate(np.roll(TRUTH, 3, 0))
    one[5:9, 7:30] = np.nan
    two[100:120, 60:70] = np.inf
    made = paired([one, two], register=True)
    assert re.search(SHIFTED, made.findings[0])


def test_register_says_where_it_can_do_nothing():
    with pytest.raises(SettingsError, match="leave it out"):
        find_replicates(still(5), "TYX", along="T", register=True)
    one, two = np.stack([TRUTH] * 2), np.stack([np.roll(TRUTH, 4, 0), np.roll(TRUTH, -4, 0)])
    layout = Layout(APART + "YX", one.shape)
    images = [Image(replicate(each), layout) for each in (one, two)]
    with pytest.raises(ImageError, match="by different amounts"):
        replicates_from_images(images, register=True)


def test_the_methods_paragraph_reports_what_was_done_and_no_advice():
    one, two = replicate()[:96, :96], replicate(np.roll(TRUTH, 3, 0))[:96, :96]
    _, report = denoise(one, pair=two, network="dncnn", steps=2, device="cpu")
    assert "train again with register" in report.findings[0]
    assert "2 noisy replicates of the same field: a DnCNN was trained" in report.methods()
    assert "train again" not in report.methods()
