"""Work in the background takes nothing from what comes after it."""

import os
import sys
from importlib import import_module
from threading import current_thread

import pytest

from napari_n2s import DeviceError
from napari_n2s.core import torch_loading
from napari_n2s.widgets.denoise.device_row import DeviceRow
from napari_n2s.widgets.worker import in_background


def test_a_thread_ends_with_its_work(qtbot):
    """An idle thread keeps those that torch computed on, and they slow down the next training."""
    seen = []

    @in_background
    def work():
        seen.append(current_thread())
        yield

    worker = work()
    with qtbot.waitSignal(worker.finished):
        worker.start()
    qtbot.waitUntil(lambda: not seen[0].is_alive())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no thread gives way")
@pytest.mark.parametrize(("nice", "expected"), [(0, torch_loading.NICENESS), (15, 15)])
def test_a_thread_never_pushes_to_the_front_and_may_be_kept_where_it_is(
    monkeypatch, nice, expected
):
    asked = []

    def refuse(kind, thread, value):
        asked.append(value)
        raise PermissionError

    monkeypatch.setattr(os, "getpriority", lambda *_: nice)
    monkeypatch.setattr(os, "setpriority", refuse)
    torch_loading.give_way()
    assert asked == [expected]


@pytest.mark.parametrize("fault", [ImportError("DLL load failed."), OSError("no\nlibrary")])
def test_a_torch_that_cannot_be_loaded_is_explained(qtbot, monkeypatch, fault):
    def fail(name):
        if name == "torch":
            raise fault
        return import_module(name)

    monkeypatch.setattr(torch_loading, "import_module", fail)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with pytest.raises(DeviceError) as raised:
        torch_loading.load_torch()
    row = DeviceRow()
    qtbot.addWidget(row)
    qtbot.waitUntil(lambda: row.text() == str(raised.value))
    assert row.text().startswith("PyTorch cannot be loaded (")
    assert row.text().endswith(torch_loading.REMEDY)
    assert "\n" not in row.text()
    assert not row._button.isHidden()
