"""Every image that napari can show: any axes, in memory or lazy."""

import dask.array as da
import numpy as np
import pytest
import xarray
import zarr
from brief_training import QUICK, train_briefly
from napari.components import ViewerModel

from napari_n2s.core.generators import finish
from napari_n2s.images.axes import parse_axes
from napari_n2s.images.image import open_image
from napari_n2s.pipeline.denoise_one import denoising
from napari_n2s.pipeline.safeguard import safest
from napari_n2s.widgets.request import WHOLE, read_request
from napari_n2s.widgets.viewer import layers

RNG = np.random.default_rng(0)
SHAPES = {
    "YX": (20, 26),
    "ZYX": (2, 20, 26),
    "TYX": (3, 20, 26),
    "CYX": (2, 20, 26),
    "TCZYX": (2, 2, 2, 20, 26),
    "YXS": (20, 26, 3),
}
KEPT = {
    "numpy": lambda image, path: image,
    "dask": lambda image, path: da.from_array(image, chunks=tuple(min(2, n) for n in image.shape)),
    "zarr": lambda image, path: zarr.array(image, store=str(path), chunks=(8,) * image.ndim),
    "xarray": lambda image, path: xarray.DataArray(image),
    "multiscale": lambda image, path: [da.from_array(image), da.from_array(image[..., ::2, :])],
}
TYPES = ("uint8", "uint16", "int16", "float32", "float64")


@pytest.fixture(scope="module")
def trained():
    """Train one network for each number of channels."""
    images = {each: RNG.poisson(30, (each, 20, 26)) for each in (1, 2, 3)}
    return {channels: train_briefly(image, axes="CYX") for channels, image in images.items()}


@pytest.mark.parametrize("kept", KEPT)
@pytest.mark.parametrize("axes", SHAPES)
def test_what_goes_in_comes_back(axes, kept, trained, tmp_path):
    viewer, shape = ViewerModel(), SHAPES[axes]
    rgb, count = axes.endswith("S"), parse_axes(shape, axes).canonical_shape[1]
    labels = axes.lower().rstrip("s")
    place = {
        "scale": [2.0, 0.5, 3.0, 0.2, 0.3][-len(labels) :],
        "translate": [5.0, 4.0, 3.0, 2.0, 1.0][-len(labels) :],
        "units": ["second" if each == "t" else "um" for each in labels],
        "axis_labels": labels,
        "rgb": rgb,
    }
    for kind in TYPES:
        image = RNG.poisson(30, shape).astype(kind)
        if rgb and image.dtype.kind == "f":
            image /= image.max()
        data = KEPT[kept](image, tmp_path / f"{kind}.zarr")
        source = viewer.add_image(data, multiscale=kept == "multiscale", **place)
        order = read_request(viewer, source, None, WHOLE)
        assert sorted(order.axes) == sorted(axes)
        clean, _ = finish(
            denoising(
                order.opened,
                settings=QUICK,
                dtype=order.dtype,
                since=trained[count],
                learn=False,
            )
        )
        assert isinstance(clean, np.ndarray)
        assert clean.shape == shape
        assert clean.dtype == (image.dtype if rgb else np.float32)
        if image.max() > 1:  # else on another scale than was trained on, and a filter is better
            model = safest(trained[count]).model
            expected = finish(model.applying(open_image(image, axes), dtype=order.dtype))
            assert np.array_equal(clean, expected)
        where = (order.corner, {}, None, order.stretch)
        result = layers.add_result(viewer, source, clean, *where)
        for name in ("scale", "translate", "units", "axis_labels", "rgb", "ndim"):
            assert np.all(getattr(result, name) == getattr(source, name)), name
