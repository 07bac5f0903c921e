"""Quality against truth, ours and its peers, side by side on the same arrays in one run.

    python benchmarks/quality.py                               camera, Gaussian noise of sigma 25
    python benchmarks/quality.py --clean FOLDER                the same noise on a folder of images
    python benchmarks/quality.py --pairs NOISY TRUTH           NAME_1.png and NAME.png
    python benchmarks/quality.py --unlike                      writing and lattices, the same noise
    python benchmarks/quality.py --photons                     simulated fluorescence, 1 to 100
    python benchmarks/quality.py --hardships                   what microscopes do to a picture

Needs the dependency group ``benchmark``. Budgets are in minutes of five times what BM3D takes for
one image of 512 x 512 on this machine, measured first, so that a slow machine does not count. Every
method but those that say so is given the noisy image alone. PSNR has the range of the truth (255
for files); ``--affine`` fits brightness and contrast first, for truths that were stretched by
themselves. The held-out score is each method's squared error on the same pixels, hidden from it;
what it promises is the order of those blind predictions, not of the images that are delivered.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import bm3d
import numpy as np
from numpy.typing import NDArray
from skimage import data

from cases import Case, Denoiser, Image, camera, clean_folder, hardships, pairs, photons, unlike
from filters import bm3d_known_noise
from measures import compare, fit, peak, reset_peak
from napari_n2s import Model, Settings, train
from napari_n2s.core.generators import finish
from napari_n2s.filters.masked_filters import fill_hidden
from napari_n2s.images.image import open_image
from napari_n2s.preparation.prepared import prepare
from peers import FILTERS, NETWORKS, Peer

Row = dict[str, Any]
OURS: dict[str, dict[str, Any]] = {
    "pretrained": {},
    "at-once": {"seconds": 3.0},
    "scratch": {"pretrained": False},
    "unet-small": {"network": "unet-small"},
    "unet": {"network": "unet"},
    "dncnn": {"network": "dncnn"},
}
"""Our networks, by what is set otherwise than usual."""
ORDERS: dict[str, Callable[[Row], float]] = {
    "blind predictions": lambda row: row["blind_error"],
    "delivered images": lambda row: -row["psnr"],
}
"""What the truth can order methods by, the least first."""


def minute() -> float:
    """Measure the unit of every budget, in seconds: five times BM3D on 512 x 512 pixels."""
    image = data.camera().astype(np.float32)
    begin = time.perf_counter()
    bm3d.bm3d(image, 25.0)
    return 5 * (time.perf_counter() - begin)


def learn(settings: dict[str, Any], case: Case, seconds: float, seed: int) -> Model:
    """Train one of our networks for a time."""
    for progress in train(case.noisy, axes="YX", **{"seconds": seconds, "seed": seed} | settings):
        best = progress.best
    return best


def predict_blindly(model: Model, image: Image) -> Image:
    """Predict every pixel from the others, in one pass for each that learns from the rest."""
    return finish(model.applying(open_image(image, "YX"), invariant=True, quick=True))


def show_filled(
    method: Peer, denoiser: Denoiser, case: Case, hidden: NDArray[np.bool_], seconds: float
) -> Image:
    """Run a peer on the image with the hidden pixels filled from around them.

    A network that has seen them in training is trained anew; a filter keeps its strength, which
    must not be calibrated on what they were filled with.
    """
    filled = fill_hidden(case.noisy, hidden)
    if method in NETWORKS.values():
        denoiser = method(replace(case, noisy=filled), seconds)
    return denoiser(filled)


def score(blind: Image, case: Case, hidden: NDArray[np.bool_]) -> Row:
    """Compare a blind prediction of the hidden pixels with their noisy values and with the truth.

    The squared errors differ by the variance of the noise, on average. A truth that was stretched
    by itself is brought to the image's brightness and contrast, as no prediction may be.
    """
    truth = fit(case.truth, case.noisy) if case.affine else case.truth
    squares, errors = (
        (blind - each)[hidden].astype(np.float64) ** 2 for each in (case.noisy, truth)
    )
    return {
        "squares": squares,
        "held_out": float(squares.mean()),
        "blind_error": float(errors.mean()),
    }


def measure(
    cases: Iterable[Case],
    methods: dict[str, Peer | dict[str, Any]],
    seconds: float,
    seeds: int,
    quick: bool,
) -> list[Row]:
    """Run every method on every case, as many times as there are seeds if it draws any."""
    rows = []
    for case in cases:
        for name, method in methods.items():
            if method is bm3d_known_noise and case.sigma is None:
                continue
            for seed in range(seeds if isinstance(method, dict) else 1):
                reset_peak()
                begin = time.perf_counter()
                if isinstance(method, dict):
                    model = learn(method, case, seconds, seed)
                    image = model.apply(case.noisy, axes="YX")
                else:
                    denoiser = method(case, seconds)
                    image = denoiser(case.noisy)
                row = {
                    "case": case.name,
                    "method": name,
                    "seed": seed,
                    "seconds": time.perf_counter() - begin,
                    "memory": peak(),
                    **compare(image, case),
                }
                ready = prepare(open_image(case.noisy, "YX"), Settings(seed=seed))
                hidden = ready.held_out.mask[0, 0]
                if isinstance(method, dict):
                    blind = predict_blindly(model, case.noisy)
                elif quick and method in NETWORKS.values():
                    blind = np.full_like(case.noisy, np.nan)
                else:
                    blind = show_filled(method, denoiser, case, hidden, seconds)
                rows.append(row | score(blind, case, hidden))
                print(
                    f"{case.name:24} {name:32} {row['psnr']:6.2f} dB {row['seconds']:6.1f} s "
                    f"held-out {rows[-1]['held_out']:.5g}, truly {rows[-1]['blind_error']:.5g}",
                    flush=True,
                )
    return rows


def table(rows: list[Row]) -> str:
    """Lay the rows out as one table: a column for each case, then means over all."""
    cases = list(dict.fromkeys(row["case"] for row in rows))
    lines = [
        f"| PSNR, dB | {' | '.join(cases)} | mean | SSIM | RMS error >16 px, 8-16, 4-8, <4 "
        "| held-out, share of four-neighbour mean's | s | MB |",
        "|---" * (len(cases) + 7) + "|",
    ]
    raw = {row["case"]: row["held_out"] for row in rows if row["method"] == "noisy"}
    for name in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == name]
        cells = []
        for case in cases:
            found = [row["psnr"] for row in mine if row["case"] == case]
            spread = f" ± {np.std(found, ddof=1):.2f}" if len(found) > 1 else ""
            cells.append(f"{np.mean(found):.2f}{spread}")
        bands = np.mean([row["bands"] for row in mine], 0)
        relative = [row["held_out"] / raw[row["case"]] for row in mine if row["case"] in raw]
        cells += [
            f"{np.mean([row['psnr'] for row in mine]):.2f}",
            f"{np.mean([row['ssim'] for row in mine]):.3f}",
            ", ".join(f"{band:.2f}" for band in bands),
            f"{np.mean(relative):.3f}" if relative and np.isfinite(relative).all() else "",
            f"{np.mean([row['seconds'] for row in mine]):.1f}",
            f"{np.max([row['memory'] for row in mine]):.0f}",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def agreement(rows: list[Row], truth: Callable[[Row], float]) -> tuple[int, int, int]:
    """Count pairs of methods on one image that the held-out score orders as the truth does.

    Doing nothing is left out: it predicts nothing.

    Returns
    -------
    tuple of int
        The pairs in the same order; those in another whose scores differ by less than two standard
        errors of their difference, pixel by pixel, which is a toss-up; and all.
    """
    right = close = every = 0
    for case in dict.fromkeys(row["case"] for row in rows):
        scored = [
            row
            for row in rows
            if row["case"] == case
            and row["seed"] == 0
            and row["method"] != "noisy"
            and np.isfinite(row["held_out"])
        ]
        for one, two in combinations(scored, 2):
            apart = one["squares"] - two["squares"]
            same = bool(apart.mean() < 0) == (truth(one) < truth(two))
            right += same
            doubt = 2 * apart.std(ddof=1) / np.sqrt(apart.size)
            close += not same and bool(abs(apart.mean()) < doubt)
            every += 1
    return right, close, every


def main() -> None:
    """Run every method on every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--clean", type=Path, metavar="FOLDER")
    source.add_argument("--pairs", type=Path, nargs=2, metavar=("NOISY", "TRUTH"))
    source.add_argument("--unlike", action="store_true")
    source.add_argument("--photons", action="store_true")
    source.add_argument("--hardships", action="store_true")
    parser.add_argument("--sigma", type=float, default=25)
    parser.add_argument("--affine", action="store_true")
    parser.add_argument("--skip", nargs="*", default=[], help="cases to leave out")
    parser.add_argument("--minutes", type=float, default=1, help="budget of each network")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--ours", nargs="*", default=["pretrained"], choices=OURS)
    parser.add_argument("--peers", nargs="*", default=[*FILTERS, *NETWORKS])
    parser.add_argument(
        "--quick", action="store_true", help="do not train peers again for their held-out score"
    )
    parser.add_argument("--json", type=Path, help="write every row here")
    chosen = parser.parse_args()
    if chosen.hardships:
        cases = hardships()
    elif chosen.clean:
        cases = clean_folder(chosen.clean, chosen.sigma)
    elif chosen.pairs:
        cases = pairs(*chosen.pairs, chosen.affine)
    elif chosen.unlike:
        cases = unlike(chosen.sigma)
    else:
        cases = photons() if chosen.photons else camera(chosen.sigma)
    unit = minute()
    print(f"A minute is {unit:.1f} s here.")
    methods: dict[str, Peer | dict[str, Any]] = {
        name: function for name, function in (FILTERS | NETWORKS).items() if name in chosen.peers
    } | {f"ours, {name}": OURS[name] for name in chosen.ours}
    kept = (case for case in cases if case.name not in chosen.skip)
    rows = measure(kept, methods, chosen.minutes * unit, chosen.seeds, chosen.quick)
    print(table(rows))
    for name, truth in ORDERS.items():
        right, close, every = agreement(rows, truth)
        print(
            f"The held-out score orders the {name} of {right} of {every} pairs of methods as the "
            f"truth does; of the others, {close} lie within two standard errors."
        )
    if chosen.json:
        kept_rows = [{name: row[name] for name in row if name != "squares"} for row in rows]
        chosen.json.write_text(json.dumps({"minute": unit, "rows": kept_rows}))


if __name__ == "__main__":
    main()
