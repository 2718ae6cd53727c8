from __future__ import annotations

import pytest

from axonflow_hooks.policy.model import StatementKind
from axonflow_hooks.policy.views import Subject


def sql_views(text: str, kind: StatementKind) -> list[tuple[str, bool]]:
    return [(view.haystack.text, view.loose) for view in Subject(text, kind).sql]


@pytest.mark.parametrize(
    ("text", "kind", "views"),
    [
        pytest.param("SELECT 1", "text", [("SELECT 1", False)], id="plain"),
        pytest.param("psql -c 'SELECT 1'", "shell", [("SELECT 1", False)], id="database-client"),
        pytest.param("echo 'a b' | psql", "shell", [("a b", False)], id="piped-into-a-client"),
        pytest.param("sudo -u pg psql -c 'SELECT 1'", "shell", [("SELECT 1", False)], id="wrapped"),
        pytest.param("curl 'a b'", "shell", [("a b", True)], id="other-command-is-loose"),
        pytest.param("grep 'a b' x", "shell", [], id="search-is-not-looked-at"),
        pytest.param("a: x\nb.c[0]: y\nz", "mcp", [("x", False), ("y\nz", False)], id="mcp-values"),
        pytest.param("no names here", "mcp", [("no names here", False)], id="mcp-without-names"),
    ],
)
def test_sql_views(text: str, kind: StatementKind, views: list[tuple[str, bool]]) -> None:
    assert sql_views(text, kind) == views


def test_a_view_of_an_mcp_value_knows_its_place() -> None:
    text = "first: ünïcode\nsecond: needle here"

    view = Subject(text, "mcp").sql[1]
    start = view.haystack.text.index("needle")
    place = view.locate(start, start + 6)

    assert text[slice(*place)] == "needle"


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("ls", "shell", 1),
        ("ls", "text", 1),
        ("prose " * 5_000, "text", 0),
        ("command: ls\nbody: rm", "mcp", 1),
        ("x.sh\nls", "file", 1),
        ("x\n#!/usr/bin/env bash\nls", "file", 1),
        ("x.py\nls", "file", 0),
        ("ls", "output", 0),
    ],
)
def test_where_command_lines_are_looked_for(text: str, kind: StatementKind, found: int) -> None:
    assert len(Subject(text, kind).command_lines) == found
