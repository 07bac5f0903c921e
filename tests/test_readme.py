"""The examples of the README run."""

import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
EXAMPLES = [each for each in re.findall("```python\n(.*?)```", README, re.S) if "SLURM" not in each]
RNG = np.random.default_rng(0)


def picture(*frames):
    return RNG.poisson(np.linspace(5, 40, 40), (*frames, 32, 40)).astype(np.uint16)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_runs(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {name: picture() for name in ("noisy", "a", "b", "weak", "nuclei", "brightfield")}
    names |= {"stack": picture(4), "movie": picture(4), "my_filter": lambda x, size: x / size}
    Path("cells").mkdir()
    tifffile.imwrite("cells/1.tif", names["a"])
    zarr.create_group("movie.zarr").create_array("0", data=names["movie"])
    short = example.replace("seconds=60", "steps=2")
    short = re.sub(r"\b(denoise|train)\(([^()\n]*)\)", r"\1(\2, steps=2)", short)
    exec(short.replace("steps=2, steps=2", "steps=2"), names)


def test_there_are_examples():
    assert len(EXAMPLES) >= 5
