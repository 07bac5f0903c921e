"""Independent channels: each is trained by itself, whatever the others are."""

import numpy as np
import pytest
import tifffile
import torch
from scipy.ndimage import gaussian_filter

from conftest import click, finish
from napari_n2s import denoise, train
from napari_n2s.cli.main import main
from napari_n2s.inference.model_file import load_model, save_model
from napari_n2s.io import reading
from napari_n2s.training import optimization

RNG = np.random.default_rng(0)


def blobs(seed):
    field = gaussian_filter(np.random.default_rng(seed).normal(size=(48, 56)), 2)
    return 30 + 20 * np.clip(field / field.std(), -1.4, 3)


FAINT, BRIGHT = (RNG.poisson(np.stack([blobs(seed)] * 3)).astype(np.float32) for seed in (0, 1))
MOVIE = np.stack([FAINT, 1000 * BRIGHT], 1)  # TCYX
INDEPENDENT = {"channels": "independent", "steps": 8, "device": "cpu"}


def train_briefly(image, axes="TCYX", **changes):
    *_, progress = train(image, axes=axes, **{**INDEPENDENT, **changes})
    return progress.last


@pytest.mark.parametrize("network", ["donut", "unet-small"])
def test_nothing_of_a_channel_enters_another(network, monkeypatch):
    monkeypatch.setattr(optimization, "SETTLING", 5)
    other = np.stack([FAINT, RNG.normal(size=FAINT.shape).astype(np.float32)], 1)
    options = {"network": network, "context": 1}
    models = [train_briefly(image, **options) for image in (MOVIE, other)]
    same = {
        name: torch.equal(weights, models[1].weights[name])
        for name, weights in models[0].weights.items()
    }
    assert all(same[name] for name in same if name.startswith("each.0."))
    assert not all(same.values())
    clean = [
        model.apply(image, axes="TCYX") for model, image in zip(models, (MOVIE, other), strict=True)
    ]
    assert np.array_equal(clean[0][:, 0], clean[1][:, 0])
    assert not np.array_equal(clean[0][:, 1], clean[1][:, 1])


def test_each_channel_comes_back_in_its_place_on_its_scale(tmp_path):
    image = MOVIE[:2].astype(np.uint16).transpose(2, 3, 1, 0)  # YXCT
    model = train_briefly(image, "YXCT", context=0, steps=40)
    clean = model.apply(image, axes="YXCT", dtype=np.uint16)
    assert (clean.shape, clean.dtype) == (image.shape, np.uint16)
    for channel in range(2):
        noisy = image[:, :, channel].astype(float)
        assert clean[:, :, channel].mean() == pytest.approx(noisy.mean(), rel=0.05)
        assert clean[:, :, channel].std() < 0.95 * noisy.std()
        assert np.corrcoef(clean[:, :, channel].ravel(), noisy.ravel())[0, 1] > 0.5
    save_model(tmp_path / "a.safetensors", model)
    kept, _ = load_model(tmp_path / "a.safetensors")
    assert np.array_equal(kept.apply(image, axes="YXCT", dtype=np.uint16), clean)


def test_independent_is_of_channels_alone():
    colour = MOVIE[0].transpose(1, 2, 0)
    for axes in ("YXS", "YXQ"):
        model = train_briefly(colour, axes, context=0, steps=3)
        assert model.settings.channels == "joint"
        together = train_briefly(colour, axes, context=0, steps=3, channels="joint")
        assert np.array_equal(model.apply(colour, axes=axes), together.apply(colour, axes=axes))
    one = colour[..., :1]
    assert train_briefly(one, "YXC", steps=3).apply(one, axes="YXC").shape == (48, 56, 1)


def test_independent_channels_of_a_volume():
    stack = MOVIE.swapaxes(0, 1)  # CZYX
    clean = train_briefly(stack, "CZYX", volume=True, steps=3).apply(stack, axes="CZYX")
    assert clean.shape == stack.shape


def test_the_shell_trains_independent_channels(tmp_path, capsys):
    image = MOVIE.astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", image, imagej=True, metadata={"axes": "TCYX"})
    options = (
        "--channels",
        "independent",
        "--steps",
        "8",
        "--device",
        "cpu",
        "-o",
        tmp_path / "b.zarr",
    )
    assert main([str(each) for each in ("denoise", tmp_path / "a.tif", *options)]) == 0
    expected, report = denoise(image, axes="TCYX", **INDEPENDENT)
    assert np.array_equal(reading.read_image(tmp_path / "b.zarr").image[:], expected)
    assert "for each channel" in report.methods()
    assert report.sentence() in capsys.readouterr().out


def test_the_dock_trains_independent_channels(viewer, open_dock, qtbot):
    source = viewer.add_image(MOVIE[:1], name="a", axis_labels="tcyx", contrast_limits=(0, 60))
    dock = open_dock()
    dock.advanced.controls["channels"].setCurrentText("independent")
    click(qtbot, dock.train)
    finish(qtbot, dock)
    result = viewer.layers["a [n2s]"]
    assert result.metadata["napari-n2s"]["settings"]["channels"] == "independent"
    assert np.array_equal(result.data, dock.session.progress.best.apply(source.data, axes="TCYX"))


def test_the_colours_of_independent_channels_stay_together():
    rng = np.random.default_rng(0)
    base = rng.poisson(30, (32, 32, 3)).astype(np.float32)
    one, two = base, rng.poisson(200, (32, 32, 3)).astype(np.float32)
    options = {"channels": "independent", "steps": 3, "device": "cpu"}
    both, _ = denoise(np.stack([one, two]), axes="CYXS", **options)
    other, _ = denoise(np.stack([one, two[::-1].copy()]), axes="CYXS", **options)
    assert np.array_equal(both[0], other[0])
    assert not np.array_equal(both[1], other[1])
    *_, last = train(np.stack([one, two]), axes="CYXS", **options)
    assert len(last.best.method(0, 0, torch.device("cpu")).network.members) == 2
