"""The filters: exact where they are applied, and blind to a pixel where they predict it."""

import numpy as np
import pytest
from scipy.ndimage import median_filter, rank_filter

from napari_n2s.filters.catalogue import METHODS, choose_denoiser
from napari_n2s.filters.donut_filters import FOOTPRINTS, donut_filter, predict_at
from napari_n2s.filters.footprint import disk, gaussian
from napari_n2s.filters.histogram_median import histogram_median
from napari_n2s.filters.masked_filters import fill_hidden
from napari_n2s.filters.sorting_network import select
from napari_n2s.images.image import open_image
from napari_n2s.preparation.prepared import prepare

RNG = np.random.default_rng(0)
TYPES = ["uint8", "int16", "uint16", "int32", "float32", "float64", ">u2", "int64"]


@pytest.mark.parametrize("method", METHODS)
def test_a_blind_prediction_does_not_depend_on_its_own_pixel(method):
    image = RNG.normal(20, 5, (64, 70)).astype(np.float32)
    ready, denoiser = prepare(open_image(image, "YX")), choose_denoiser(method, None)
    values = {name: each[len(each) // 2] for name, each in denoiser.grid.items()}
    before = denoiser.predictor(ready, blind=True)(values)
    n, *place = ready.held_out_indices
    seeing = denoiser.predictor(ready, blind=False)(values)
    picked = int(ready.held_out_values.argmin())
    ready.x[(n[picked], 0, *(each[picked] for each in place))] += 5
    assert denoiser.predictor(ready, blind=True)(values)[picked] == before[picked]
    assert denoiser.predictor(ready, blind=False)(values)[picked] != seeing[picked]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("radius", [1, 1.5, 3, 4.3])
def test_the_donut_median_is_scipys_with_that_footprint_to_the_bit(dtype, radius):
    image = (RNG.random((2, 37, 53)) * 200 - 60 * (np.dtype(dtype).kind != "u")).astype(dtype)
    kernel = disk(radius, (1, 1)).kernel() > 0
    result = donut_filter(image, "median", radius)
    assert np.array_equal(result, np.stack([middle_of_ranks(each, kernel) for each in image]))
    assert result.dtype == np.result_type(np.float32, dtype).newbyteorder("=")


def middle_of_ranks(image, kernel):
    image = image.astype(np.result_type(np.float32, image.dtype))
    upper = int(kernel.sum()) // 2
    both = (rank_filter(image, rank, footprint=kernel) for rank in (upper - 1, upper))
    return sum(both) / 2


@pytest.mark.parametrize("shape", [(90, 131), (1, 40), (7, 5)])
@pytest.mark.parametrize("levels", [1, 20, 300, 1e6])
def test_a_histogram_median_is_off_by_at_most_a_256th_of_the_pixels(shape, levels, monkeypatch):
    monkeypatch.setattr("napari_n2s.filters.histogram_median.threads", lambda: 3)
    picture = np.floor(RNG.random(shape) ** 2 * levels).astype(np.float32)
    for radius in (1, 5, 10):
        footprint = disk(radius, (1, 1))
        exact = median_filter(picture, footprint=footprint.kernel() > 0)
        rough = histogram_median(picture, footprint)
        values, low, high = np.sort(picture, None), *np.sort([exact, rough], 0)
        between = np.searchsorted(values, high) - np.searchsorted(values, low, "right")
        assert between.max() <= np.ceil(picture.size / 256)
        assert np.isin(rough, values).all()


def test_a_preview_is_approximate_and_the_result_is_not():
    picture = RNG.normal(0, 1, (2, 60, 70)).astype(np.float32)
    ready, exact = prepare(open_image(picture, "CYX")), choose_denoiser("median", None)
    for radius, similar in ((3, True), (6, False)):
        seen, whole = (
            each.run(picture, {"radius": radius}, ready) for each in (exact.for_preview(), exact)
        )
        assert np.array_equal(seen, whole) == similar
        assert np.abs(seen - whole).mean() < 0.03


def test_a_ball_is_flattened_where_slices_are_far_apart():
    image = RNG.random((7, 20, 24)).astype(np.float32)
    ring = disk(3, (2, 1, 1)).kernel() > 0
    assert ring.shape == (3, 7, 7)
    assert (ring[0].sum(), ring[1].sum()) == (21, 28)
    result = donut_filter(image, "median", 3, (2, 1, 1))
    assert np.array_equal(result, middle_of_ranks(image, ring))


@pytest.mark.parametrize("spacing", [(1, 1), (2.5, 1, 1)])
@pytest.mark.parametrize("kind", FOOTPRINTS)
def test_single_pixels_are_predicted_as_in_the_whole_image(kind, spacing):
    image = RNG.random((1, 2, 12, 30, 34)[-2 - len(spacing) :]).astype(np.float64)
    image = image[None] if image.ndim == len(spacing) + 1 else image
    ring = FOOTPRINTS[kind](1.7, spacing)
    whole = donut_filter(image, kind, 1.7, spacing)
    inner = [slice(r, size - r) for r, size in zip(ring.reach, image.shape[2:], strict=True)]
    mask = np.zeros(image.shape[2:], bool)
    mask[tuple(inner)] = True
    place = np.nonzero(mask)
    predicted = predict_at(image, (np.zeros_like(place[0]), *place), kind, ring)
    assert np.allclose(predicted.T, whole[0][:, mask], atol=1e-10)
    assert np.allclose(gaussian(1, spacing).weights.sum(), 1)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 13, 28, 100])
def test_a_selection_finds_every_rank(count):
    for rank in {0, count // 2, count - 1}:
        values = list(RNG.permutation(count))
        for first, second, smaller, larger in select(count, rank):
            a, b = values[first], values[second]
            values[first] = min(a, b) if smaller else None
            values[second] = max(a, b) if larger else None
        assert values[rank] == rank


def test_hidden_pixels_are_filled_without_each_other():
    picture = np.arange(30.0).reshape(5, 6)
    hidden = np.zeros((5, 6), bool)
    hidden[2, 2:4] = hidden[0, 0] = True
    filled = fill_hidden(picture, hidden)
    assert filled[2, 2] == (picture[1, 2] + picture[3, 2] + picture[2, 1]) / 3
    assert filled[0, 0] == (picture[1, 0] + picture[0, 1]) / 2
    assert np.array_equal(filled[~hidden], picture[~hidden])


def test_a_median_does_not_shift_intensities():
    noise = np.random.default_rng(0).normal(100, 10, (200, 200))
    for strength in (1, 1.5, 3):
        assert donut_filter(noise, "median", strength).mean() == pytest.approx(100, abs=0.2)
