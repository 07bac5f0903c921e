"""The function `denoise`: training and inference in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from napari_n2s.core.generators import finish
from napari_n2s.core.settings import Settings
from napari_n2s.images.image import open_image
from napari_n2s.images.labels import restore_labels
from napari_n2s.pipeline.denoise_one import Denoised, denoising
from napari_n2s.pipeline.denoise_replicates import denoising_replicates
from napari_n2s.replicates.find import find_replicates


def denoise(
    image: Any,
    *,
    axes: str | None = None,
    settings: Settings | None = None,
    dtype: Any = None,
    out: Any = None,
    pair: Any = None,
    pairs_axis: str | None = None,
    pairing: str = "neighbours",
    split_photons: bool = False,
    register: bool = False,
    guides: Sequence[Any] = (),
    **changes: Any,
) -> Denoised:
    """Denoise an image with a network trained on it alone, or on replicates of it.

    Parameters
    ----------
    image : array_like
        Any number of axes, integers or floats. It is not changed. A dask, zarr or xarray array, or
        a memory-mapped file, is read part by part. Masked pixels are missing, as NaN is.
    axes : str, optional
        One letter for each axis, as ``"TYX"`` or ``"YXC"``; if left out, taken from the names
        of an xarray.DataArray's dimensions, or guessed from the shape.
    settings : Settings, optional
    dtype : dtype, optional
        Type of the result; for an integer type, it is rounded and clipped to its range. If left
        out, float32, or float64 if that is too coarse for the image's differences.
    out : array_like, optional
        Where to write the result: an array of the image's shape in memory or in a file, as zarr's.
        Its type is then the result's.
    pair : array_like or sequence of array_like, optional
        Another recording of the same field, or several: each is predicted from the others
        (Noise2Noise), and the result is the mean of all of them denoised.
    pairs_axis : str, optional
        Letter of an axis along which the image itself holds such replicates.
    pairing : {"neighbours", "halves", "repeats"}
        What lies along it: frames, each predicted from its neighbours; or repeated exposures, of
        which the averages of the even and of the odd, or each and all others, are predicted from
        each other and averaged to one image without that axis.
    split_photons : bool
        Whether the image holds photon counts, to be split at random into two replicates.
    register : bool
        Correct shifts between replicates by whole pixels.
    guides : sequence of array_like
        Images of the same field that the network sees and does not predict, as a clean channel or a
        transmitted-light image: each of the image's size along Y and X and along every other axis
        that it has too, with channels of its own first or colour channels last.
    **changes
        Settings by name, as ``seconds=30``.

    Returns
    -------
    tuple of array_like and Report
        The denoised image, of the same shape and axes and on the same intensity scale, and a report
        on what was done and how it compares with a median and a Gaussian filter. For an
        xarray.DataArray or a masked array, the result has the same labels or mask.

    Raises
    ------
    ImageError, SettingsError, DeviceError
        With one sentence that says what is wrong and what to do.

    Examples
    --------
    >>> clean, report = denoise(noisy, seconds=60)  # doctest: +SKIP
    >>> clean, report = denoise(one, pair=two, seconds=60)  # doctest: +SKIP
    """
    settings = replace(settings or Settings(), **changes)
    options = {
        "pair": pair,
        "along": pairs_axis,
        "pairing": pairing,
        "split_photons": split_photons,
    }
    if replicates := find_replicates(image, axes, **options, register=register, seed=settings.seed):
        replicates = replicates.guided(guides)
        work = denoising_replicates(replicates, settings=settings, dtype=dtype, out=out)
    else:
        opened = open_image(image, axes, guides, volume=settings.volume)
        work = denoising(opened, settings=settings, dtype=dtype, out=out)
    clean, report = finish(work)
    return (restore_labels(clean, image) if out is None else out), report
