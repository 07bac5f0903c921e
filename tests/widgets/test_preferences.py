"""Preferences for all images, on napari's own page."""

import napari.settings
import pytest
from napari._qt.dialogs.preferences_dialog import PreferencesDialog
from npe2 import PluginManifest
from qtpy.QtCore import Qt

from conftest import LONG
from napari_n2s.core.settings import EFFORTS, choices, words
from napari_n2s.widgets.denoise.form import DenoiseForm
from napari_n2s.widgets.preferences import Preferences, preferences


@pytest.fixture
def page(make_napari_viewer_proxy, tmp_path):
    """The preferences, as napari shows and keeps them, in a place of their own."""
    viewer = make_napari_viewer_proxy()
    napari.settings._clear_plugin_settings_cache()
    yield viewer, napari.settings.get_plugin_settings("napari-n2s", tmp_path).denoise, tmp_path
    napari.settings._clear_plugin_settings_cache()


def test_the_manifest_says_what_the_settings_say():
    manifest = PluginManifest.from_distribution("napari-n2s")
    said = manifest.contributions.configurations["denoise"].properties
    assert said["effort"].enum == list(EFFORTS)
    assert said["device"].enum == list(choices("device"))
    assert said["device"].description == words("device")
    defaults = {name: each.default for name, each in said.items()}
    assert Preferences(**defaults) == Preferences()


def test_the_dock_opens_as_preferred(page, qtbot):
    viewer, chosen, folder = page
    chosen.effort, chosen.device, chosen.preview_pause = "thorough", "cpu", 3.0
    assert "thorough" in (folder / "napari-n2s.yaml").read_text()
    dialog = PreferencesDialog()
    qtbot.addWidget(dialog)
    assert dialog._list.findItems("Noise2Self", Qt.MatchFlag.MatchExactly)
    _, dock = viewer.window.add_plugin_dock_widget("napari-n2s", "Denoise")
    assert (dock.advanced.settings().seconds, dock.advanced.settings().device) == (300, "cpu")
    assert preferences().preview_pause == 3
    text = dock.device.text
    qtbot.waitUntil(lambda: text().startswith("Computes on the processor"), timeout=LONG)
    assert "GPU" not in text()
    dock.advanced.controls["device"].setCurrentText("auto")
    qtbot.waitUntil(lambda: "GPU" in text(), timeout=LONG)


@pytest.mark.parametrize("name", EFFORTS)
def test_a_dock_opens_with_every_effort(qtbot, name):
    def none(*_):
        return []

    form = DenoiseForm(none, none, none, none, Preferences(effort=name))
    qtbot.addWidget(form)
    form.device.end()
    settings = form.advanced.settings()
    assert form.effort_words.text().startswith(name)
    assert {key: getattr(settings, key) for key in EFFORTS[name]} == EFFORTS[name]


def test_before_napari_had_such_a_page_the_defaults_hold(monkeypatch):
    monkeypatch.delattr("napari.settings.get_plugin_settings")
    assert preferences() == Preferences()
