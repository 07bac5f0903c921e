"""Masks: which pixels are hidden, what replaces them, and the loss that counts them."""

import pytest
import torch

from napari_n2s.core.settings import choices
from napari_n2s.nn.masks import GridPartition, RandomPartition, fill, masked_loss

SPACES = [(17, 22), (9, 16, 11)]
PARTITIONS = [GridPartition(2), GridPartition(4), RandomPartition(0.2)]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("partition", PARTITIONS)
def test_a_partition_hides_every_pixel_exactly_once(partition, space):
    masks = list(partition.masks(space, generator()))
    assert torch.equal(torch.cat(masks).sum(0), torch.ones(1, *space, dtype=torch.int64))


def test_a_grid_has_one_mask_for_each_phase():
    assert len(list(GridPartition(3).masks((9, 9, 9), generator()))) == 27


@pytest.mark.parametrize("partition", [GridPartition(16), RandomPartition(0.001)])
@pytest.mark.parametrize("ndim", [2, 3])
def test_a_coarser_partition_has_as_many_sets_as_allowed_and_at_least_the_coarsest(partition, ndim):
    least = partition.coarser(1, ndim).sets(ndim)
    assert least == (4**ndim if isinstance(partition, GridPartition) else 16)
    for most in (least, 100, 700):
        assert least <= partition.coarser(most, ndim).sets(ndim) <= max(least, most)
    assert partition.coarser(10_000, ndim) == partition
    assert GridPartition(2).coarser(1, ndim) == GridPartition(2)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("partition", PARTITIONS)
def test_a_drawn_set_has_the_density_of_the_partition(partition, space):
    random = generator()
    shares = [partition.draw((2, 1, *space), random).float().mean() for _ in range(200)]
    density = (
        partition.width ** -len(space)
        if isinstance(partition, GridPartition)
        else partition.density
    )
    assert sum(shares) / 200 == pytest.approx(density, rel=0.1)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("how", choices("fill"))
@pytest.mark.parametrize("partition", PARTITIONS)
def test_replacements_depend_on_no_hidden_pixel(partition, how, space):
    x = torch.randn(2, 3, *space, generator=generator())
    for hidden in partition.masks(space, generator()):
        other = torch.where(hidden, torch.full_like(x, float("nan")), x)
        shown = fill(x, hidden, how, generator())
        assert torch.equal(shown, fill(other, hidden, how, generator()))
        assert torch.equal(shown[(~hidden).expand_as(x)], x[(~hidden).expand_as(x)])


def test_neighbours_are_averaged_and_borders_reflected():
    x = torch.arange(12.0).reshape(1, 1, 3, 4)
    hidden = torch.zeros(1, 1, 3, 4, dtype=torch.bool)
    hidden[..., 0, 0] = hidden[..., 1, 2] = True
    shown = fill(x, hidden, "neighbours")
    assert shown[0, 0, 0, 0] == (1 + 1 + 4 + 4) / 4
    assert shown[0, 0, 1, 2] == (2 + 10 + 5 + 7) / 4


@pytest.mark.parametrize("space", SPACES)
def test_gaps_two_pixels_deep_are_filled_without_darkening_and_deeper_ones_with_the_mean(space):
    hidden = torch.zeros(1, 1, *space, dtype=torch.bool)
    hidden[..., 1:8] = True
    filled = fill(torch.full((1, 1, *space), 7.0), hidden, "neighbours")[0, 0]
    assert torch.allclose(filled[..., [0, 1, 2, 6, 7, 8]], torch.tensor(7.0))
    assert (filled[..., 3:6] == 0).all()


def test_the_loss_is_the_mean_over_counted_pixels_of_all_channels():
    x, y = torch.randn(2, 2, 3, 8, 8, generator=generator())
    counted = torch.rand(2, 1, 8, 8, generator=generator()) < 0.3
    expected = (x - y).square()[counted.expand_as(x)].mean()
    assert torch.isclose(masked_loss(x, y, counted), expected)
    assert masked_loss(x, y, torch.zeros_like(counted)) == 0
