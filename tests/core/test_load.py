"""Computations leave cores to other programs, and share what is free among themselves."""

from collections import namedtuple
from types import SimpleNamespace

import psutil
import pytest
import torch

from napari_n2s.core import system
from napari_n2s.core.device import working_threads

Times = namedtuple("Times", "user system idle")


@pytest.fixture
def four_cores(monkeypatch):
    monkeypatch.setattr(system, "_usable", lambda: {0, 1, 2, 3})
    monkeypatch.setattr(system, "cores_within_limits", lambda: 4.0)


@pytest.fixture
def others(four_cores, monkeypatch):
    """Return what sets the number of cores that other programs keep busy."""
    return lambda cores: monkeypatch.setattr(system.OTHERS, "cores", lambda: cores)


@pytest.mark.parametrize(("busy", "threads"), [(0.0, 3), (0.4, 3), (1.2, 3), (2.0, 2), (4.0, 1)])
def test_cores_that_others_keep_busy_are_left_to_them(others, busy, threads):
    others(busy)
    with working_threads():
        assert torch.get_num_threads() == threads
    with working_threads(steady=True):
        assert torch.get_num_threads() == 3


def test_computations_side_by_side_share_the_threads(others):
    others(0.0)
    before = torch.get_num_threads()
    with working_threads():
        with working_threads():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == before


def test_the_load_is_that_of_other_programs_on_usable_cores(four_cores, monkeypatch):
    now, busy, own = [0.0], [0.0] * 5, [0.0]
    monkeypatch.setattr(system.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(
        psutil, "cpu_times", lambda percpu: [Times(0.75 * each, 0.25 * each, 0) for each in busy]
    )
    monkeypatch.setattr(
        psutil.Process, "cpu_times", lambda self: SimpleNamespace(user=own[0], system=0.0)
    )
    load = system.OtherLoad()
    assert load.cores() == 0
    now[0], busy[:], own[0] = 10.0, [10.0, 10.0, 5.0, 0.0, 10.0], 15.0
    assert load.cores() == pytest.approx(1)
    now[0], busy[3] = 10.5, 10.0
    assert load.cores() == pytest.approx(1), "it is measured at most once a second"
    now[0] = 20.0
    assert load.cores() == pytest.approx(1)
