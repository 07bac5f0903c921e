"""Neighbouring slices and frames: seen where they help, without bypassing the blind spot."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_n2s import ImageError, Settings, denoise, train
from napari_n2s.core.generators import finish
from napari_n2s.images.axes import Context, parse_axes
from napari_n2s.images.image import open_image
from napari_n2s.pipeline.denoise_one import denoising
from napari_n2s.preparation.prepared import prepare
from napari_n2s.training.neighbours import choose_context

RNG = np.random.default_rng(0)


def picture(seed):
    blobs = gaussian_filter(np.random.default_rng(seed).normal(size=(64, 64)), 2)
    return 30 + 20 * np.clip(blobs / blobs.std(), -1.4, 3)


STILL = np.stack([picture(0)] * 8)
MOVIE = RNG.poisson(STILL).astype(np.uint16)
UNRELATED = RNG.poisson(np.stack([picture(seed) for seed in range(8)])).astype(np.uint16)


def test_frames_are_taken_where_they_show_the_same_thing():
    assert choose_context(prepare(open_image(MOVIE, "TYX")), (0, 0)).axis == "T"
    assert choose_context(prepare(open_image(UNRELATED, "TYX")), (0, 0)) is None
    assert choose_context(prepare(open_image(MOVIE[:1], "TYX")), (0, 0)) is None
    assert choose_context(prepare(open_image(MOVIE[None], "PQYX")), (0, 0)).axis == "Q"
    assert choose_context(prepare(open_image(MOVIE[None], "QQYX")), (0, 0)) is None
    assert choose_context(prepare(open_image(UNRELATED, "TYX")), (0, 0), 1) == Context("T", 1)
    assert choose_context(prepare(open_image(MOVIE, "TYX")), (0, 0), 0) is None
    mixed = np.stack([MOVIE, np.roll(MOVIE, 20, 1)], 1)
    assert choose_context(prepare(open_image(mixed, "TZYX")), (0, 0)).axis == "T"


def test_many_faint_frames_of_one_thing_are_all_taken():
    faint = RNG.poisson(STILL / 30).astype(np.uint16)
    assert choose_context(prepare(open_image(faint, "TYX")), (0, 0)) == Context("T", 2)


def test_a_neighbour_is_never_the_image_itself_and_mirrored_at_an_end():
    found = parse_axes((5, 2, 3, 20, 20), "TCZYX")
    for context in (Context("T", 2), Context("Z", 1), Context("Z", 4)):
        beside = found.neighbours(context)
        assert beside.shape == (15, 2 * context.count)
        assert (beside != np.arange(15)[:, None]).all()
    along = found.neighbours(Context("T", 2))
    assert along[0].tolist() == [3, 3, 6, 6]
    assert along[7].tolist() == [4, 10, 1, 13]
    with pytest.raises(ImageError, match="along Q"):
        found.neighbours(Context("Q", 1))


def test_frames_beside_one_make_it_better():
    errors = []
    for context in (0, None):
        clean, report = denoise(MOVIE[:4], axes="TYX", steps=12, context=context, device="cpu")
        errors.append(np.mean((clean - STILL[:4]) ** 2))
    assert report.context.axis == "T"
    assert errors[1] < 0.8 * errors[0]
    assert "neighbouring images" in report.methods()


@pytest.fixture(scope="module")
def model():
    """Train one network that sees frames beside one."""
    *_, last = train(MOVIE, axes="TYX", steps=3, context=1, device="cpu")
    return replace(last.best, turns=1)


def test_a_part_is_denoised_as_in_the_whole(model):
    whole = model.apply(MOVIE, axes="TYX", invariant=True)
    for low, high in ((0, 1), (3, 5), (7, 8)):
        part = (slice(low, high), slice(0, 64), slice(0, 64))
        work = model.applying(open_image(MOVIE, "TYX"), invariant=True, part=part)
        assert np.allclose(finish(work), whole[low:high], rtol=1e-5)
    with pytest.raises(ImageError, match="neighbouring images along T"):
        model.apply(MOVIE[0], axes="YX")


def test_a_part_of_many_axes_is_denoised_as_in_the_whole():
    image = np.stack([[MOVIE[:3], MOVIE[3:6]]] * 2, 0)[..., :40, :40]  # TCZYX
    image = RNG.poisson(image)
    *_, last = train(image, axes="TCZYX", steps=3, context=1, device="cpu")
    whole = last.best.apply(image, axes="TCZYX", invariant=True)
    part = (slice(1, 2), slice(0, 2), slice(1, 3), slice(0, 40), slice(0, 40))
    work = last.best.applying(open_image(image, "TCZYX"), invariant=True, part=part)
    assert np.allclose(finish(work), whole[part], rtol=1e-5)


def test_what_has_nothing_beside_it_is_refused_before_any_training():
    frames = MOVIE[:4]
    *_, last = train(frames, axes="TYX", steps=3, context=1, device="cpu")
    steps, movie = last.trainer.step, open_image(frames, "TYX")
    work = denoising(movie, settings=last.best.settings, since=last, target=open_image(MOVIE[0]))
    with pytest.raises(ImageError, match="along T"):
        next(work)
    assert last.trainer.step == steps
    settings = Settings(steps=3, device="cpu")
    work = denoising(movie, settings=settings, target=open_image(frames, "ZYX"))
    clean, report = finish(work)
    assert clean.shape == frames.shape
    assert report.context is None


def test_a_prediction_sees_its_neighbours_pixel_and_not_its_own(model):
    image = MOVIE.astype(np.float32)
    before = model.apply(image, axes="TYX", invariant=True)
    for frame, beside in ((4, 3), (0, 1), (7, 6)):
        other = image.copy()
        other[frame, 30, 30] += 50
        change = model.apply(other, axes="TYX", invariant=True) - before
        assert change[frame, 30, 30] == 0
        assert change[beside, 30, 30] != 0


def test_held_out_pixels_are_shown_to_no_frame(monkeypatch):
    settings = Settings(steps=4, device="cpu", outliers="ignore", constant_areas="denoise")
    held = prepare(open_image(MOVIE, "TYX"), settings).held_out.mask[:, 0]
    weights = []
    for value in (0, 60000):
        image = np.where(held, value, MOVIE).astype(np.uint16)
        same = prepare(open_image(MOVIE, "TYX")).scale
        monkeypatch.setattr("napari_n2s.preparation.prepared.measure_scale", lambda *_, s=same: s)
        *_, last = train(image, axes="TYX", settings=replace(settings, context=1))
        weights.append(last.last.weights)
    for one, two in zip(*(each.values() for each in weights), strict=True):
        assert torch.equal(one, two)


def test_masks_take_each_image_by_itself():
    settings = Settings(network="unet-small", steps=3, context=2, device="cpu")
    *_, last = train(MOVIE, axes="TYX", settings=settings)
    assert last.best.context is None
