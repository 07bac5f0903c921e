"""The progress of applying a network in napari's activity dialog, where it can be cancelled."""

from __future__ import annotations

from time import monotonic

from napari.utils import cancelable_progress

MEASURED, MIN_LEFT = 0.5, 3.0
"""Seconds after which the remaining time can be estimated, and that it must exceed for an entry:
to make one stops the window for a fifth of a second."""


class Activity:
    """An entry in the activity dialog, made only for a task that takes long.

    Making or updating an entry processes Qt events: `show` or `end` may be called meanwhile.

    Parameters
    ----------
    text : str

    Attributes
    ----------
    begun : bool
        Whether `show` has been called.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._entry: cancelable_progress | None = None
        self._ended = self._made = self.begun = False
        self._start = 0.0

    def show(self, done: float) -> bool:
        """Show the fraction done, 0 to 1; return whether the user has cancelled the entry."""
        if not self.begun:
            self.begun, self._start = True, monotonic()
        passed = monotonic() - self._start
        if not self._made and passed > MEASURED and passed * (1 - done) > MIN_LEFT * done:
            self._made = True
            self._entry = cancelable_progress(total=100, desc=self._text)
            if self._ended:
                self._entry.close()
        if self._entry is None or self._ended:
            return False
        cancelled = bool(self._entry.is_canceled)
        self._entry.update(round(100 * done) - self._entry.n)
        return cancelled

    def end(self) -> None:
        """Remove the entry."""
        self._ended = True
        if self._entry:
            self._entry.close()
