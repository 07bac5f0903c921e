"""Guides: inputs without a blind spot that are never predicted."""

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

from conftest import click, finish, shown
from napari_n2s import ImageError, denoise, train
from napari_n2s.cli.main import main
from napari_n2s.images.guides import MOST, Guides
from napari_n2s.images.image import open_image
from napari_n2s.preparation import sampling
from napari_n2s.replicates.find import find_replicates

RNG = np.random.default_rng(0)
TRUTH = gaussian_filter(RNG.normal(size=(64, 80)), 2)
TRUTH /= TRUTH.std()
NOISY, SECOND = (TRUTH + RNG.normal(0, 1.5, TRUTH.shape) for _ in range(2))
CLEAN = -np.tanh(TRUTH) + RNG.normal(0, 0.02, TRUTH.shape)
"""Another contrast of the same field."""
QUICK = {"steps": 3, "device": "cpu"}


def error(image):
    return float(np.mean((image - TRUTH) ** 2))


@pytest.mark.parametrize("pair", [None, SECOND])
def test_a_clean_guide_takes_away_noise(pair):
    ways = {"steps": 30, "device": "cpu", "network": "unet-small", "pair": pair}
    alone, _ = denoise(NOISY, **ways)
    guided, report = denoise(NOISY, **ways, guides=[CLEAN])
    assert error(guided) < 0.7 * error(alone)
    assert report.guides == 1
    assert "guides of the same field (1 channel)" in report.methods()
    assert not report.findings


@pytest.mark.parametrize("network", ["donut", "unet-small"])
def test_with_guides_no_prediction_depends_on_its_own_pixel(network):
    *_, last = train(NOISY, guides=[CLEAN], network=network, outliers="ignore", **QUICK)
    before = last.best.apply(NOISY, invariant=True, guides=[CLEAN])
    other = NOISY.copy()
    other[30, 40] += 100
    after = last.best.apply(other, invariant=True, guides=[CLEAN])
    assert after[30, 40] == before[30, 40]
    assert not np.array_equal(after, before)
    moved = last.best.apply(NOISY, invariant=True, guides=[CLEAN[::-1].copy()])
    assert moved[30, 40] != before[30, 40]


@pytest.mark.parametrize(
    ("axes", "shape", "of_guide", "letters", "count"),
    [
        ("YX", (20, 30), (20, 30), "YX", 1),
        ("YX", (20, 30), (20, 30, 3), "YXS", 3),
        ("YX", (20, 30), (5, 20, 30), "CYX", 5),
        ("YXS", (20, 30, 3), (20, 30, 3), "YXS", 3),
        ("TYX", (4, 20, 30), (20, 30), "YX", 1),
        ("TYX", (4, 20, 30), (4, 20, 30), "TYX", 1),
        ("TCYX", (4, 2, 20, 30), (4, 20, 30), "TYX", 1),
        ("CTYX", (2, 4, 20, 30), (4, 20, 30, 3), "TYXS", 3),
        ("XTY", (30, 4, 20), (30, 20), "XY", 1),
        ("TZYX", (4, 5, 20, 30), (5, 20, 30), "ZYX", 1),
        ("TZYX", (4, 5, 20, 30), (4, 20, 30, 3), "TYXS", 3),
    ],
)
def test_guides_lie_on_the_image_by_their_axes(axes, shape, of_guide, letters, count):
    image = RNG.normal(size=of_guide).astype(np.float32)
    made = Guides([image, image], shape, axes)
    assert made.shape[-1] == 2 * count
    at = {"T": 2, "Z": 3, "Y": 7, "X": 11}
    at = {a: at[a] for a in axes if a in at}
    there = image[tuple(slice(None) if a in "CS" else at[a] for a in letters)]
    found = made[tuple(at.get(a, slice(None)) for a in made.axes)]
    assert np.array_equal(found, np.tile(np.ravel(there), 2))
    box = tuple(slice(at[a] - 2, at[a] + 1) if a in at else slice(None) for a in made.axes)
    inner = tuple(2 if a in at else slice(None) for a in made.axes)
    assert np.array_equal(made[box][inner], found)


@pytest.mark.parametrize(
    ("guides", "words"),
    [
        ([CLEAN[:-1]], r"A guide of 63 x 80 does not fit the image of 64 x 80 \(axes YX\)"),
        ([np.zeros((MOST + 1, *TRUTH.shape))], "33 channels, more than 32"),
        ([3 * NOISY + 5], "A guide is the image itself, noise and all"),
        ([CLEAN, -NOISY], "A guide is the image itself, noise and all"),
        ([np.full(TRUTH.shape, np.nan)], "A guide holds only NaN or infinity"),
    ],
)
def test_a_guide_that_cannot_be_one_is_refused(guides, words):
    with pytest.raises(ImageError, match=words):
        denoise(NOISY, guides=guides, **QUICK)


def test_the_other_replicate_is_no_guide():
    with pytest.raises(ImageError, match="A guide is the image itself"):
        denoise(NOISY, pair=SECOND, guides=[SECOND], **QUICK)


