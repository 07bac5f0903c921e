"""State of the dock for one image, until another is chosen or the image is changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isclose
from typing import TYPE_CHECKING, Any

from napari_n2s.calibration.result import say
from napari_n2s.widgets.calibrate.form import NAMES
from napari_n2s.widgets.live_preview import LivePreview
from napari_n2s.widgets.request import WHOLE, Request, read_request

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.calibration.result import Calibration
    from napari_n2s.images.sources import Box
    from napari_n2s.preparation.prepared import PreparedImage


@dataclass(eq=False)
class CalibrationState:
    """One image with one choice of axes, and its calibrations.

    Attributes
    ----------
    request : Request
    volume : bool
        Whether the donut filters also take neighbours from other slices.
    live_preview : LivePreview
    prepared : PreparedImage or None
        The image prepared for calibration; None before that.
    found : dict of str to Calibration
        Calibrations by the name of the filter.
    refused : tuple of str and Box, or None
        The filter and the part that could not be previewed last, so that the failure is reported
        once and not at every change of the strength.
    over : bool
        Whether another image was chosen: results that still arrive are discarded.
    """

    request: Request
    volume: bool
    live_preview: LivePreview
    prepared: PreparedImage | None = None
    found: dict[str, Calibration] = field(default_factory=dict)
    refused: tuple[str, Box] | None = None
    over: bool = False

    @classmethod
    def of_layer(cls, viewer: Viewer, source: Image, volume: bool) -> CalibrationState:
        """Begin with a layer as it is now."""
        request = read_request(viewer, source, None, WHOLE)
        return cls(request, volume, LivePreview(viewer, request))

    def end(self) -> None:
        """Remove the preview, and discard results that still arrive."""
        self.over = True
        self.live_preview.end(becomes_result=False)

    def restore_preview(self, viewer: Viewer) -> None:
        """Show previews again if their layer was deleted or has become a result."""
        if not self.live_preview.wanted:
            self.live_preview = LivePreview(viewer, self.request)

    def account(self, method: str, values: dict[str, Any], mixed: bool) -> dict[str, Any]:
        """Describe how a filter is applied, for the metadata of its result."""
        found = self.found.get(method)
        return {
            "filter": method,
            "values": values,
            "mixed": mixed,
            "calibration": found.to_dict() if found else None,
        }

    def is_of(self, source: Image | None) -> bool:
        """Whether it is of a layer, and that still holds the same array with the same axes."""
        return self.request.source is source and self.request.is_current

    def table(self, accounts: dict[str, dict[str, Any]]) -> list[tuple[str, str, float]]:
        """List filters and networks with their strengths and squared errors."""
        filters = [
            (NAMES.get(method, method), say(found.best.values), found.best.score.loss)
            for method, found in self.found.items()
        ]
        return filters + [(name, "network", loss) for name, loss in self.networks(accounts)]

    def networks(self, accounts: dict[str, dict[str, Any]]) -> list[tuple[str, float]]:
        """List the networks that were scored on the same pixels of the same image.

        They are recognised by the error of the donut median, which is scored with every network.

        Parameters
        ----------
        accounts : dict of str to dict
            Accounts of results by the names of their layers.

        Returns
        -------
        list of tuple of str and float
            Names of layers and squared errors.
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
