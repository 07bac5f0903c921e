"""What goes on, in napari's own list of activities, where it can be cancelled too."""

from __future__ import annotations

from time import monotonic

from napari.utils import cancelable_progress

SOON, LONG = 0.5, 3.0
"""Seconds after which it is known how long something takes, and that it must still take to be worth
an entry: making one stops the window for a fifth of a second."""


class Activity:
    """An entry of the list, made when what goes on turns out to take long.

    Making and changing it lets the window draw: the next share may come meanwhile, or the end.

    Parameters
    ----------
    text : str

    Attributes
    ----------
    begun : bool
        Whether a share has been done.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._entry: cancelable_progress | None = None
        self._ended = self._made = self.begun = False
        self._start = 0.0

    def show(self, done: float) -> bool:
        """Show the share done; whether somebody has cancelled it there."""
        if not self.begun:
            self.begun, self._start = True, monotonic()
        passed = monotonic() - self._start
        if not self._made and passed > SOON and passed * (1 - done) > LONG * done:
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
        """Take it away."""
        self._ended = True
        if self._entry:
            self._entry.close()
