"""Reading PNG, JPEG and whatever else Pillow opens."""

from __future__ import annotations

import warnings
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from PIL import Image

from napari_n2s.core.errors import FileError
from napari_n2s.io.recording import Recording

AXES = {2: "YX", 3: "YXS", 4: "QYXS"}
SMALL, DENSEST = 2**28, 2000
"""Bytes that a picture may take whatever the size of its file, and how many times as large as that
it may become beyond: a JPEG, or a PNG of one colour, that is a thousand times smaller exists."""


def read_picture(path: Path) -> Recording:
    """Read a picture, or the pictures of an animation.

    Raises
    ------
    FileError
        If it is larger than its file can hold.
    Exception
        Of any type, if it is damaged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is odd about a file that can be read
        with Image.open(path) as header:
            frames, (width, height) = getattr(header, "n_frames", 1), header.size
        if 4 * frames * width * height > SMALL + DENSEST * path.stat().st_size:
            size = " x ".join(map(str, [frames, height, width][frames == 1 :]))
            raise FileError(
                f"{path} claims {size} pixels, too many for the size of its file; it is damaged."
            )
        image = np.asarray(iio.imread(path, plugin="pillow"))
    if image.ndim not in AXES:
        raise FileError(f"{path} holds no picture with axes Y and X.")
    return Recording(image, AXES[image.ndim])
