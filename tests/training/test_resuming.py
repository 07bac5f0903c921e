"""A training can be watched, left, resumed, and ended when the error stops improving."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_n2s import resume, train
from napari_n2s.core.errors import DeviceError
from napari_n2s.core.generators import finish
from napari_n2s.core.progress import Preview
from napari_n2s.core.settings import Settings
from napari_n2s.images.image import open_image
from napari_n2s.methods.blind_spot import BlindSpot
from napari_n2s.pipeline.denoise_one import denoising
from napari_n2s.pipeline.preview import ADVANCE, MAX_SHARE, PreviewPacer, TrainingMonitor
from napari_n2s.preparation.held_out import improved
from napari_n2s.training.progress import Progress

RNG = np.random.default_rng(0)
TRUTH = 20 + 10 * np.sin(np.linspace(0, 9, 64))[:, None] * np.cos(np.linspace(0, 7, 48))
NOISY = RNG.poisson(TRUTH).astype(np.uint16)


def leave_at(training, step):
    progress = next(each for each in training if each.step >= step)
    training.close()
    return progress


def test_taken_up_again_it_is_the_same_as_in_one_go():
    whole = finish(train(NOISY, steps=24, device="cpu"))
    progress = leave_at(train(NOISY, steps=24, device="cpu"), 10)
    assert progress.step < 24
    parted = finish(resume(progress))
    assert parted.step == whole.step
    assert all(torch.equal(parted.weights[name], each) for name, each in whole.weights.items())


def test_after_the_end_it_goes_on_for_as_long_again():
    *_, first = train(NOISY, steps=8, device="cpu")
    held_out = first.trainer.data.held_out.clone()
    *_, second = resume(first)
    assert (first.step, second.step) == (8, 16)
    assert torch.equal(second.trainer.data.held_out, held_out)
    assert second.best.score.loss <= first.best.score.loss + first.best.score.error
    assert second.seconds > first.seconds


def test_a_rest_does_not_count():
    training = train(NOISY, seconds=60, device="cpu")
    before = next(training)
    time.sleep(1)
    after = training.send(1.0)
    assert before.seconds <= after.seconds < before.seconds + 1
    training.close()


def test_the_time_left_is_estimated_from_the_pace_of_the_steps(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = next(train(NOISY, seconds=60, device="cpu"))
    assert progress.seconds_left is None
    halfway = replace(progress, begun=4.0, seconds=10.0, done=0.5)
    assert halfway.seconds_left == pytest.approx(6)


def test_until_it_stops_improving():
    snapshots = list(train(NOISY, steps=10, converge=True, device="cpu"))
    rounds = np.log2(snapshots[-1].step / 10)
    assert rounds >= 1
    assert rounds == int(rounds)
    assert snapshots[-1].seconds_left is None
    alone = finish(train(NOISY, steps=snapshots[-1].step // 2, device="cpu"))
    assert snapshots[-1].best.score.loss < alone.score.loss + 2 * alone.score.error
    flat = np.full((32, 32), 7, np.uint8)
    assert finish(train(flat, seconds=5, converge=True, device="cpu")).step == 1


def test_an_improvement_is_seen_below_the_error_of_the_score():
    noise = RNG.normal(0, 10, 20_000)
    worse, better = (noise + RNG.normal(0, spread, noise.size) for spread in (1.5, 1.0))
    error = (worse**2).std() / np.sqrt(noise.size)
    assert (worse**2).mean() - (better**2).mean() < error * 2
    assert improved(worse**2, better**2)
    assert not improved(better**2, worse**2)
    assert not improved(better**2, better**2)


def test_previews_do_not_change_the_result_and_show_what_was_asked_for():
    stack = np.stack([NOISY, NOISY[::-1]])
    settings, box = Settings(steps=12, device="cpu"), (slice(1, 2), slice(8, 40), slice(0, 48))
    image = open_image(stack)
    plain, _ = finish(denoising(image, settings=settings))
    work, seen = denoising(image, settings=settings, view=lambda: box, preview_pause=0), []
    while True:
        try:
            seen.append(next(work))
        except StopIteration as end:
            clean, _ = end.value
            break
    previews = [each for each in seen if isinstance(each, Preview)]
    assert previews
    assert all((each.box, each.image.shape) == (box, (1, 32, 48)) for each in previews)
    assert np.array_equal(clean, plain)
    rms = np.sqrt(np.mean((previews[-1].image - plain[box]) ** 2))
    assert rms < np.sqrt(np.mean((stack[box] - plain[box]) ** 2)) / 2


def test_a_preview_that_finds_no_memory_does_not_end_the_training(monkeypatch):
    def denoise_preview(*_):
        raise DeviceError("This image takes 70 GB of memory.")

    monkeypatch.setattr("napari_n2s.pipeline.denoise_one.denoise_preview", denoise_preview)
    settings, box = Settings(steps=12, device="cpu"), (slice(8, 40), slice(0, 48))
    states = list(denoising(open_image(NOISY), settings=settings, view=lambda: box))
    assert not [each for each in states if isinstance(each, Preview)]
    assert [each for each in states if isinstance(each, Progress)][-1].done == 1


def test_taken_up_in_its_last_moment_it_ends_with_the_snapshot_that_there_was():
    def over():
        yield from ()

    *_, since = train(NOISY, steps=1, device="cpu")
    watch, never = TrainingMonitor(lambda *_: None, lambda: None, PreviewPacer()), lambda: False
    assert finish(watch.follow(over(), never, never, since)) is since


@pytest.mark.parametrize("cost", [0.02, 0.3])
def test_previews_come_soon_and_cost_little(cost):
    pace, box, spent, times = PreviewPacer(), (slice(0, 1),), 0.0, []
    for tick in range(600):
        seconds = tick / 10
        step = int(seconds)
        if pace.due(box, step, seconds):
            pace.shown(box, step, seconds, cost)
            spent += cost
            times.append(seconds)
    assert times[0] < 0.5
    assert times[1] <= 4
    assert spent <= ADVANCE + MAX_SHARE * 60
    assert len(times) > 5
    pace.shown(box, step, 60, cost)
    assert not pace.due(box, step, 1e4)
    assert pace.due((slice(1, 2),), step, 1e4)


def test_when_memory_runs_short_steps_get_smaller_and_training_goes_on(monkeypatch):
    tried, sound = [], BlindSpot.loss

    def loss(self, output, target, counted, done):
        tried.append((target.shape[0], target.shape[-1]))
        if target.shape[0] * target.shape[-1] ** 2 > 2 * 32**2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        return sound(self, output, target, counted, done)

    monkeypatch.setattr(BlindSpot, "loss", loss)
    large = np.tile(NOISY, (1, 2))[:, :64]
    *_, last = train(large, steps=20, device="cpu", pretrained=False)
    assert last.trainer.memory_reduced
    assert tried[:4] == [(4, 64), (2, 64), (1, 64), (1, 32)]
    assert set(tried[4:]) == {(1, 32)}
    assert last.step == 20
