"""How often the picture in the making is shown: so that training loses next to nothing by it."""

from __future__ import annotations

from napari_n2s.ideas.image import Box

SHARE = 0.03
"""Of the time, for previews, at most."""
ADVANCE = 0.5
"""Seconds of it that may be taken ahead, so that the first previews come soon."""
PAUSE = 0.25
"""Seconds between two previews, at least, if nothing else is wished."""


class Pace:
    """Decides when a preview is due: when there is something new to see and time for it.

    Parameters
    ----------
    pause : float
        Seconds between two, at least.
    """

    def __init__(self, pause: float = PAUSE) -> None:
        self._pause = pause
        self._spent = self._cost = self._last = 0.0
        self._seen: tuple[Box, int] | None = None

    def is_new(self, box: Box, step: int) -> bool:
        """Whether a box has not just been shown as the model of a step sees it."""
        return (box, step) != self._seen

    def due(self, box: Box, step: int, seconds: float) -> bool:
        """Whether to show a box, as the model of a step sees it, at a time since the start."""
        return (
            self.is_new(box, step)
            and seconds >= self._last + self._pause
            and self._spent + self._cost <= ADVANCE + SHARE * seconds
        )

    def shown(self, box: Box, step: int, seconds: float, cost: float) -> None:
        """Note a preview, the time since the start, and the seconds that it took."""
        self._seen, self._last, self._cost = (box, step), seconds, cost
        self._spent += cost
