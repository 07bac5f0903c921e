"""Stopped, diverging and overlapping trainings: the best network is kept, and none corrupted."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_n2s import ImageError, denoise, train
from napari_n2s.core.errors import StoppedError
from napari_n2s.core.progress import Preparing
from napari_n2s.core.settings import Settings
from napari_n2s.images.image import open_image
from napari_n2s.pipeline.denoise_one import denoising
from napari_n2s.training.train import conclude

RNG = np.random.default_rng(0)
NOISY = RNG.poisson(np.linspace(5, 60, 48 * 48).reshape(48, 48)).astype(np.float32)


class Remote:
    """An array that is read part by part."""

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.ndim, self.chunks = values.ndim, (1, *values.shape[1:])

    def __getitem__(self, index):
        return self.values[index]


def test_a_job_can_be_stopped_while_the_image_is_read():
    remote = Remote(np.stack([NOISY] * 40))
    work = denoising(
        open_image(remote, "TYX"), settings=Settings(steps=2, device="cpu"), stop=lambda: True
    )
    states = []
    with pytest.raises(StoppedError, match="before the network was trained"):
        states.extend(work)
    assert len(states) <= 1
    reading = denoising(open_image(remote, "TYX"), settings=Settings(steps=2, device="cpu"))
    assert isinstance(next(reading), Preparing)
    reading.close()


def test_a_result_is_not_written_onto_its_own_image():
    stack = np.stack([NOISY] * 3)
    for out in (stack, stack[::-1]):
        with pytest.raises(ImageError, match="onto the image itself"):
            denoise(stack, axes="TYX", out=out, steps=1, device="cpu")
    assert np.array_equal(stack, np.stack([NOISY] * 3))


def test_a_training_that_diverges_late_keeps_its_best_model():
    work = train(NOISY, steps=40, device="cpu")
    for progress in work:
        if progress.step >= 4:
            break
    best = progress.best
    with torch.no_grad():
        for each in progress.trainer._optimization.average.parameters():
            each.fill_(float("nan"))
    *_, last = work
    assert last.trainer.diverged
    assert np.isfinite(last.best.score.loss)
    assert last.best.step <= max(best.step, 4)


def test_a_diverging_trial_does_not_end_a_training(monkeypatch):
    from napari_n2s.training import trainer as module

    sound = module.Trainer._squared_errors

    def spoil(self):
        errors = sound(self)
        return errors if self.settings.pretrained else errors * np.nan

    monkeypatch.setattr(module.Trainer, "_squared_errors", spoil)
    *_, last = train(NOISY, steps=10, device="cpu")
    assert last.best.settings.pretrained


def test_stopping_early_estimates_the_weight_of_nonlocal_bayes_too():
    for progress in train(NOISY, steps=100, device="cpu"):
        if progress.step >= 10:
            break
    concluded = conclude(progress)
    assert concluded.best.nonlocal_weight != progress.best.nonlocal_weight
    same = replace(concluded.best, nonlocal_weight=progress.best.nonlocal_weight)
    assert same.weights is progress.best.weights
