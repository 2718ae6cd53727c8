from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.resident.life import Life

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Life:
    source = tmp_path / "plugin" / "room" / "module.py"
    source.parent.mkdir(parents=True)
    source.write_text("x = 1")
    loaded = types.ModuleType("a_module_of_the_plugin")
    loaded.__file__ = str(source)
    monkeypatch.setitem(sys.modules, loaded.__name__, loaded)
    (tmp_path / "socket").touch()
    made = Life(str(tmp_path / "plugin"), str(tmp_path / "socket"))
    made.begin()
    return made


def test_one_that_is_in_use_stays(life: Life) -> None:
    assert life.reason_to_leave() == ""
    assert life.owns_socket()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(lambda folder: (folder / "socket").unlink(), "socket", id="socket-removed"),
        pytest.param(
            lambda folder: ((folder / "new").touch(), (folder / "new").replace(folder / "socket")),
            "socket",
            id="socket-replaced",
        ),
        pytest.param(
            lambda folder: (folder / "plugin/room/module.py").write_text("x = 22"), "files", id="file-changed"
        ),
        pytest.param(lambda folder: (folder / "plugin/room/module.py").unlink(), "files", id="file-removed"),
        pytest.param(lambda folder: (folder / "plugin").rename(folder / "moved"), "files", id="plugin-moved"),
    ],
)
def test_it_leaves_when_its_place_is_gone(
    life: Life, tmp_path: Path, change: Callable[[Path], Any], reason: str
) -> None:
    change(tmp_path)
    assert reason in life.reason_to_leave()


def test_new_files_beside_its_own_do_not_matter(life: Life, tmp_path: Path) -> None:
    (tmp_path / "plugin" / "room" / "__pycache__").mkdir()
    (tmp_path / "plugin" / "room" / "other.py").touch()
    assert life.reason_to_leave() == ""


def test_it_leaves_when_nobody_has_come_for_long(life: Life) -> None:
    life.idle_s = 0.0
    assert "idle" in life.reason_to_leave()
