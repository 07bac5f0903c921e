"""Whether a training may be taken up again with what is chosen now, and if not, why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_n2s.widgets.viewer import layers

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_n2s.widgets.request import Request

CHANGED = "{0} has changed or gone since it was learnt from; press Train to begin anew."
OTHER = "This training is of {0} as it was; choose that image again, or press Train to begin anew."
OTHER_PAIRS = (
    "This training is of {0} and its pairs as they were; choose them again, or press Train to "
    "begin anew."
)
OTHER_GUIDES = (
    "This training is with other guides than those that are ticked now; tick them again, or press "
    "Train to begin anew."
)


def resume_error(
    viewer: Viewer, request: Request, chosen: Image | None, guides: tuple[Any, ...]
) -> str | None:
    """Say what is against it, if anything: `request` was learnt from, the rest is chosen now."""
    name = request.source.name
    if not (request.stands and layers.is_there(viewer, request.source)):
        return CHANGED.format(name)
    if chosen is not request.source:
        return OTHER.format(name)
    return None if set(map(id, request.guides)) == set(map(id, guides)) else OTHER_GUIDES
