"""Work in the background takes nothing from what comes after it."""

from threading import current_thread

from napari_n2s.docks.worker import in_background


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
