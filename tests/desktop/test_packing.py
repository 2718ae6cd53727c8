"""Packing the extension where what it takes cannot be had: one line that says what, and nothing left behind."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from devtools.mcpb import main

if TYPE_CHECKING:
    from pathlib import Path


def packed(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Give what packing ends with."""
    monkeypatch.setattr(sys, "argv", ["mcpb", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return str(ended.value)


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    out = tmp_path / "dist"
    said = packed(["uv", "--out", str(out)], monkeypatch)
    assert said.endswith(".mcpb cannot be packed: node is not installed")
    assert not out.exists()


def test_an_unknown_variant_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert packed(["zip"], monkeypatch) == "2"
    assert "a variant is one of uv, portable" in capsys.readouterr().err
