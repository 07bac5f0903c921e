"""The first look is computed on the device that the user chose, whatever else there is."""

import pytest
import torch

from conftest import LONG, NOISY
from napari_n2s.core import device
from napari_n2s.images.image import open_image
from napari_n2s.inference import model
from napari_n2s.pipeline.first_look import first_look
from napari_n2s.widgets.denoise.first_look_panel import NAME


@pytest.fixture
def chosen(monkeypatch):
    """The devices chosen on a computer with a GPU; what that would compute, the processor does."""
    found, choose = [], model.choose_device

    def chosen_device(*arguments, **options):
        found.append(choose(*arguments, **options).type)
        return torch.device("cpu")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(device, "describe", lambda each: each.type)
    monkeypatch.setattr(device, "free_memory", lambda _: 2**30)
    monkeypatch.setattr(model, "choose_device", chosen_device)
    return found


@pytest.mark.parametrize(("setting", "expected"), [("cpu", "cpu"), ("cuda", "cuda")])
def test_a_first_look_is_computed_where_it_is_asked_to(chosen, setting, expected):
    image = open_image(NOISY, "YX")
    assert first_look(image, image.whole, setting) is not None
    assert chosen == [expected]


def test_a_first_look_follows_the_device_in_the_dock(chosen, viewer, open_dock, qtbot, monkeypatch):
    for name in ("a", "b"):
        viewer.add_image(NOISY, name=name)
    dock = open_dock()
    monkeypatch.setattr(dock, "isVisible", lambda: True)  # no window is, in a test
    for name, setting, expected in (("a", "cpu", "cpu"), ("b", "auto", "cuda")):
        chosen.clear()
        dock.advanced.controls["device"].setCurrentText(setting)
        dock.image.value = viewer.layers[name]
        layer = f"{name} [{NAME}]"
        qtbot.waitUntil(lambda layer=layer: layer in viewer.layers, timeout=LONG)
        assert set(chosen) == {expected}
