"""The networks: drawn from a seed alone, and padded no more than each axis needs."""

import pytest
import torch

from napari_n2s.nn import pretrained
from napari_n2s.nn.blind_spot_network import BlindSpotNetwork
from napari_n2s.nn.networks import NETWORKS, initialise, seeded


@pytest.mark.parametrize("make", [*NETWORKS.values(), BlindSpotNetwork])
def test_weights_come_from_the_seed_and_nobody_else_s_random_numbers_change(make):
    torch.manual_seed(3)
    undisturbed = torch.rand(8)
    torch.manual_seed(3)
    with seeded(7):
        network = make()
        initialise(network)
        meanwhile = torch.rand(8)  # as another thread may draw
    assert torch.equal(meanwhile, undisturbed)
    torch.rand(100)
    with seeded(7):
        again = make()
        initialise(again)
    pairs = zip(network.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)


def test_pretrained_weights_are_read_once_and_handed_out_as_copies(monkeypatch):
    pretrained._read.cache_clear()
    files, load = [], pretrained.load_file

    def record(file):
        files.append(file)
        return load(file)

    monkeypatch.setattr(pretrained, "load_file", record)
    first = pretrained.weights_for((0, 0), guides=4)
    before = {name: each.clone() for name, each in first.items()}
    for each in first.values():
        each.zero_()
    again = pretrained.weights_for((0, 0), guides=4)
    assert all(torch.equal(again[name], before[name]) for name in before)
    assert len(files) == len(set(files))
