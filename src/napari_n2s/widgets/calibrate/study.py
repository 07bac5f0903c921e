"""What has been found out about one image, from when it was chosen until it is another one."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isclose
from typing import TYPE_CHECKING, Any

from napari_n2s.widgets.live_preview import LivePreview

if TYPE_CHECKING:
    from napari_n2s.calibration.result import Calibration
    from napari_n2s.images.sources import Box
    from napari_n2s.preparation.prepared import Prepared
    from napari_n2s.widgets.request import Request


@dataclass(eq=False)
class CalibrationState:
    """One image, understood in one way.

    Attributes
    ----------
    order : Request
        The image.
    volume : bool
        Whether its slices are looked at together.
    watching : LivePreview
        Its preview.
    ready : Prepared or None
        The image made ready, once that was done.
    found : dict of str to Calibration
        The filters that were calibrated on it.
    refused : tuple of str and Box, or None
        The filter and the part that could not be previewed last: nobody wants to be told so at
        every step of the strength.
    over : bool
        Whether it is another image by now: what still comes in is of no use.
    """

    order: Request
    volume: bool
    watching: LivePreview
    ready: Prepared | None = None
    found: dict[str, Calibration] = field(default_factory=dict)
    refused: tuple[str, Box] | None = None
    over: bool = False

    def networks(self, accounts: dict[str, dict[str, Any]]) -> list[tuple[str, float]]:
        """List the networks that were scored on the same pixels of the same image.

        They were if the donut median, which is calibrated beside every network, got the same error.
        """
        median = self.found.get("median")
        if median is None:
            return []
        ours = median.best.score.loss
        return [
            (name, account["network"]["loss"])
            for name, account in accounts.items()
            if isclose(account["baselines"][0]["score"]["loss"], ours, rel_tol=1e-6)
        ]
