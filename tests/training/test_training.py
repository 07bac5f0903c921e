"""Training: reproducible, interruptible, and without changing its input."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch

from napari_n2s import Settings, denoise, train
from napari_n2s.core.settings import choices
from napari_n2s.preparation.augmentation import orientations
from napari_n2s.training.drawing import draw_patches
from napari_n2s.training.schedule import Schedule
from napari_n2s.training.trainer import Trainer

RNG = np.random.default_rng(0)
NOISY = RNG.poisson(np.linspace(5, 60, 48 * 40).reshape(48, 40)).astype(np.uint16)


@pytest.mark.parametrize(
    ("network", "partition"), [("donut", "grid"), ("unet-small", "grid"), ("unet-small", "random")]
)
def test_two_runs_of_the_same_steps_are_equal_to_the_bit(network, partition):
    settings = Settings(
        steps=4, seed=7, network=network, partition=partition, fill="random", device="cpu"
    )
    first, report = denoise(NOISY, settings=settings)
    torch.manual_seed(99)
    second, again = denoise(NOISY, settings=settings)
    assert np.array_equal(first, second)
    assert report.network == again.network
    other, _ = denoise(NOISY, settings=settings, seed=8)
    assert not np.array_equal(first, other)


def test_a_training_may_be_abandoned_at_any_snapshot():
    held = []
    for progress in train(NOISY, seconds=30, device="cpu"):
        held.append((progress, progress.best.apply(NOISY)))
        if len(held) == 5:
            break
    for progress, result in held:
        assert np.array_equal(progress.best.apply(NOISY), result)
        with pytest.raises(FrozenInstanceError):
            progress.step = 0


def test_best_is_the_best_of_all_scores_and_last_the_last():
    snapshots = list(train(NOISY, steps=60, device="cpu"))
    scores = [each.score for each in snapshots if each.score]
    assert len(scores) == 1 + 20, "of the pretrained weights, then at every twentieth"
    assert [each.step for each in snapshots if each.score][:2] == [0, 3]
    assert snapshots[-2].best.score == min(scores[:-1], key=lambda score: score.loss)
    assert snapshots[-1].last.score == scores[-1]
    assert snapshots[-1].done == 1


@pytest.mark.parametrize(("rise", "kept"), [(0.01, 20), (1.0, 7)])
def test_the_last_is_kept_unless_one_before_was_better_by_more_than_chance(monkeypatch, rise, kept):
    noise = RNG.normal(size=100)
    noise -= noise.mean()

    def errors(trainer):  # falling, then rising again from the seventh step on
        return 10 + (rise + 0.1 * noise) * abs(trainer.step - 7) / 13

    monkeypatch.setattr(Trainer, "_squared_errors", errors)
    *_, before, last = train(NOISY, steps=20, pretrained=False, device="cpu")
    assert before.best.step == 7
    assert last.best.step == kept


def test_a_time_budget_is_used_up_but_never_for_less_than_a_few_steps():
    for seconds in (1.5, 0.1):
        *_, last = train(NOISY, seconds=seconds, device="cpu")
        assert last.done == 1
        assert last.seconds >= seconds / 2  # the rest is kept for applying
        assert last.step >= 10


def test_applying_is_paid_from_the_budget(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    schedule = Schedule()
    schedule.set_budget(Settings(seconds=100), nothing_to_learn=False)
    now[0] = 30
    assert schedule.done(step=100) == pytest.approx(0.3)
    schedule.scored(cost=0.1, once=1)
    assert schedule.turns == 8
    assert schedule.done(step=100) == pytest.approx(30 / 92)
    schedule.scored(cost=0.1, once=1, after=2)
    assert schedule.done(step=100) == pytest.approx(30 / 90), "what comes once is paid as well"
    assert schedule.affords(8)
    assert not schedule.affords(9)
    schedule.scored(cost=0.05, once=3)
    assert schedule.turns == 2
    assert schedule.done(step=100) == pytest.approx(30 / 90), "what is done is not undone"
    schedule.scored(cost=0.05, once=500)
    assert schedule.done(step=100) == pytest.approx(30 / 87), "hardly any of it would be of use"
    schedule.scored(cost=0.05, once=75)
    assert schedule.turns == 1
    now[0] = 34
    assert schedule.done(step=100) < 1
    now[0] = 36
    assert schedule.done(step=100) == 1


def test_a_training_is_counted_from_its_first_step_and_begins_once(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    schedule = Schedule()
    schedule.set_budget(Settings(seconds=100), nothing_to_learn=False)
    now[0] = 20
    schedule.begin()
    assert schedule.done(step=100) == 0
    now[0] = 60
    schedule.begin()
    assert schedule.done(step=100) == pytest.approx(0.5)
    schedule.scored(cost=0.1, once=81)
    assert schedule.done(step=100) == 1, "what is kept for applying leaves no time for steps"


def test_a_long_training_in_steps_shows_early_where_it_stands():
    scored = (each.step for each in train(NOISY, steps=100_000, device="cpu") if each.score)
    assert [next(scored), next(scored)] == [0, 30]


def test_the_user_keeps_their_own_random_numbers_and_threads():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    for _ in train(NOISY, steps=2, device="cpu"):
        assert torch.get_num_threads() == 3
    denoise(NOISY, steps=2, device="cpu")
    assert torch.get_num_threads() == 3
    assert torch.equal(torch.rand(3), expected)
    torch.set_num_threads(before)


ARRAYS = {
    "big-endian": NOISY.astype(">u2"),
    "fortran": np.asfortranarray(NOISY),
    "strided": np.repeat(np.repeat(NOISY, 2, 0), 3, 1)[::2, ::3],
    "reversed": np.ascontiguousarray(NOISY[::-1])[::-1],
    "int64": NOISY.astype(np.int64),
    "float32": NOISY.astype(np.float32),
    "float64": NOISY.astype(np.float64),
}


@pytest.fixture(scope="module")
def expected():
    return denoise(NOISY, steps=3, device="cpu")[0]


@pytest.mark.parametrize("name", ARRAYS)
def test_any_kind_of_array_gives_the_same_and_is_not_changed(name, expected):
    image = ARRAYS[name]
    image.flags.writeable = False
    copy = image.copy()
    result, _ = denoise(image, steps=3, device="cpu")
    assert np.array_equal(result, expected)
    assert result.dtype == np.float32
    assert np.array_equal(image, copy)


def test_the_result_keeps_the_intensity_scale():
    image = NOISY * 1e-3 - 7
    result, _ = denoise(image, steps=40, device="cpu")
    assert result.mean() == pytest.approx(image.mean(), abs=0.1 * image.std())
    assert result.std() < image.std()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int64", "uint64", "float64"])
def test_a_result_of_another_type_is_rounded_and_clipped(dtype):
    image = (NOISY.astype(float) - 30) * (1 if np.dtype(dtype).itemsize == 1 else 8)
    *_, progress = train(image, steps=3, device="cpu")
    exact = progress.best.apply(image, dtype="float64")
    result = progress.best.apply(image, dtype=dtype)
    assert result.dtype == dtype
    if np.dtype(dtype).kind != "f":
        limits = np.iinfo(dtype)
        exact = np.rint(exact).clip(limits.min, limits.max)
    assert np.array_equal(result.astype(np.float64), exact)


@pytest.mark.parametrize(
    ("value", "dtype"), [(0.1, "float64"), (0.1, "float32"), (2**24 + 1, "uint32"), (-5, "int8")]
)
def test_a_constant_image_comes_back_as_it_is(value, dtype):
    image = np.full((3, 20, 30), value, dtype)
    result, report = denoise(image, dtype=dtype)
    assert np.array_equal(result, image)
    assert report.network.loss == 0


def test_a_large_offset_costs_no_precision():
    image = NOISY.astype(np.int32) + 10**9
    result, _ = denoise(image, steps=3, dtype="int32", device="cpu")
    expected, _ = denoise(NOISY, steps=3, dtype="int32", device="cpu")
    assert np.abs(result - 10**9 - expected).max() <= 1


def test_a_large_gap_costs_no_time_and_leaves_windows_where_there_are_pixels():
    image = np.full((600, 500), np.nan)
    image[480:540, 20:90] = np.random.default_rng(0).normal(size=(60, 70))
    result, report = denoise(image, steps=3, nan_policy="omit", device="cpu")
    assert np.array_equal(np.isfinite(result), np.isfinite(image))
    assert report.network.pixels > 50


def test_a_frame_of_nothing_but_gaps_stays():
    image = np.stack([NOISY, np.full(NOISY.shape, np.nan)])
    result, _ = denoise(image, axes="TYX", steps=3, nan_policy="omit", device="cpu")
    assert np.isfinite(result[0]).all()
    assert np.isnan(result[1]).all()


@pytest.mark.parametrize("network", choices("network"))
def test_each_network_gives_its_invariant_output_too(network):
    *_, last = train(NOISY, steps=3, network=network, device="cpu")
    model = replace(last.best, turns=1)
    seen, blind = (model.apply(NOISY, invariant=each) for each in (False, True))
    assert seen.shape == blind.shape == NOISY.shape
    if network != "donut":  # it promises nothing yet after three steps, and then gives the same
        assert not np.array_equal(seen, blind)


def test_a_wider_blind_spot_is_blind_to_noise_that_neighbours_share():
    noise = np.random.default_rng(0).normal(size=(128, 130))
    noisy = noise[:, 2:] + noise[:, 1:-1] + noise[:, :-2]  # correlates along X alone
    narrow, report = denoise(noisy, steps=50, blind_spot_radius=0, device="cpu")
    wide, wider = denoise(noisy, steps=12, blind_spot_radius=(0, 2), invariant=True, device="cpu")
    assert wide.std() < 0.5 * narrow.std()
    assert wider.network.loss > 1.5 * report.network.loss
    assert all(each.score.loss > 2.9 for each in wider.baselines)


def test_a_constant_channel_comes_back_as_it_is():
    image = np.dstack([NOISY, NOISY, np.full_like(NOISY, 255)])
    result, _ = denoise(image, axes="YXS", steps=3, device="cpu")
    assert (result[..., 2] == 255).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_missing_pixels_stay_and_do_not_spread(bad):
    image = NOISY.astype(np.float32)
    image[10:20, 5:9] = image[40, 30] = bad
    result, _ = denoise(image, steps=3, nan_policy="omit", device="cpu")
    assert np.array_equal(np.isfinite(result), np.isfinite(image))
    assert np.array_equal(result[~np.isfinite(image)], image[~np.isfinite(image)], equal_nan=True)


AXES = [
    ("YX", (40, 48)),
    ("XY", (40, 48)),
    ("TYX", (3, 40, 24)),
    ("YXS", (40, 24, 3)),
    ("CYX", (2, 40, 24)),
    ("TZCYX", (2, 3, 2, 20, 24)),
    ("YTXC", (20, 2, 24, 3)),
    ("QQYX", (2, 2, 20, 24)),
]


@pytest.mark.parametrize(("axes", "shape"), AXES)
def test_axes_of_any_order_come_back_in_place(axes, shape):
    ramp = np.arange(np.prod(shape), dtype=float).reshape(shape)
    *_, progress = train(ramp, axes=axes, steps=2, device="cpu")
    model = replace(progress.best, turns=1)
    result = model.apply(ramp, axes=axes)
    assert result.shape == shape
    order = sorted(range(len(axes)), key=lambda i: "QTZCSYX".index(axes[i]))
    ordered = "".join(axes[i] for i in order)
    moved = model.apply(ramp.transpose(order), axes=ordered)
    assert np.allclose(result.transpose(order), moved, rtol=1e-5)


def test_the_training_loss_may_be_compared_with_the_score_though_patches_lie_where_it_is_bright():
    y, x = np.mgrid[:256, :256]
    spot = 2 + 200 * np.exp(-((x - 85) ** 2 + (y - 128) ** 2) / 288)
    sparse = np.random.default_rng(0).poisson(spot)
    *_, progress = train(sparse, steps=20, learning_rate=1e-6, device="cpu")
    assert progress.trainer.data.structure is not None
    assert progress.loss == pytest.approx(progress.last.score.loss, rel=0.35)


def test_a_single_patch_in_each_step_is_drawn_by_structure_every_other_time():
    y, x = np.mgrid[:256, :256]
    spot = 2 + 200 * np.exp(-((x - 85) ** 2 + (y - 128) ** 2) / 288)
    progress = next(train(np.random.default_rng(0).poisson(spot), steps=1, device="cpu"))
    generator, material = torch.Generator().manual_seed(0), progress.trainer.data
    bright = [
        float(draw_patches(material, 1, 32, orientations(2), generator, first).noisy.max()) > 4
        for first in range(60)
    ]
    assert sum(bright[1::2]) > 20
    assert sum(bright[::2]) < 10
