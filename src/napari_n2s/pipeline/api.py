"""Denoising in one call."""

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
    """Denoise an image with a network trained on it alone, or on further readings of its content.

    Parameters
    ----------
    image : array_like
        Any number of axes, integers or floats. It is not changed. A dask, zarr or xarray array, or
        a file mapped into memory, is read piece by piece. Masked pixels are missing ones, as NaN
        is.
    axes : str, optional
        One letter for each axis, as ``"TYX"`` or ``"YXC"``; if left out, what the dimensions of an
        xarray.DataArray are called, or else guessed from the shape.
    settings : Settings, optional
    dtype : dtype, optional
        Type of the result; of an integer type, it is rounded and clipped into its range. If left
        out, float32, or float64 where that has too few digits for the image's differences.
    out : array_like, optional
        Where to write the result: an array of the image's shape in memory or in a file, as zarr's.
        Its type is then the result's.
    pair : array_like or sequence of array_like, optional
        Another recording of the same thing, or several: each is learnt from the others
        (Noise2Noise), and the result is the mean of all of them denoised.
    pairs_axis : str, optional
        The letter of an axis along which the image itself holds such readings.
    pairing : {"neighbours", "halves", "repeats"}
        What lies along it: frames, each learnt from the ones beside it; or exposures of one thing,
        of which the averages of the even and of the odd, or each and all others, are learnt from
        each other and made into one picture, without that axis.
    split_photons : bool
        Whether the image holds counted photons, to be shared out at random into two readings.
    register : bool
        Whether readings that are shifted are moved back, by whole pixels.
    guides : sequence of array_like
        Images of the same field that the network sees besides and does not predict, as a clean
        channel or a transmitted-light image: each of the image's size along Y and X and along every
        other axis that it has too, with channels of its own first or colours last.
    **changes
        Settings by name, as ``seconds=30``.

    Returns
    -------
    tuple of array_like and Report
        The denoised image, of the same shape and axes and on the same intensity scale, and an
        account of what was done and how it compares with a median and a blur. From an
        xarray.DataArray or a masked array comes another, with the same labels or mask.

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
    asked = {"pair": pair, "along": pairs_axis, "pairing": pairing, "photons_split": split_photons}
    if replicates := find_replicates(image, axes, **asked, register=register, seed=settings.seed):
        replicates = replicates.guided(guides)
        work = denoising_replicates(replicates, settings=settings, dtype=dtype, out=out)
    else:
        opened = open_image(image, axes, guides, volume=settings.volume)
        work = denoising(opened, settings=settings, dtype=dtype, out=out)
    clean, report = finish(work)
    return (restore_labels(clean, image) if out is None else out), report
