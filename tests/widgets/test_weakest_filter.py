"""The dock of the filters says why the least smoothing is the best, and measures it elsewhere."""

from threading import current_thread, main_thread

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage import data

from conftest import LONG, click, shown
from napari_n2s import calibrate
from napari_n2s.calibration import result
from napari_n2s.calibration.result import CORRELATED


def test_correlated_noise_is_named_without_stopping_the_window(viewer, qtbot, monkeypatch):
    noise = gaussian_filter(np.random.default_rng(0).normal(0, 60, (128, 128)), 0.7)
    image = data.camera()[:128, 256:384] + noise
    measure, threads = result.choose_blind_spot, []

    def watched(prepared):
        threads.append(current_thread())
        return measure(prepared)

    monkeypatch.setattr(result, "choose_blind_spot", watched)
    viewer.add_image(image, name="a")
    _, dock = viewer.window.add_plugin_dock_widget("napari-n2s", "Calibrated filter")
    click(qtbot, dock.calibrate)
    qtbot.waitUntil(lambda: dock.calibrate.isEnabled(), timeout=LONG)
    assert dock.strength.values == {"radius": 1.0}
    assert dock.result.text().endswith(CORRELATED)
    assert len(threads) == 1
    assert threads[0] is not main_thread()
    assert dock.result.text() == calibrate(image).sentence()
    qtbot.waitUntil(lambda: "a [n2s preview]" in viewer.layers, timeout=LONG)
    assert shown() == []
