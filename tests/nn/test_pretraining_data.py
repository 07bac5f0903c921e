"""The simulated scenes and cameras on which the pretrained weights are trained."""

from dataclasses import replace

import numpy as np
import pytest

from cameras import Camera, draw_camera, draw_smear, draw_smear_within
from scenes import draw_scene


def error(image, truth):
    return float(np.mean((image - truth) ** 2))


def test_a_scene_is_drawn_from_its_seed_and_hardly_changes_from_frame_to_frame():
    for number in range(12):
        scene, again = (draw_scene(64, np.random.default_rng(number)) for _ in range(2))
        now, soon = scene(0), scene(1)
        assert np.array_equal(now, again(0))
        assert now.shape == (64, 64)
        assert np.isfinite(now).all()
        assert now.min() >= 0
        assert 0 < error(soon, now) < 2 * now.var() + 1e-6


@pytest.mark.parametrize(
    "camera",
    [
        Camera(photons=3, read_noise=0.1),
        Camera(photons=40, multiplies=True),
        Camera(read_noise=0.2, step=0.3),
    ],
)
def test_a_recording_is_unbiased_and_as_noisy_as_the_camera_says(camera):
    rng = np.random.default_rng(0)
    picture = np.repeat(np.linspace(0.1, 1, 8)[:, None], 100_000, 1)
    noise = camera.record(picture, rng) - picture
    assert noise.mean(1) == pytest.approx(np.zeros(8), abs=0.01)
    assert noise.var(1) == pytest.approx(camera.variance(picture[:, 0]), rel=0.03)


def test_smeared_noise_is_as_strong_and_ends_with_the_blind_spot():
    rng = np.random.default_rng(0)
    for _ in range(20):
        smear = draw_smear_within((0, 2), rng)
        camera = replace(draw_camera(np.linspace(0, 1, 1000), rng, smear), clips=False, step=0)
        picture = np.full((300, 300), 0.5)
        noise = camera.record(picture, rng) - picture
        assert noise.var() == pytest.approx(camera.variance(picture).mean(), rel=0.1)
        shared = [np.mean(noise[:, k:] * noise[:, :-k]) / noise.var() for k in (1, 3)]
        assert np.mean(noise[1:] * noise[:-1]) / noise.var() == pytest.approx(0, abs=0.03)
        kernel = smear[1] / np.linalg.norm(smear[1])
        assert shared[0] == pytest.approx(kernel[1:] @ kernel[:-1], abs=0.05)
        assert shared[1] == pytest.approx(0, abs=0.08)


def test_noise_is_smeared_in_many_ways_and_none_moves_or_weakens_it():
    rng = np.random.default_rng(0)
    drawn = [draw_smear(rng) for _ in range(200)]
    lone = [[np.count_nonzero(each) == 1 for each in kernels] for kernels in drawn]
    assert {tuple(each) for each in lone} == {(False, False), (False, True), (True, False)}
    camera = Camera(read_noise=0.1)
    for smear in drawn[:20]:
        noise = replace(camera, smear=smear).record(np.zeros((200, 200)), rng)
        assert noise.std() == pytest.approx(0.1, rel=0.1)


def test_cameras_are_drawn_over_decades_of_noise():
    rng, picture = np.random.default_rng(0), np.linspace(0, 1, 1000)
    cameras = [draw_camera(picture, rng) for _ in range(300)]
    noise = [np.sqrt(each.variance(picture).mean()) / picture.std() for each in cameras]
    assert min(noise) < 0.1
    assert max(noise) > 2.5
    assert (
        {each.clips for each in cameras} == {each.multiplies for each in cameras} == {True, False}
    )
