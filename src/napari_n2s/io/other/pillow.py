"""Reading PNG, JPEG and other formats that Pillow opens."""

from __future__ import annotations

import warnings
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from PIL import Image

from napari_n2s.core.errors import FileError
from napari_n2s.io.file_image import FileImage

AXES = {2: "YX", 3: "YXS", 4: "QYXS"}
SMALL = 2**28
"""Size in bytes up to which an image may have any compression ratio."""
MAX_COMPRESSION = 2000
"""Highest plausible compression ratio: a PNG of one colour reaches 1000."""


def read_pillow(path: Path) -> FileImage:
    """Read an image, or all frames of an animation.

    Raises
    ------
    FileError
        If its compression ratio is implausible, or it has no axes Y and X.
    Exception
        Of any type, if it is damaged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about unusual files that can be read
        with Image.open(path) as header:
            frames, (width, height) = getattr(header, "n_frames", 1), header.size
        if 4 * frames * width * height > SMALL + MAX_COMPRESSION * path.stat().st_size:
            size = " x ".join(map(str, [frames, height, width][frames == 1 :]))
            raise FileError(
                f"{path} claims {size} pixels, too many for the size of its file; it is damaged."
            )
        image = np.asarray(iio.imread(path, plugin="pillow"))
    if image.ndim not in AXES:
        raise FileError(f"{path} holds no image with axes Y and X.")
    return FileImage(image, AXES[image.ndim])
