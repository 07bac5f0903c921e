"""The fixed pattern of a movie is found where there is one, and removed before the training."""

import numpy as np
import pytest
from skimage import data

from napari_n2s import Settings
from napari_n2s.core.generators import finish
from napari_n2s.images.image import open_image
from napari_n2s.offsets.removal import removing_offsets
from napari_n2s.simulation import fluorescence

FRAMES, SIDE = 16, 128
MOVIE = fluorescence.movie(FRAMES, SIDE, seed=1)
NOISE = float(np.std(MOVIE.noisy - MOVIE.truth))
PATTERN = np.random.default_rng(2).normal(0, NOISE / 2, (SIDE, SIDE))


def removed(frames, axes="TYX", **settings):
    image, findings = finish(removing_offsets(open_image(frames, axes), Settings(**settings)))
    return image.pixels, findings


def test_a_pattern_is_removed_nearly_as_well_as_the_noise_allows():
    clean, findings = removed(MOVIE.noisy + PATTERN)
    rest = (clean - MOVIE.noisy).mean(0)
    assert np.std(rest) < 1.2 * NOISE / FRAMES**0.5 < 0.7 * PATTERN.std()
    assert len(findings) == 1
    assert findings[0].startswith("All frames have the same fixed pattern")
    assert removed(MOVIE.noisy + PATTERN, offsets="keep")[1] == ()


def still(scene, noise):
    """Return a movie of a scene that stands still."""
    light = getattr(data, scene)()[:SIDE, :SIDE].astype(float)
    return light + np.random.default_rng(0).normal(0, noise, (FRAMES, SIDE, SIDE))


WHITE = np.random.default_rng(3).normal(0, 20, (FRAMES, SIDE, SIDE))
WITHOUT = {
    "a movie": MOVIE.noisy,
    "too few frames": MOVIE.noisy[:4] + PATTERN,
    "a still photograph": still("camera", 25),
    "still fine texture": still("grass", 10),
    "still texture with little noise": still("gravel", 5),
    "each frame twice": np.repeat(MOVIE.noisy[::2], 2, 0),
    "a running average": 100 + WHITE + np.roll(WHITE, 1, 0) + np.roll(WHITE, 2, 0),
    "a frame repeated": np.repeat(MOVIE.noisy[:1], FRAMES, 0),
}


@pytest.mark.parametrize("kind", WITHOUT)
def test_what_is_no_pattern_stays(kind):
    clean, findings = removed(WITHOUT[kind])
    assert findings == ()
    assert np.array_equal(clean, WITHOUT[kind])


def test_each_channel_has_its_own_and_excluded_pixels_stay():
    frames = np.stack([MOVIE.noisy + PATTERN, MOVIE.noisy], 1)
    frames[:, 0, 40, 50] = 1e5
    frames[:, :, 100:, :30] = 0
    clean, _ = removed(frames, "TCYX")
    assert np.array_equal(clean[:, 1], frames[:, 1].astype(clean.dtype))
    assert (clean[:, 0, 40, 50] == 1e5).all()
    assert (clean[:, :, 100:, :30] == 0).all()
    assert np.std((clean - frames)[:, 0].mean(0)) > 0.4 * PATTERN.std()