def test_noise_that_a_guide_shares_with_the_image_is_reported():
    made_from_it = gaussian_filter(NOISY, 0.5)
    _, report = denoise(NOISY, guides=[made_from_it], **QUICK)
    assert "of their noise in common" in report.sentence()


def test_a_model_requires_the_guides_it_was_trained_with():
    *_, last = train(NOISY, guides=[CLEAN], **QUICK)
    for guides in ((), (CLEAN, CLEAN)):
        with pytest.raises(ImageError, match="trained with guides, 1 channels in all"):
            last.best.apply(NOISY, guides=guides)
    *_, last = train(NOISY, **QUICK)
    with pytest.raises(ImageError, match="trained without guides; leave them out"):
        last.best.apply(NOISY, guides=CLEAN)


def test_a_guide_may_be_constant_or_have_gaps_of_its_own():
    left = np.arange(80) < 40
    half, other = np.where(left, CLEAN, np.nan), np.where(left, np.nan, np.ones_like(CLEAN))
    blank = np.stack([NOISY, np.zeros_like(NOISY)])
    clean, report = denoise(blank, axes="CYX", guides=[half, other], **QUICK)
    assert report.guides == 2
    assert np.isfinite(clean).all()


def test_a_guide_that_may_lie_in_two_ways_is_refused():
    with pytest.raises(ImageError, match="in more than one way; give it all of them"):
        Guides([np.zeros((4, 20, 30))], (4, 4, 20, 30), "TZYX")


def test_what_shows_each_of_the_repeats_is_averaged_as_they_are():
    frames = np.stack([NOISY, SECOND, NOISY[::-1], SECOND[::-1]])
    replicates = find_replicates(frames, "TYX", along="T", pairing="halves").guided(frames + 1)
    assert np.allclose(replicates.images[0].guides.pixels[..., 0], frames.mean(0) + 1, atol=1e-6)


def test_pieces_of_a_large_image_come_with_those_of_its_guides(monkeypatch):
    monkeypatch.setattr(sampling, "MAX_TRAINING_VALUES", 20_000)
    movie = RNG.normal(size=(12, 2, 70, 90)).astype(np.float32)
    drawn, _ = sampling.sample_pieces(open_image(movie, "TCYX", [movie[:, 1]]), seed=0)
    assert drawn.shape[0] > 1
    assert drawn.guides.axes == "#TYXC"
    assert np.array_equal(drawn.guides.pixels[..., 0], drawn.pixels[:, :, 1])


def test_guides_move_with_the_replicates():
    whole = gaussian_filter(RNG.normal(size=(90, 90)), 1.5) * 50
    one, two = (
        part + RNG.normal(0, 0.5, part.shape) for part in (whole[8:72, 8:88], whole[11:75, 6:86])
    )
    clean = whole[8:72, 8:88]
    replicates = find_replicates(one, "YX", pair=two, register=True).guided([clean])
    (dy, dx), second = replicates.offsets[1], replicates.images[1]
    assert (dy, dx) == (3, -2)
    assert np.allclose(second.guides.pixels[10, 10, 0], clean[13, 8])
    first = replicates.training_images[0]
    assert first.shape == replicates.training_images[1].shape
    assert first.guides.shape == (*first.shape, 1)
    assert np.allclose(first.guides.pixels[0, 0, 0], clean[3, 0])


def test_the_shell_takes_guides(tmp_path, capsys):
    noisy, clean = NOISY.astype(np.float32), CLEAN.astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", noisy)
    tifffile.imwrite(tmp_path / "dic.tif", clean)
    told = ["denoise", str(tmp_path / "a.tif"), "--guide", str(tmp_path / "dic.tif")]
    assert main([*told, "--steps", "3", "--device", "cpu"]) == 0
    expected, _ = denoise(noisy, guides=[clean], **QUICK)
    assert np.array_equal(tifffile.imread(tmp_path / "a_n2s.tif"), expected)
    capsys.readouterr()
    assert main([*told, "--method", "median", "-o", str(tmp_path / "b.tif")]) == 2
    assert "guide: for networks, not for a filter" in capsys.readouterr().err
    zarr = str(tmp_path / "a.zarr")
    assert main([*told, "--steps", "3", "--device", "cpu", "-o", zarr]) == 0


def test_the_dock_takes_layers_for_guides(viewer, open_dock, qtbot):
    source = viewer.add_image(NOISY.copy(), name="a")
    viewer.add_image(CLEAN.copy(), name="dic")
    viewer.add_image(CLEAN[:40].copy(), name="small")
    dock = open_dock()
    dock.image.value = source
    dock.guides.menu().aboutToShow.emit()
    assert [each.text() for each in dock.guides.menu().actions()] == ["dic"]
    dock.guides.menu().actions()[0].trigger()
    assert dock.guides.text() == "dic"
    click(qtbot, dock.train)
    finish(qtbot, dock)
    account = viewer.layers["a [n2s]"].metadata["napari-n2s"]
    assert account["guides"] == 1
    dock.guides.menu().aboutToShow.emit()
    assert [each.text() for each in dock.guides.menu().actions()] == ["dic"]  # not the result
    viewer.layers.remove("dic")
    assert dock.guides.text() == "none"
    click(qtbot, dock.pause)
    assert shown()[-1][1].startswith("This training is with other guides")
