"""Volumes whose third axis is like the other two."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_n2s import ImageError, denoise, train
from napari_n2s.core.generators import finish
from napari_n2s.images.image import open_image
from napari_n2s.inference.model import BLOCK, _block
from napari_n2s.inference.tiling import divide

RNG = np.random.default_rng(0)


def blobs(shape):
    field = gaussian_filter(RNG.normal(size=shape), 2.5)
    return 20 + 30 * np.clip(field / field.std(), -0.6, 2)


TRUTH = blobs((12, 32, 28))
NOISY = RNG.poisson(TRUTH).astype(np.uint16)


def test_a_volume_is_denoised_along_all_its_axes():
    clean, report = denoise(NOISY, axes="ZYX", volume=True, steps=20, device="cpu")
    assert clean.shape == NOISY.shape
    assert report.context is None
    assert np.mean((clean - TRUTH) ** 2) < 0.6 * np.mean((NOISY - TRUTH) ** 2)


def test_a_slice_of_a_volume_is_denoised_as_in_the_whole():
    stack = RNG.poisson(np.stack([TRUTH, TRUTH[::-1]], 1))  # ZTYX
    *_, last = train(stack, axes="ZTYX", volume=True, steps=3, context=1, device="cpu")
    assert last.best.ndim == 3
    assert last.best.context.axis == "T"
    whole = last.best.apply(stack, axes="ZTYX", invariant=True)
    part = (slice(7, 8), slice(1, 2), slice(0, 32), slice(5, 24))
    work = last.best.applying(open_image(stack, "ZTYX", volume=True), invariant=True, part=part)
    assert np.allclose(finish(work), whole[part], rtol=1e-4)
    for axes, words in (("PTYX", "no Z"), ("ZZYX", "more than one Z")):
        with pytest.raises(ImageError, match=words):
            last.best.apply(stack, axes=axes)


@pytest.mark.parametrize("network", ["donut", "unet-small"])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_a_thin_volume_can_be_trained_on(depth, network):
    """Over two slices PyTorch's short gradients may be anything."""
    options = {"volume": True, "steps": 6, "network": network, "device": "cpu"}
    clean, _ = denoise(NOISY[:depth], axes="ZYX", **options)
    assert np.isfinite(clean).all()


def test_boxes_divide_a_space_evenly():
    assert divide((600, 600), 512**2) == (300, 300)
    assert divide((20, 2000, 2000), 512**2) == (20, 112, 112)
    assert divide((5, 7), 512**2) == (5, 7)


@pytest.mark.parametrize("size", [(64, 1024, 1024), (200, 2048, 2048), (5000, 40, 40)])
def test_a_block_of_a_large_volume_is_no_large_volume(size):
    block = _block(size)
    assert all(side <= whole for side, whole in zip(block, size, strict=True))
    assert BLOCK / 2 < np.prod(block) <= 4 * BLOCK
