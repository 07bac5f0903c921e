"""Type and labels of a result: nothing of the array is lost."""

import numpy as np
import pytest
import xarray
import zarr

from napari_n2s import ImageError, MissingPixelsError, calibrate, denoise
from napari_n2s.images.dtypes import result_kind

QUICK = {"steps": 1, "device": "cpu"}


@pytest.fixture
def noisy():
    rng = np.random.default_rng(0)
    return rng.normal(0, 0.3, (24, 24)) + (np.arange(24) > 12)


@pytest.mark.parametrize("kind", [np.float64, np.int64])
def test_small_differences_on_a_large_value_come_back(noisy, kind):
    image = (1e9 + np.rint(100 * noisy) / (1 if kind is np.int64 else 100)).astype(kind)
    shifted = denoise((image - 10**9).astype(np.float64), **QUICK)[0]
    clean = denoise(image, **QUICK)[0]
    assert clean.dtype == np.float64
    np.testing.assert_allclose(clean - 1e9, shifted, atol=1e-4)
    assert calibrate(image).apply(image).dtype == np.float64


def test_float32_is_given_where_it_suffices(noisy):
    for image in (noisy, noisy.astype(np.float32) + 1e6, (noisy * 1e4).astype(np.int32)):
        assert result_kind(image) == np.float32


@pytest.mark.parametrize("chunked", [False, True])
def test_an_xarray_comes_back_with_its_labels(noisy, chunked):
    movie = xarray.DataArray(
        np.stack([noisy, noisy]),
        dims=("time", "row", "column"),
        coords={"time": [0.0, 2.5]},
        attrs={"microscope": "one"},
        name="cells",
    )
    movie.encoding = {"dtype": "int16", "scale_factor": 0.1}
    clean, _ = denoise(movie.chunk() if chunked else movie, **QUICK)
    xarray.testing.assert_identical(clean, movie.copy(data=clean.data))
    np.testing.assert_array_equal(clean, denoise(movie.data, axes="TYX", **QUICK)[0])
    assert not clean.encoding
    assert calibrate(movie).apply(movie).dims == movie.dims


def test_masked_pixels_are_missing_ones(noisy):
    masked = np.ma.MaskedArray((100 * noisy + 100).clip(0).astype(np.uint16), noisy > 1.4)
    with pytest.raises(MissingPixelsError):
        denoise(masked, **QUICK)
    clean, _ = denoise(masked, nan_policy="omit", **QUICK)
    np.testing.assert_array_equal(clean.mask, masked.mask)
    np.testing.assert_array_equal(clean.data[clean.mask], masked.data[clean.mask])
    gaps = np.where(masked.mask, np.nan, masked.data).astype(np.float32)
    expected, _ = denoise(gaps, nan_policy="omit", **QUICK)
    np.testing.assert_array_equal(clean.data[~clean.mask], expected[~masked.mask])


@pytest.mark.parametrize(
    ("scale", "options", "words"),
    [
        (1e6, {"dtype": np.float16}, "float16"),
        (1e3, {"dtype": np.uint8}, "uint8"),
        (1e3, {"out": np.zeros((24, 24), np.uint8)}, "uint8"),
        (1, {"out": np.broadcast_to(np.float32(0), (24, 24))}, "read-only"),
        (1, {"out": "memory"}, "read-only"),
        (1, {"out": [[0.0] * 24] * 24}, "list"),
        (1, {"guides": 5}, "guide"),
    ],
)
def test_what_cannot_take_the_result_is_refused_before_the_training(
    noisy, scale, options, words, monkeypatch
):
    if words == "read-only" and isinstance(options["out"], str):
        store = zarr.storage.MemoryStore()
        zarr.create_array(store, shape=(24, 24), dtype="f4")
        options = {"out": zarr.open_array(store, mode="r")}
    monkeypatch.setattr(
        "napari_n2s.pipeline.denoise_one.preparing_training_data",
        lambda *a, **k: pytest.fail("trained"),
    )
    with pytest.raises(ImageError, match=words):
        denoise(scale * noisy, **options, **QUICK)


def test_rows_of_different_lengths_are_no_image():
    with pytest.raises(ImageError, match="rows"):
        denoise([[1.0, 2.0], [3.0]], **QUICK)
