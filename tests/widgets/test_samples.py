"""The sample images: the truth, and the noise that is promised."""

import numpy as np
import pytest


@pytest.mark.parametrize("key", ["picture", "volume", "movie"])
def test_samples_come_with_their_truth_and_pixel_size(viewer, key):
    truth, noisy = viewer.open_sample("napari-n2s", key)
    assert truth.data.shape == noisy.data.shape
    assert noisy.data.dtype == np.uint16
    assert not truth.visible
    assert (noisy.scale == truth.scale).all()
    assert noisy.axis_labels[-2:] == ("y", "x")
    photons, error = (truth.data - 100) / 4, (noisy.data - truth.data).astype(float)
    for low, high in ((0.5, 2), (2, 5), (5, 15)):
        some = (photons > low) & (photons < high)
        expected = 16 * photons[some].mean() + 36 + 1 / 12
        assert error[some].mean() == pytest.approx(0, abs=0.3)
        assert error[some].var() == pytest.approx(expected, rel=0.08)
