"""Losses: each finds the mean, the median or the mode, and counts valid pixels alone."""

import numpy as np
import pytest
import torch

from napari_n2s.nn.losses import LOSSES, tone_map


def least(name, values, done=0.0):
    """Find the constant that a loss likes best beside some values."""
    tried = torch.linspace(0, 1, 201)
    target = torch.tensor(values).expand(201, 1, -1)
    counted = torch.ones(1, 1, 1, dtype=torch.bool)
    losses = [
        LOSSES[name](each.expand(1, 1, target.shape[2]), one[None], counted, done)
        for each, one in zip(tried, target, strict=True)
    ]
    return float(tried[int(torch.stack(losses).argmin())])


def test_l2_finds_the_mean_l1_the_median_and_l0_the_mode():
    values = [0.2, 0.2, 0.2, 0.5, 0.6, 0.9, 1.0]
    assert least("l2", values) == pytest.approx(np.mean(values), abs=0.01)
    assert least("l1", values) == pytest.approx(0.5)
    assert least("l0", values) == pytest.approx(np.mean(values), abs=0.01)
    assert least("l0", values, 0.95) == pytest.approx(0.2)


def test_what_does_not_count_is_not_compared():
    ones, zeros = torch.ones(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)
    counted = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    assert LOSSES["l2"](ones, zeros, counted) == 0
    counted[..., 0, 0] = True
    assert LOSSES["l2"](ones, zeros, counted) == 1


def test_the_relative_loss_is_not_lessened_by_predicting_more():
    prediction = torch.full((1, 1, 1, 1), 2.0, requires_grad=True)
    counted = torch.ones(1, 1, 1, 1, dtype=torch.bool)
    LOSSES["hdr"](prediction, torch.ones(1, 1, 1, 1), counted).backward()
    assert float(prediction.grad) == pytest.approx(2 * 1 / 2.01**2)


def test_tone_mapping_brings_any_brightness_into_view():
    mapped = tone_map(torch.tensor([-1.0, 0.0, 1.0, 1e6]))
    assert mapped[:2].tolist() == [0, 0]
    assert float(mapped[2]) == pytest.approx(0.5 ** (1 / 2.2))
    assert 0.99 < float(mapped[3]) <= 1
