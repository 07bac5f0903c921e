"""The house: nothing imports upward, and only the docks know of a window."""

import ast
from pathlib import Path

import pytest

import napari_n2s

HOUSE = Path(napari_n2s.__file__).parent
WINDOW = ("qtpy", "napari", "magicgui", "superqt", "pyqtgraph", "vispy")
FORBIDDEN = {
    "ideas": ("napari_n2s.work", "napari_n2s.docks", "napari_n2s.cli", *WINDOW),
    "work": ("napari_n2s.docks", "napari_n2s.cli", *WINDOW),
    ".": WINDOW,
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("floor", FORBIDDEN)
def test_nothing_imports_upward(floor):
    files = list((HOUSE / floor).glob("*.py"))
    assert files
    for path in files:
        for name in imports(path):
            for forbidden in FORBIDDEN[floor]:
                assert name != forbidden, f"{path.name} imports {name}"
                assert not name.startswith(f"{forbidden}."), f"{path.name} imports {name}"


def test_only_one_room_touches_the_layers():
    rooms = [p for p in (HOUSE / "docks").glob("*.py") if "viewer.layers" in p.read_text("utf-8")]
    assert [p.name for p in rooms] == ["layers.py"]
