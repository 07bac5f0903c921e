"""Tiled inference: the same result as for the whole image, for any size."""

import numpy as np
import pytest
import torch

from napari_n2s import train
from napari_n2s.core.generators import finish
from napari_n2s.core.settings import Settings, choices
from napari_n2s.inference.tiling import predict, tiles
from napari_n2s.methods.factory import make_method
from napari_n2s.nn.networks import DnCNN, UNet

CPU = torch.device("cpu")


def method(name, ndim=2):
    made = make_method(Settings(network=name, grid_width=2), channels=1, ndim=ndim)
    x = torch.randn(2, 1, *[32] * ndim, generator=torch.Generator().manual_seed(0))
    made.network.train()(made.make_input(x, x > 9, x > 9, x[:, :0], torch.Generator()))
    made.network.eval()
    return made


SPACES = [
    ("donut", (200, 75)),
    ("donut", (61, 301)),
    ("unet-small", (140, 75)),
    ("unet", (61, 201)),
    ("dncnn", (100, 75)),
]


@pytest.mark.parametrize("invariant", [False, True])
@pytest.mark.parametrize(("name", "space"), SPACES)
def test_tiles_agree_with_the_whole(name, space, invariant):
    made = method(name)
    x = torch.randn(1, 1, *space, generator=torch.Generator().manual_seed(1))
    choice = {"invariant": invariant, "seed": 0, "turns": 8 if name == "donut" else 2}
    whole, tiled = (
        finish(predict(made, x, x > 3, x[:, :0], side, CPU, **choice))[0] for side in (1000, 40)
    )
    assert whole.shape == x.shape
    assert (whole - tiled).abs().max() <= 1e-5 * whole.abs().max()


@pytest.mark.parametrize("name", choices("network"))
def test_a_quick_image_is_one_pass_to_within_a_hundredth_of_its_range(name):
    made = method(name)
    x = torch.randn(1, 1, 96, 80, generator=torch.Generator().manual_seed(1))
    nothing = x > 9
    quick = finish(
        predict(made, x, nothing, x[:, :0], 1000, CPU, invariant=False, seed=0, quick=True)
    ).averaged
    with torch.inference_mode():
        shown = made.make_input(x, nothing, nothing, x[:, :0], torch.Generator())
        exact = made.mean(made.network(shown))
    deviation = (quick - exact).square().mean().sqrt()
    assert quick.dtype == torch.float32
    assert deviation <= (exact.max() - exact.min()) / 100


def test_tiles_agree_with_the_whole_in_three_dimensions():
    made = method("unet-small", 3)
    x = torch.randn(1, 1, 20, 70, 61, generator=torch.Generator().manual_seed(1))
    whole, tiled = (
        finish(predict(made, x, x > 3, x[:, :0], side, CPU, invariant=False, seed=0))[0]
        for side in (1000, 150)
    )
    assert (whole - tiled).abs().max() <= 1e-5 * whole.abs().max()


@pytest.mark.parametrize("name", choices("network"))
def test_nothing_beyond_the_halo_reaches_an_output(name):
    made = method(name)
    built = made.network
    side = 2 * built.halo + 64
    x = torch.randn(1, 1, side, side, requires_grad=True)
    middle = side // 2
    nothing = torch.zeros_like(x, dtype=torch.bool)
    shown = made.make_input(x, nothing, nothing, x[:, :0], torch.Generator())
    built(shown)[0, 0, middle, middle].backward()
    rows = x.grad[0, 0].abs().sum(1).nonzero().ravel() - middle
    assert 0.5 * built.halo < rows.abs().max() <= built.halo


def test_tiles_cover_an_image_once_and_read_inside_it():
    count = np.zeros((24, 40), int)
    for tile in tiles((24, 40), (10, 10), halo=5, stride=(4, 4)):
        count[tile.write[2:]] += 1
        assert tile.read[2].start % 4 == tile.read[3].start % 4 == 0
        kept = [
            range(*read.indices(99))[keep] for read, keep in zip(tile.read, tile.keep, strict=True)
        ]
        assert all(r.start == w.start for r, w in zip(kept[2:], tile.write[2:], strict=True))
    assert (count == 1).all()


def test_networks_are_those_published():
    for network, count in ((DnCNN(), 556_032), (DnCNN(layers=8), 223_104)):
        assert sum(weights.numel() for weights in network.parameters()) == count
    widths = [block[2].out_channels for block in UNet().down]
    assert widths == [32, 64, 128, 256]


def test_a_model_says_which_images_it_takes():
    *_, progress = train(np.random.default_rng(0).normal(size=(20, 20)), steps=1, device="cpu")
    with pytest.raises(ValueError, match="has 3 channels, but the model was trained on 1"):
        progress.best.apply(np.zeros((20, 20, 3)), axes="YXC")
