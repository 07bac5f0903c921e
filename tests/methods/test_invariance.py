"""No output depends on its own pixel: 𝒥-invariance, of masks and of the blind spot."""

import numpy as np
import pytest
import torch

from napari_n2s.core.generators import finish
from napari_n2s.core.settings import Settings, choices
from napari_n2s.inference.tiling import predict
from napari_n2s.methods.factory import make_method
from napari_n2s.nn.blind_spot_network import BlindSpotNetwork
from napari_n2s.nn.masks import GridPartition
from napari_n2s.nn.networks import NETWORKS

CPU = torch.device("cpu")
SPACE = {2: (20, 26), 3: (8, 10, 12)}


def output(method, x, invariant, missing=None):
    missing = torch.zeros_like(x[:, :1], dtype=torch.bool) if missing is None else missing
    work = predict(method, x, missing, x[:, :0], 512, CPU, invariant=invariant, seed=3, turns=2)
    return finish(work)[0]


@pytest.mark.parametrize("ndim", SPACE)
@pytest.mark.parametrize("partition", choices("partition"))
@pytest.mark.parametrize("name", NETWORKS)
def test_an_output_does_not_depend_on_its_own_set(name, partition, ndim):
    settings = Settings(network=name, partition=partition, grid_width=2, density=0.25)
    method = make_method(settings, channels=2, ndim=ndim)
    x = torch.randn(1, 2, *SPACE[ndim], generator=torch.Generator().manual_seed(0))
    method.network.train()(x)  # gives a batch normalisation statistics of its own
    method.network.eval()
    before = output(method, x, invariant=True)
    masks = list(method.masks(SPACE[ndim], torch.Generator().manual_seed(3)))
    for hidden in (masks[0], masks[-1]):
        other = torch.where(hidden, x + 100 * torch.rand_like(x), x)
        inside = hidden.expand_as(x)
        assert torch.equal(output(method, other, invariant=True)[inside], before[inside])
        seen = output(method, other, invariant=False) - output(method, x, invariant=False)
        assert seen[inside].abs().min() > 0, "one pass sees the pixel; the test would not notice"


BLIND_SPOTS = [((0,), 2), ((1,), 2), ((0, 2), 2), ((2, 0), 2), ((0,), 3), ((0, 1, 0), 3)]


@pytest.mark.parametrize(("radius", "ndim"), BLIND_SPOTS)
def test_no_pixel_of_its_blind_spot_reaches_an_output_of_the_donut(radius, ndim):
    network = make_method(
        Settings(blind_spot_radius=radius, invariant=True), channels=2, ndim=ndim
    ).network.double()
    reach = Settings(blind_spot_radius=radius).radius_along(ndim)
    sides = [3 * each for each in network.stride]
    rng = np.random.default_rng(0)
    for _ in range(6):
        x = torch.from_numpy(rng.normal(size=(1, 4, *sides)))
        x[:, 2:] = torch.from_numpy(rng.random((1, 2, *sides)) > 0.5)
        place = tuple(int(rng.integers(side)) for side in sides)
        for hidden in (1, 0):
            x[(0, 3, *place)] = hidden
            x.grad = None
            network(x.requires_grad_())[(0, slice(None), *place)].sum().backward()
            seen = x.grad[0, :2].abs().sum(0) > 0
            x.requires_grad_(False)
            box, around = (
                tuple(
                    slice(max(p - k - more, 0), p + k + more + 1)
                    for p, k in zip(place, reach, strict=True)
                )
                for more in (0, 1)
            )
            assert seen[box].sum() == (not hidden)
            assert seen[around].sum() == seen[around].numel() - seen[box].numel() + (not hidden)


def test_a_guide_is_seen_whole_and_the_image_with_a_blind_spot():
    network = BlindSpotNetwork(channels=1, ndim=2, radius=(0, 0), guides=2).double()
    x = torch.ones(1, 5, 24, 24, dtype=torch.double, requires_grad=True)
    network(x)[0, :, 12, 12].sum().backward()
    named = {"image": False, "valid": False, "hidden": True, "guides": True}
    assert (x.grad[0, :, 12, 12] != 0).tolist() == [*named.values(), named["guides"]]


@pytest.mark.parametrize(
    ("name", "how"), [("donut", "zero"), *(("unet-small", how) for how in choices("fill"))]
)
def test_missing_pixels_carry_nothing_into_the_blind_spot(name, how):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 1, 40, 40, generator=generator)
    missing = torch.rand(1, 1, 40, 40, generator=generator) < 0.3
    method = make_method(Settings(network=name, fill=how), channels=1, ndim=2)
    method.network.eval()
    before = output(method, x, True, missing)
    hidden = next(GridPartition(4).masks((40, 40), generator))
    if name == "donut":  # blind to each pixel by itself, not to all of a set
        hidden = torch.zeros_like(hidden)
        hidden[..., 20, 20] = True
        missing[..., 20, 20] = False
        before = output(method, x, True, missing)
    other = torch.where(hidden | missing, x + 9, x)
    assert torch.equal(output(method, other, True, missing)[hidden], before[hidden])


@pytest.mark.parametrize("radius", [0, (0, 2)])
def test_any_output_of_the_donut_is_blind_to_its_own_pixel(radius):
    x = torch.randn(1, 2, 40, 41, generator=torch.Generator().manual_seed(0))
    settings = Settings(blind_spot_radius=radius, invariant=True)
    method = make_method(settings, channels=2, ndim=2)
    before, seen = (output(method, x, invariant) for invariant in (True, False))
    for place in ((0, 0), (39, 40), (1, 2), (20, 17)):
        other = x.clone()
        other[:, :, *place] += 100
        change = output(method, other, invariant=True) - before
        assert not change[:, :, *place].any()
        assert change.any()
        assert (output(method, other, invariant=False) - seen)[:, :, *place].any()
