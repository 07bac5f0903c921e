"""Subpackages import in one direction, only the docks import Qt or napari, and all stay small."""

import re
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

import napari_n2s

PACKAGE = Path(napari_n2s.__file__).parent
FOLDERS = sorted({each.parent for each in PACKAGE.rglob("*.py")} - {PACKAGE})
FILES, LINES, LONGEST = 9, 2000, 300


def test_imports_keep_the_contracts():
    config = Path(__file__).parents[1] / "pyproject.toml"
    assert lint_imports(str(config), no_cache=True, is_debug_mode=False) == EXIT_STATUS_SUCCESS


def test_only_one_module_touches_the_layers_of_a_viewer():
    found = [p.name for p in PACKAGE.rglob("*.py") if re.search(r"viewer\.layers", p.read_text())]
    assert found == ["layers.py"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda each: each.name)
def test_a_room_is_small(folder):
    files = [each for each in folder.glob("*.py") if each.name != "__init__.py"]
    lengths = [len(each.read_text(encoding="utf-8").splitlines()) for each in files]
    assert len(files) <= FILES
    assert sum(lengths) <= LINES
    assert max(lengths, default=0) < LONGEST
