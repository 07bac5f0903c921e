"""The networks: initialised from a seed alone, and padded no more than each axis needs."""

import pytest
import torch

from napari_n2s.core.generators import finish
from napari_n2s.core.settings import Settings
from napari_n2s.inference.tiling import predict
from napari_n2s.methods.factory import make_method
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


@pytest.mark.parametrize(
    ("radius", "padded"), [((4, 6), (80, 84)), ((3, 3), (64, 64)), ((4, 6, 7), (20, 28, 32))]
)
def test_an_image_is_padded_along_each_axis_for_the_blind_spot_along_it_alone(radius, padded):
    levels = 0 if len(radius) == 3 else 1
    network = BlindSpotNetwork(ndim=len(radius), radius=radius, width=2, levels=levels)
    sides = (64, 64) if len(radius) == 2 else (20, 20, 20)
    assert network.pad(torch.zeros(1, 3, *sides)).shape[2:] == padded


def test_tiles_agree_with_the_whole_for_a_blind_spot_of_unequal_sides():
    method = make_method(Settings(blind_spot_radius=(0, 2), pretrained=False), channels=1, ndim=2)
    method.network.eval()
    x = torch.randn(1, 1, 75, 110, generator=torch.Generator().manual_seed(1))
    cpu = torch.device("cpu")
    whole, tiled = (
        finish(predict(method, x, x > 3, x[:, :0], side, cpu, invariant=True, seed=0)).averaged
        for side in (1000, 30)
    )
    assert (whole - tiled).abs().max() <= 1e-5 * whole.abs().max()
