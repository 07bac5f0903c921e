"""The table of what ours is compared with."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from cases import Case, Denoiser
from filters import (
    best_blur,
    bm3d_known_noise,
    bm3d_stabilised,
    donut_median,
    nl_means,
    nothing,
    total_variation,
    wavelet,
)
from recipes import chequerboard_pairs, noise2self_recipe, zero_shot_pairs

Peer = Callable[[Case, float], Denoiser]

FILTERS: dict[str, Peer] = {
    "noisy": nothing,
    "Gaussian blur, width by truth": best_blur,
    "donut median": donut_median,
    "wavelet, calibrated": wavelet,
    "total variation, calibrated": total_variation,
    "non-local means, calibrated": nl_means,
    "BM3D, given σ": bm3d_known_noise,
    "BM3D, stabilised": bm3d_stabilised,
}
NETWORKS: dict[str, Peer] = {
    "Noise2Self recipe": noise2self_recipe,
    "chequerboard pairs": chequerboard_pairs,
    "ZS-N2N": zero_shot_pairs,
}
if find_spec("careamics"):
    from noise2void import careamics

    NETWORKS["Noise2Void, CAREamics"] = careamics
