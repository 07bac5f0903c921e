"""Quality against truth, ours and its peers, side by side on the same arrays in one run.

    python benchmarks/quality.py                               camera, Gaussian noise of sigma 25
    python benchmarks/quality.py --clean FOLDER                the same noise on a folder of images
    python benchmarks/quality.py --pairs NOISY TRUTH           NAME_1.png and NAME.png
    python benchmarks/quality.py --photons                     simulated fluorescence, 1 to 100
    python benchmarks/quality.py --hardships                   what microscopes do to a picture

Needs the dependency group ``benchmark``. Budgets are in minutes of five times what BM3D takes for
one image of 512 x 512 on this machine, measured first, so that a slow machine does not count. Every
method but those that say so is given the noisy image alone. PSNR has the range of the truth (255
for files); ``--affine`` fits brightness and contrast first, for truths that were stretched by
themselves. The held-out score is each method's squared error on the same pixels, hidden from it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

import bm3d
import numpy as np
import torch
from cases import Case, camera, clean_folder, hardships, pairs, photons
from filters import bm3d_told
from measures import compare, peak, reset_peak
from peers import FILTERS, NETWORKS, Peer
from skimage import data

from napari_n2s import Settings, denoise
from napari_n2s.ideas.blindspot import fill
from napari_n2s.ideas.settings import choices
from napari_n2s.work.material import gather


def minute() -> float:
    """Measure the unit of every budget, in seconds: five times BM3D on 512 x 512 pixels."""
    image = data.camera().astype(np.float32)
    begin = time.perf_counter()
    bm3d.bm3d(image, 25.0)
    return 5 * (time.perf_counter() - begin)


def ours(network: str, case: Case, seconds: float, seed: int) -> tuple[np.ndarray, float]:
    """Train one of our networks for a time; its own report gives the held-out score."""
    image, report = denoise(case.noisy, axes="YX", seconds=seconds, network=network, seed=seed)
    return image, report.network.loss


def held_out_score(function: Peer, case: Case, seconds: float) -> float:
    """Score a peer that is shown the image with the held-out pixels filled from around them."""
    hidden = gather(case.noisy, "YX", Settings()).blocked[0, 0]
    noisy = torch.from_numpy(case.noisy)[None, None]
    filled = fill(noisy, hidden[None, None], "neighbours")[0, 0].numpy()
    shown = Case(case.name, filled, case.truth, case.peak, case.sigma, case.affine)
    error = function(shown, seconds)(filled) - case.noisy
    return float(np.mean(error[hidden.numpy()] ** 2))


def measure(
    cases: Iterable[Case], methods: dict[str, Peer | str], seconds: float, seeds: int, quick: bool
) -> list[dict[str, Any]]:
    """Run every method on every case, as many times as there are seeds if it draws any."""
    rows = []
    for case in cases:
        for name, method in methods.items():
            if method is bm3d_told and case.sigma is None:
                continue
            mine = isinstance(method, str)
            for seed in range(seeds if mine else 1):
                reset_peak()
                begin = time.perf_counter()
                if mine:
                    image, score = ours(method, case, seconds, seed)
                else:
                    image, score = method(case, seconds)(case.noisy), float("nan")
                row = {
                    "case": case.name,
                    "method": name,
                    "seed": seed,
                    "seconds": time.perf_counter() - begin,
                    "memory": peak(),
                    **compare(image, case),
                }
                learns = method in NETWORKS.values()
                if not mine and not (quick and learns):
                    score = held_out_score(method, case, seconds)
                rows.append(row | {"held_out": score})
                print(
                    f"{case.name:24} {name:32} {row['psnr']:6.2f} dB {row['seconds']:6.1f} s "
                    f"held-out {score:.5g}",
                    flush=True,
                )
    return rows


def table(rows: list[dict[str, Any]]) -> str:
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


def agreement(rows: list[dict[str, Any]]) -> tuple[int, int]:
    """Count pairs of methods on one image that the held-out score orders as the truth does.

    The score is of what each predicts blindly; the truth is compared with what it delivers. Doing
    nothing is left out: it predicts nothing.
    """
    right = every = 0
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
            every += 1
            right += (one["held_out"] < two["held_out"]) == (one["psnr"] > two["psnr"])
    return right, every


def main() -> None:
    """Run every method on every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--clean", type=Path, metavar="FOLDER")
    source.add_argument("--pairs", type=Path, nargs=2, metavar=("NOISY", "TRUTH"))
    source.add_argument("--photons", action="store_true")
    source.add_argument("--hardships", action="store_true")
    parser.add_argument("--sigma", type=float, default=25)
    parser.add_argument("--affine", action="store_true")
    parser.add_argument("--skip", nargs="*", default=[], help="cases to leave out")
    parser.add_argument("--minutes", type=float, default=1, help="budget of each network")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--networks", nargs="*", default=["donut"], choices=choices("network"))
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
    else:
        cases = photons() if chosen.photons else camera(chosen.sigma)
    unit = minute()
    print(f"A minute is {unit:.1f} s here.")
    methods: dict[str, Peer | str] = {
        name: function for name, function in (FILTERS | NETWORKS).items() if name in chosen.peers
    } | {f"ours, {network}": network for network in chosen.networks}
    kept = (case for case in cases if case.name not in chosen.skip)
    rows = measure(kept, methods, chosen.minutes * unit, chosen.seeds, chosen.quick)
    print(table(rows))
    right, every = agreement(rows)
    print(f"The held-out score orders {right} of {every} pairs of methods as the truth does.")
    if chosen.json:
        chosen.json.write_text(json.dumps({"minute": unit, "rows": rows}))


if __name__ == "__main__":
    main()
