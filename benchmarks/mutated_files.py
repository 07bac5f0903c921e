"""Fuzzing with damaged files: each must give a result or one sentence, fast and in little memory.

    python benchmarks/mutated_files.py tiff --count 2000

Valid files are copied and damaged at random, reproducibly for a seed. Each is read, written and
read again in a worker process with limits of time and memory; files that give neither a result nor
one sentence are kept and listed. Exit status 1 if there are any.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import mutated_arrays
import mutations

KINDS = mutations.KINDS | mutated_arrays.KINDS
SECONDS, MEMORY = 10, 2**30
"""Limits: seconds for a file, bytes beyond the start of the worker."""
READ_WHOLE = 2**26
"""Size in bytes up to which an image is read and written; of a larger one, a pixel is read."""
MAX_SENTENCE = 500
"""Characters of a sentence, without the path."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("mutated_failures"))
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # which logs an error for each
    if chosen.worker:
        _work(KINDS[chosen.kind].use or _read_and_write)
        return
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(bool(_run(chosen, Path(folder))))


def _run(chosen: argparse.Namespace, folder: Path) -> int:
    kind, outcomes, slowest, most = KINDS[chosen.kind], Counter(), 0.0, 0
    (folder / "valid").mkdir()
    seeds, worker, failures = kind.seeds(folder / "valid"), Worker(chosen.kind), 0
    for number in range(chosen.count):
        rng = Random(f"{chosen.seed} {number}")
        seed = rng.choice(seeds)
        place = folder / f"{number}"
        place.mkdir()
        path = place / seed.name
        copy(seed, path)
        kind.mutate(path, rng)
        answer = worker.ask(path)
        slowest, most = max(slowest, answer["seconds"]), max(most, answer["memory"])
        outcomes[answer["outcome"]] += 1
        if answer["outcome"] not in ("result", "sentence"):
            failures += 1
            chosen.keep.mkdir(exist_ok=True)
            kept = chosen.keep / f"{chosen.kind}_{chosen.seed}_{number}_{seed.name}"
            if not kept.exists():
                copy(path, kept)
            print(f"{kept}: {answer['outcome']}: {answer['words']}", flush=True)
        shutil.rmtree(place)
    worker.end()
    counted = ", ".join(f"{count} {name}" for name, count in outcomes.most_common())
    print(
        f"{chosen.count} damaged {chosen.kind} files (seed {chosen.seed}): {counted}; "
        f"slowest {slowest:.1f} s, at most {most / 2**20:.0f} MB beyond the start."
    )
    return failures


def copy(path: Path, there: Path) -> None:
    """Copy a file or a folder."""
    if path.is_dir():
        shutil.copytree(path, there, symlinks=True)
    else:
        shutil.copy2(path, there)


class Worker:
    """A process that reads one file after another, and is replaced if it crashes or times out."""

    def __init__(self, kind: str) -> None:
        self._command = [sys.executable, __file__, kind, "--worker"]
        self._process: subprocess.Popen[str] | None = None

    def ask(self, path: Path) -> dict:
        """Read a file; return the outcome, the message, and the seconds and bytes it took."""
        if self._process is None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            self._process.stdout.readline()
        began = time.monotonic()
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], SECONDS)
        line = self._process.stdout.readline() if ready else ""
        if line:
            return json.loads(line) | {"seconds": time.monotonic() - began}
        outcome = "crash" if ready else "too slow"
        self.end()
        return {"outcome": outcome, "words": "", "seconds": time.monotonic() - began, "memory": 0}

    def end(self) -> None:
        """End the process."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _work(use: Callable[[Path], None]) -> None:
    if use is not _read_and_write:
        import napari_n2s.pipeline.resumable  # noqa: F401 (torch must not count as memory of a file)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print("ready", flush=True)
    for line in sys.stdin:
        outcome, words = _try(Path(line.rstrip("\n")), use)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) * 1024
        print(json.dumps({"outcome": outcome, "words": words, "memory": grown}), flush=True)


def _try(path: Path, use: Callable[[Path], None]) -> tuple[str, str]:
    """Read and write a file; return the outcome and the message."""
    from napari_n2s.core.errors import N2SError

    try:
        use(path)
    except N2SError as error:
        words = str(error)
        one = (
            "\n" not in words and words.endswith(".") and len(words) < MAX_SENTENCE + len(str(path))
        )
        if "fit into memory" in words:
            return "memory", words
        return ("sentence" if one else "no sentence"), words
    except BaseException as error:
        trace = traceback.extract_tb(error.__traceback__)
        place = " < ".join(f"{Path(each.filename).name}:{each.lineno}" for each in trace[:-7:-1])
        return "traceback", f"{type(error).__name__}: {str(error)[:200]} ({place})"
    return "result", ""


def _read_and_write(path: Path) -> None:
    import numpy as np

    from napari_n2s.images.image import open_image
    from napari_n2s.io import output_paths, reading, writing
    from napari_n2s.io.file_axes import read_axes

    source = reading.read_image(path)
    image = open_image(source.image)
    read_axes(path, image.shape)
    output = output_paths.default_output(path, source.file_format)
    if image.nbytes > READ_WHOLE:
        image.read(tuple(slice(0, 1) for _ in image.shape))
        return
    with writing.open_output(output, np.dtype("float32"), source) as out:
        out[image.whole] = image.read(image.whole).astype(np.float32)
    again = reading.read_image(output)
    if sorted(again.image.shape) != sorted(image.shape):  # OME-Zarr has its own order of axes
        raise AssertionError(f"{image.shape} came back as {again.image.shape}")


if __name__ == "__main__":
    main()
