"""What kind of text a connector sends: the one place that knows connector names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from axonflow_hooks.policy.model import StatementKind
    from axonflow_hooks.wire.words import Phase

_SHELL_TOOLS = frozenset({"bash", "shell", "powershell", "terminal", "exec"})
_FILE_TOOLS = frozenset({"write", "edit", "multiedit", "notebookedit", "apply_patch", "str_replace"})


def statement_kind(connector_type: str, phase: Phase) -> StatementKind:
    """Take a connector (`claude_code.Bash`, `claude_code.mcp__db__query`, `postgres`) and the plane; give the kind.

    Whatever is seen on the response plane is output. A connector without a client's prefix (`postgres`, `gateway`)
    says nothing about the form of its statements: those are plain text, looked at in every way that makes sense.
    """
    if phase == "response":
        return "output"
    _client, dot, tool = connector_type.rpartition(".")
    name = tool.lower()
    if name in _SHELL_TOOLS:
        return "shell"
    if name in _FILE_TOOLS:
        return "file"
    if name.startswith("mcp__") or (dot and name.startswith("mcp")):
        return "mcp"
    return "text"
