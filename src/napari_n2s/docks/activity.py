"""What goes on, in napari's own list of activities, where it can be cancelled too."""

from __future__ import annotations

from napari.utils import cancelable_progress


class Activity:
    """An entry of the list, from its first share done to its end.

    Making and changing it lets the window draw: the next share may come meanwhile, or the end.

    Parameters
    ----------
    text : str
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._entry: cancelable_progress | None = None
        self._ended = False
        self.begun = False

    def show(self, done: float) -> bool:
        """Show the share done; whether somebody has cancelled it there."""
        if not self.begun:
            self.begun = True
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
