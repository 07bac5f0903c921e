"""The command with unusual file names, streams and signals: a result or one sentence each.

    python benchmarks/shell_streams.py [--runs 300] [--seed 0]

Every run is a process in its own folder, with one training step on two frames of 24 x 24 pixels.
Drawn at random: the command, the file names, standard output and error, and an incident: none, a
signal once or twice, another process with the same output, or too small a limit on the file size. A
run that was killed by SIGKILL is followed by one without an incident. Signals are timed from the
start of Python itself, some 20 ms after the call.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import tifffile
import zarr

START = """
import os, sys
from napari_n2s.cli.start import main
os.write({ready}, b"!")
sys.exit(main())
"""
QUICK = ("--steps", "1", "--device", "cpu")
NAMES = (
    "plain",
    "two words",
    "x" * 235,
    "µm-細胞-\U0001f52c",
    "e\u0301",
    os.fsdecode(b"latin-\xe9\xff"),
    "line\nbreak",
    "\x1b[31mred\x1b]0;title\x07",
    "back\rspace\b\b\t",
    "right-\u202eleft",
    "-o",
    "--seed",
    "%s{0}$HOME`id`",
    "a'b\"c;d|e&f",
    "[0-9]*?",
    ".hidden",
    " ",
    "~",
)
COMMANDS = (
    "tif",
    "zarr",
    "report",
    "method",
    "calibrate",
    "pair",
    "pairs",
    "onto",
    "missing",
    "info",
)
STREAMS = ("kept", "kept", "closed", "full", "gone", "ascii")
ENDS = ("none", "none", "INT", "INT", "INT twice", "TERM", "HUP", "KILL", "two", "small")
IMAGE, OTHER = np.random.default_rng(0).poisson(20, (2, 24, 24)).astype(np.uint16)


class Run:
    """One call of the command in a folder of its own."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder, self.rng = folder, rng
        self.command = rng.choice(COMMANDS)
        self.out, self.err = rng.choice(STREAMS), rng.choice(STREAMS)
        self.end, self.limit = rng.choice(ENDS), rng.randrange(100, 4000)
        stem, other = rng.choice(NAMES), rng.choice(NAMES)
        self.source = folder / f"{stem}.tif"
        self.given = {self.source}
        self.output = folder / f"{other}_out.{'zarr' if self.command == 'zarr' else 'tif'}"
        tifffile.imwrite(self.source, IMAGE)
        self.wanted, arguments = {self.output}, ["denoise", self.source, "-o", self.output, *QUICK]
        if self.command == "report":
            report = folder / f"{other}.json"
            self.wanted.add(report)
            arguments += ["--report", report]
        elif self.command == "method":
            arguments = [*arguments[:4], "--method", "mean"]
        elif self.command == "calibrate":
            drawn = [folder / f"{other}.{ending}" for ending in ("png", "json")]
            self.wanted |= set(drawn)
            more = ["--plot", drawn[0], "--json", drawn[1]]
            arguments = ["calibrate", *arguments[1:4], *more, "--method", "mean"]
        elif self.command == "pair":
            second = folder / f"{stem}2.tif"
            tifffile.imwrite(second, OTHER)
            self.given.add(second)
            arguments += ["--pair", second]
        elif self.command == "pairs":
            folders = [folder / f"{other} {each}" for each in "ab"]
            for each, image in zip(folders, (IMAGE, OTHER), strict=True):
                each.mkdir()
                tifffile.imwrite(each / f"{stem}.tif", image)
            self.given |= {*folders, *(each / f"{stem}.tif" for each in folders)}
            made = folder / "made" / "here"
            self.output = made / f"{stem}.tif"
            self.wanted = {self.output, made, made.parent}
            arguments = ["denoise", "--pairs", *folders, "-o", made, *QUICK]
        elif self.command == "onto":
            self.output, self.wanted = self.source, set()
            arguments = ["denoise", self.source, "-o", self.source]
        elif self.command == "info":
            self.wanted, arguments = set(), ["info", self.source]
        elif self.command == "missing":
            self.wanted = set()
            arguments = ["denoise", folder / f"{stem}.none", *QUICK]
        self.arguments = [str(each) for each in arguments]

    def start(self, *, plainly: bool = False, limit: bool = False) -> subprocess.Popen[bytes]:
        """Start the process, and wait until Python has started."""
        out, err = ("kept", "kept") if plainly else (self.out, self.err)
        ready, tell = os.pipe()
        streams = {1: self._stream(out), 2: self._stream(err)}

        def prepare() -> None:
            for number, stream in streams.items():
                if stream is None:
                    os.close(number)
                elif stream != subprocess.PIPE:
                    os.dup2(stream, number)
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (self.limit, self.limit))

        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        if "ascii" in (out, err):
            environment["PYTHONIOENCODING"] = "ascii"
            environment["LC_ALL"] = "C"
        process = subprocess.Popen(
            [sys.executable, "-c", START.format(ready=tell), *self.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if streams[1] == subprocess.PIPE else None,
            stderr=subprocess.PIPE if streams[2] == subprocess.PIPE else None,
            env=environment,
            preexec_fn=prepare,
            pass_fds=[tell],
            cwd=self.folder,
        )
        os.close(tell)
        for stream in streams.values():
            if stream not in (None, subprocess.PIPE):
                os.close(stream)
        os.read(ready, 1)
        os.close(ready)
        return process

    def _stream(self, kind: str) -> int | None:
        if kind == "closed":
            return None
        if kind == "full":
            return os.open("/dev/full", os.O_WRONLY)
        if kind == "gone":
            read, write = os.pipe()
            os.close(read)
            return write
        return subprocess.PIPE

    def faults(self) -> list[str]:
        """Run the command and list the faults."""
        self.printed: list[str] = []
        process = self.start(limit=self.end == "small")
        second = self.start(plainly=True) if self.end == "two" else None
        if self.end in ("INT", "INT twice", "TERM", "HUP", "KILL"):
            number = getattr(signal, f"SIG{self.end.split()[0]}")
            time.sleep(self.rng.uniform(0, 4))
            process.send_signal(number)
            if self.end == "INT twice":
                time.sleep(self.rng.uniform(0, 0.3))
                process.send_signal(number)
        found = self._judge(process)
        if second:
            found += self._judge(second)
            good = sum(each.returncode == 0 for each in (process, second))
            if good != (2 if self.command == "info" else bool(self.wanted)):
                found.append(f"{good} of two succeeded")
        if self.end == "KILL":
            refused = self.command in ("onto", "missing") or self.output.exists()
            allowed = (2,) if refused else (0,)
            process = self.start(plainly=True)
            found += self._judge(process)
            if process.returncode not in allowed:
                found.append("the next run fails")
        self.status = process.returncode
        return found + self._left(self.status)

    def _judge(self, process: subprocess.Popen[bytes]) -> list[str]:
        """Wait for the end of a process, and check its status and what it has printed."""
        try:
            said = [
                each.decode(errors="replace") for each in process.communicate(timeout=120) if each
            ]
        except subprocess.TimeoutExpired:
            process.kill()
            return ["does not end"]
        text, status = "".join(said), process.returncode
        status = 128 - status if status < 0 else status  # as a shell reports it
        self.printed.append(text)
        allowed = {0, 2}
        if self.end != "none":
            ends = {"INT": 130, "INT twice": 130, "TERM": 143, "HUP": 129, "KILL": 137}
            allowed.add(ends.get(self.end, 0))
        found = [] if status in allowed else [f"status {status}"]
        found += ["a traceback"] * ("Traceback" in text or "Exception ignored" in text)
        found += ["not printable"] * (not all(line.isprintable() for line in text.splitlines()))
        found += ["internal error"] * ("Unexpected error" in text)
        complaints = [line for line in text.splitlines() if line.startswith("napari-n2s: ")]
        spoilt = sum("Nothing more can be printed" in line for line in complaints)
        if len(complaints) - spoilt > (status != 0):
            found.append("more than one sentence")
        if status == 2 and self.err in ("kept", "ascii") and len(complaints) - spoilt != 1:
            found.append("no sentence")
        return found

    def _left(self, status: int) -> list[str]:
        """Check the content of the folder."""
        there = set(self.folder.rglob("*"))
        inside = {each for each in there if any(p.suffix == ".zarr" for p in each.parents)}
        part = self.output.with_name(f"{self.output.name}.part")
        going_on = {each for each in there if each == part or part in each.parents}
        extra = there - inside - self.given - self.wanted - going_on
        found = [f"left over: {each.name!r}" for each in sorted(extra)]
        if going_on and (status == 0 or not (part / "unfinished.safetensors").exists()):
            found.append("a job left that cannot go on")
        if self.status == 0 and self.wanted - there:
            found.append("a result is missing")
        if not np.array_equal(tifffile.imread(self.source), IMAGE):
            found.append("the input was changed")
        if self.wanted and self.output.exists():
            zarred = self.output.suffix == ".zarr"
            result = zarr.open(str(self.output))["0"][:] if zarred else tifffile.imread(self.output)
            if result.shape != IMAGE.shape or not np.isfinite(result).all() or not result.std():
                found.append("the result is not whole")
        return found


def main() -> None:
    """Draw the runs, and print the faults and a summary."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    rng = random.Random(chosen.seed)
    ends: Counter[tuple[str, int]] = Counter()
    bad, begin = 0, time.monotonic()
    for number in range(chosen.runs):
        with tempfile.TemporaryDirectory() as folder:
            run = Run(Path(folder), rng)
            found = run.faults()
            ends[run.end, run.status] += 1
            if found:
                bad += 1
                print(f"{number}: {'; '.join(found)}: {run.arguments!r}")
                print(f"   {run.end}, status {run.status}, out {run.out}, err {run.err}")
                print("\n".join(f"   {text!r}" for text in run.printed), flush=True)
    for (end, status), count in sorted(ends.items()):
        print(f"{end:10} status {status:3}: {count}")
    print(f"{chosen.runs} runs, {bad} faults, {time.monotonic() - begin:.0f} s.")


if __name__ == "__main__":
    main()
