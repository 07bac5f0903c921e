"""Recorruption: of one image with correlated noise, two whose noise is independent.

Noise n' of the same covariance as that of an image x, in a proportion a, gives x + a n' and
x - n' / a. If the noise is Gaussian, that of the two is independent, however it is correlated
between pixels: its covariance is C - C = 0. A network that predicts the second from the first
learns the truth, without a blind spot that would hide the nearest pixels from it (Pang, Zheng, Quan
& Ji, "Recorrupted-to-Recorrupted", CVPR 2021). What must be known is the covariance. It is measured
in the smooth parts of the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import convolve
from torch import Tensor

from napari_n2s.noise.noise_model import NoiseCurve
from napari_n2s.noise.residuals import LAGS, Residuals, autocorrelation, residuals_of

PROPORTION = 0.5
"""a: with less, the target is noisier; with more, the input."""
SMOOTH = 0.1
"""Fraction of the pixels in which the noise is measured, the smoothest."""
NOTICEABLE = 0.05
"""Correlation from which on it is noticeable."""
BLUR, REACH = 2.0, 5
"""Standard deviation in pixels of the Gaussian that measures the brightness around a pixel, on
which the variance of its noise depends, and radius at which it is cut off."""
DIFFERENCES = [
    np.array(each, float)
    for each in ([[1, -1]], [[1], [-1]], [[1, -2, 1]], [[1], [-2], [1]], [[1, -1], [-1, 1]])
]
"""Kernels of the differences from which the variance of the noise is estimated."""
LEAST_OF_SIX = 1.1
"""Factor by which the least of the estimates is too small on average, over twelve images whose
noise was known."""
BINS, MIN_PIXELS = 16, 500
"""Maximum number of bins of intensity for which the variance is measured, and minimum number of
pixels in one."""
FLOOR = 0.3
"""Lower bound of the variance, relative to the least that is measured."""
PERIOD, PERIODIC = 2, 4.0
"""Period in pixels of a colour camera's filter, and deviation of the variance between the pixels of
a period, in standard deviations of independent noise, from which on noise has it: 10 in four
captures of a demosaiced image, at most 2.5 in 33 other images."""
GRID, RADIUS = 64, 7
"""Side in pixels of the period on which the spectrum of the noise is computed, and radius of the
kernel that follows from it."""
MIN_POWER = 1e-3
"""Minimum power of the noise at any frequency, relative to the mean: a measured covariance need not
be positive definite."""


class Recorrupted(NamedTuple):
    """Two images with independent noise.

    Attributes
    ----------
    seen : Tensor
        The network input.
    target : Tensor
        What is predicted from it.
    """

    seen: Tensor
    target: Tensor


@dataclass(frozen=True)
class Recorruption:
    """Noise like that of an image.

    Attributes
    ----------
    noise : NoiseCurve
        Its variance over intensity.
    kernel : Tensor, shape (C, 1, k, k)
        Kernels of unit norm that correlate it along Y and X, for each channel.
    periodic : bool
        Whether it differs between the pixels of a colour camera's filter, as in demosaiced images,
        which the kernel does not describe.
    """

    noise: NoiseCurve
    kernel: Tensor
    periodic: bool = False

    def apply(self, x: Tensor, generator: torch.Generator) -> Recorrupted:
        """Recorrupt images ``(B, C, *space)`` on the generator's device."""
        noise = self.draw(x, generator)
        return Recorrupted(x + PROPORTION * noise, x - noise / PROPORTION)

    def draw(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Draw noise like that of images ``(B, C, *space)`` on the generator's device."""
        *other, height, width = x.shape
        side = self.kernel.shape[-1] - 1
        white = torch.randn(
            *other, height + side, width + side, generator=generator, device=generator.device
        )
        gain, offset, least = (
            torch.from_numpy(each).to(x).reshape(-1, *(1,) * (x.ndim - 2))
            for each in (self.noise.gain, self.noise.offset, self.noise.least)
        )
        variance = torch.maximum(gain * _brightness(x) + offset, least)
        return _convolve(white, self.kernel.to(white)).to(x) * variance.sqrt()

    def at_offsets(self, channel: int = 0, reach: int | None = None) -> NDArray[np.float64]:
        """Return the correlation of the noise of two pixels at each offset along Y and X.

        Parameters
        ----------
        channel : int
        reach : int, optional
            Largest offset; that up to which any is noticeable if left out.

        Returns
        -------
        ndarray, shape (2 * reach + 1, 2 * reach + 1)
            1 in the middle.
        """
        kernel = self.kernel[channel, 0].double().numpy()
        every = 2 * RADIUS if reach is None else reach
        windows = sliding_window_view(np.pad(kernel, every), kernel.shape)
        found: NDArray[np.float64] = np.einsum("yxij,ij->yx", windows, kernel)
        if reach is None:
            down, along = np.nonzero(np.abs(found) > NOTICEABLE)
            reach = int(max(np.abs(down - every).max(), np.abs(along - every).max(), 1))
            middle = slice(every - reach, every + reach + 1)
            found = found[middle, middle]
        return found

    def correlation(self, channel: int, side: int) -> NDArray[np.float64]:
        """Return the correlation matrix ``(side**2, side**2)`` of the noise of a square."""
        at_offset = self.at_offsets(channel, side - 1)
        places = np.stack(np.meshgrid(*(np.arange(side),) * 2, indexing="ij"), -1).reshape(-1, 2)
        down, along = (places[:, None] - places + side - 1).transpose(2, 0, 1)
        matrix: NDArray[np.float64] = at_offset[down, along]
        return matrix


def measure_recorruption(
    x: NDArray[np.floating], missing: NDArray[np.bool_], radius: tuple[int, ...]
) -> Recorruption | None:
    """Measure the noise of images of one kind.

    Parameters
    ----------
    x : ndarray, shape (N, C, *space)
        With missing pixels filled in.
    missing : ndarray of bool, shape (N, 1 or C, *space)
    radius : tuple of int
        Along each axis of space, up to which noise is correlated.

    Returns
    -------
    Recorruption or None
        None if the image is too small or constant.
    """
    curves, kernels, periodic = [], [], False
    masks = np.broadcast_to(missing, x.shape)
    for channel in range(x.shape[1]):
        found = residuals_of(x[:, channel], masks[:, channel])
        if not found:
            return None
        reach = tuple(min(LAGS, r + 1) for r in radius[-2:])
        kernels.append(_square_root(autocorrelation(found, SMOOTH, reach)))
        periodic |= _is_periodic(found)
        inside = tuple(r + (r > 0) for r in radius[-2:])
        curves.append(_measure_curve(residuals_of(x[:, channel], masks[:, channel], inside)))
    curve = NoiseCurve(
        *(
            np.concatenate([getattr(each, name) for each in curves])
            for name in ("gain", "offset", "least")
        )
    )
    return Recorruption(curve, torch.from_numpy(np.stack(kernels)[:, None]).float(), periodic)


def _is_periodic(found: Sequence[Residuals]) -> bool:
    """Whether the variance of residuals differs between the pixels of a period."""
    deviations = []
    for residuals in found:
        smooth = residuals.smooth(SMOOTH)
        squares = np.where(smooth, residuals.whitened(smooth) ** 2, 0)
        phases = [np.s_[y::PERIOD, x::PERIOD] for y in range(PERIOD) for x in range(PERIOD)]
        counts = np.array([smooth[phase].sum() for phase in phases]).clip(1)
        variances = np.array([squares[phase].sum() for phase in phases]) / counts
        chance = (2 / counts) ** 0.5 * variances.mean()
        deviations.append(np.mean(((variances - variances.mean()) / chance) ** 2))
    return bool(np.mean(deviations) ** 0.5 > PERIODIC)


def _measure_curve(found: Sequence[Residuals]) -> NoiseCurve:
    """Fit the variance of the noise over intensity to planes of one channel.

    Structure adds to the residuals of bright parts. Differences of adjacent pixels contain less of
    it, and a part of the noise that is known from the smoothest parts. In each bin of intensity the
    least of these estimates has the least structure.
    """
    predicted, roughness, *squares = (
        np.concatenate(each)
        for each in zip(*(_squares_of_noise(each) for each in found), strict=True)
    )
    bins = []
    order = np.argsort(predicted)
    for part in np.array_split(order, max(1, min(BINS, order.size // MIN_PIXELS))):
        smooth = part[np.argsort(roughness[part])[: max(1, round(SMOOTH * part.size))]]
        level = LEAST_OF_SIX * min(float(each[smooth].mean()) for each in squares)
        bins.append((float(predicted[smooth].mean()), max(level, 1e-12)))
    centres, levels = np.array(bins).T
    points = np.stack([centres, np.ones_like(centres)], 1) / levels[:, None]
    (gain, offset), *_ = np.linalg.lstsq(points, np.ones_like(levels), rcond=None)
    if gain < 0:  # photon noise grows with intensity
        gain, offset = 0.0, 1 / np.mean(1 / levels)
    return NoiseCurve(*(np.array([each]) for each in (gain, offset, FLOOR * levels.min())))


def _squares_of_noise(residuals: Residuals) -> list[NDArray[np.float64]]:
    """Return prediction, roughness, and estimates of the squared noise of the known pixels."""
    known, smooth = np.isfinite(residuals.roughness), residuals.smooth(SMOOTH)
    own = residuals.image - residuals.predicted
    estimates = [own**2]
    for kernel in DIFFERENCES:
        squares = convolve(residuals.image, kernel, mode="nearest") ** 2
        share = float(squares[smooth].mean()) / max(float(estimates[0][smooth].mean()), 1e-12)
        estimates.append(squares / max(share, 1e-12))
    return [each[known] for each in (residuals.predicted, residuals.roughness, *estimates)]


def _square_root(correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the kernel of unit norm that gives white noise a correlation.

    Negative correlation beyond the nearest pixels is that of the prediction errors.
    """
    reach = np.array(correlation.shape) // 2
    down, along = np.ix_(*(np.arange(-r, r + 1) for r in reach))
    far = np.maximum(np.abs(down), np.abs(along)) > 1
    periodic = np.zeros((GRID, GRID))
    periodic[down, along] = np.where(far, correlation.clip(0), correlation)
    power = np.fft.fft2(periodic).real
    power = np.maximum(power, MIN_POWER * power.mean())
    root = np.fft.fftshift(np.fft.ifft2(np.sqrt(power)).real)
    middle = slice(GRID // 2 - RADIUS, GRID // 2 + RADIUS + 1)
    kernel: NDArray[np.float64] = root[middle, middle]
    return kernel / np.linalg.norm(kernel)


def _brightness(x: Tensor) -> Tensor:
    """Measure the brightness around each pixel."""
    line = torch.exp(-(torch.arange(-REACH, REACH + 1.0) ** 2) / (2 * BLUR**2))
    kernel = torch.outer(line, line)
    kernel = (kernel / kernel.sum()).to(x).expand(x.shape[1], 1, -1, -1)
    *other, height, width = x.shape
    padded = F.pad(x.reshape(-1, 1, height, width), [REACH] * 4, mode="replicate").reshape(
        *other, height + 2 * REACH, width + 2 * REACH
    )
    return _convolve(padded, kernel)


def _convolve(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolve each channel ``(B, C, *space)`` along Y and X by its kernel ``(C, 1, k, k)``."""
    batch, channels, *_, height, width = x.shape
    planes = x.movedim(1, -3).reshape(-1, channels, height, width)
    found = F.conv2d(planes, kernel, groups=channels)
    return found.reshape(batch, *x.shape[2:-2], channels, *found.shape[-2:]).movedim(-3, 1)
