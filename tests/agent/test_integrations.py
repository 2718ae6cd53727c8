"""Which callers switch on the policies of which integration (wire 2.3)."""

from __future__ import annotations

import pytest

from axonflow_hooks.agent.integrations import integration_of_client, integration_of_connector


@pytest.mark.parametrize(
    ("connector", "expected"),
    [
        ("claude_code.Bash", {"claude-code"}),
        ("claude_code.mcp__x__y", {"claude-code"}),
        ("cursor.Shell", {"cursor"}),
        ("postgres", set()),
        ("not_claude_code.Bash", set()),
        ("", set()),
    ],
)
def test_connectors(connector: str, expected: set[str]) -> None:
    assert integration_of_connector(connector) == expected


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("claude-code", {"claude-code"}),
        ("Claude Code", {"claude-code"}),
        ("codex-mcp-client", {"codex"}),
        ("codexterity", set()),
        ("inspector", set()),
        (None, set()),
        (7, set()),
    ],
)
def test_clients(client: object, expected: set[str]) -> None:
    assert integration_of_client(client) == expected
