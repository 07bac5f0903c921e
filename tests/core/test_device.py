"""The device: volumes are computed on the processor where the Apple GPU lacks an operator."""

import pytest
import torch
import torch.nn.functional as F

from napari_n2s.core import device
from napari_n2s.core.device import choose_device


@pytest.fixture
def apple(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    # Operators are tried on the processor, which this machine has.
    tried = device._computes_volumes.__wrapped__
    monkeypatch.setattr(device, "_computes_volumes", lambda _: tried(torch.device("cpu")))


@pytest.mark.parametrize("name", ["auto", "mps"])
@pytest.mark.parametrize("operator", ["conv3d", "max_pool3d", "interpolate", "pad"])
def test_a_volume_falls_back_to_the_processor_where_an_operator_is_missing(
    apple, monkeypatch, name, operator
):
    assert choose_device(name, volume=True).type == "mps"

    def missing(*_, **__):
        raise NotImplementedError(
            f"The operator 'aten::{operator}' is not currently implemented for the MPS device."
        )

    monkeypatch.setattr(F, operator, missing)
    assert choose_device(name, volume=True).type == "cpu"
    assert choose_device(name).type == "mps"
