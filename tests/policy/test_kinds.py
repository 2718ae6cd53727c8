from __future__ import annotations

import pytest

from axonflow_hooks.policy.kinds import statement_kind
from axonflow_hooks.policy.model import StatementKind
from axonflow_hooks.wire.words import Phase


@pytest.mark.parametrize(
    ("connector", "phase", "kind"),
    [
        ("claude_code.Bash", "request", "shell"),
        ("claude_code.Write", "request", "file"),
        ("claude_code.Edit", "request", "file"),
        ("claude_code.MultiEdit", "request", "file"),
        ("claude_code.NotebookEdit", "request", "file"),
        ("claude_code.mcp__db__query", "request", "mcp"),
        ("claude_code.WebFetch", "request", "text"),
        ("gateway", "request", "text"),
        ("postgres", "request", "text"),
        ("claude_code.Bash", "response", "output"),
        ("postgres", "response", "output"),
    ],
)
def test_statement_kind(connector: str, phase: Phase, kind: StatementKind) -> None:
    assert statement_kind(connector, phase) == kind
