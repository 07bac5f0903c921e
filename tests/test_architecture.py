"""Imports run in one direction, only the docks know of a window, and files stay short."""

import re
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

import napari_n2s

ROOT = Path(__file__).parents[1]
PACKAGE = Path(napari_n2s.__file__).parent
FOLDERS = sorted({each.parent for each in PACKAGE.rglob("*.py")} - {PACKAGE})
FILES, LINES, LONGEST = 9, 2000, 300


def test_imports_keep_the_contracts():
    config = str(ROOT / "pyproject.toml")
    assert lint_imports(config, no_cache=True, is_debug_mode=False) == EXIT_STATUS_SUCCESS


def test_only_one_module_touches_the_layers_of_a_viewer():
    found = [p.name for p in PACKAGE.rglob("*.py") if re.search(r"viewer\.layers", p.read_text())]
    assert found == ["layers.py"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda each: each.name)
def test_a_room_is_small(folder):
    files = [each for each in folder.glob("*.py") if each.name != "__init__.py"]
    assert len(files) <= FILES
    assert sum(map(length, files)) <= LINES


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks", "training"])
def test_a_file_is_short(folder):
    lengths = {each: length(each) for each in (ROOT / folder).rglob("*.py")}
    assert lengths
    assert not [each for each, lines in lengths.items() if lines >= LONGEST]


def length(path):
    return len(path.read_text(encoding="utf-8").splitlines())
