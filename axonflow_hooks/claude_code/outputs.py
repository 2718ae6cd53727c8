"""What a finished tool call leaves for the model to read: which texts to scan, and which of them can be replaced."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.claude_code.edits import edits_of
from axonflow_hooks.claude_code.leaves import Leaf, leaves_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.claude_code.events import HookEvent

_WRITTEN_FIELDS: Final = {"Write": "content", "NotebookEdit": "new_source"}
_EDITS: Final = frozenset({"Edit", "MultiEdit"})
# Of what Read gives: the name that the model has asked for, and images.
_NOT_READ: Final = (("filePath",), ("base64",))
READING_TOOLS: Final = frozenset({"Read", "WebFetch", "WebSearch"})
"""Tools that only bring something to read: looked at where the user wants it (`scan_reads`)."""
_FAILED: Final = frozenset({"PostToolUseFailure", "FailedOutput"})
# Strings of a Bash result that are the host's, not the command's.
_BASH_TEXT: Final = frozenset({"stdout", "stderr"})
_AI_AGENT: Final = re.compile(r"claude-code_(\d+)-(\d+)-(\d+)")
REPLACING_SINCE: Final = (2, 1, 121)
"""The first Claude Code release that replaces any tool's output; earlier ones do so for MCP tools only."""


@dataclass(frozen=True, slots=True)
class ScannableOutput:
    """The texts of one finished call. `replaceable` says whether the model can be shown other text instead."""

    leaves: tuple[Leaf, ...]
    replaceable: bool
    exposed_where: str
    """Where the texts are when they cannot be replaced, in words for the user."""
    from_outside: bool = True
    """Whether the call brought them, rather than the model that made it."""


def scannable_output(event: HookEvent, environ: Mapping[str, str]) -> ScannableOutput:
    """Take the event of a finished call and give the texts to scan."""
    if event.name in _FAILED:
        return ScannableOutput(_single(event.error), replaceable=False, exposed_where="the error text above")
    tool = event.tool_name
    if tool in _WRITTEN_FIELDS or tool in _EDITS:
        path = event.tool_input.get("file_path") or event.tool_input.get("notebook_path") or "the file"
        where = f"{path}, which is already written"
        return ScannableOutput(_written(event), replaceable=False, exposed_where=where, from_outside=False)
    leaves = tuple(leaves_of(event.tool_response))
    if tool == "Bash" and isinstance(event.tool_response, dict):
        leaves = tuple(leaf for leaf in leaves if leaf.path[0] in _BASH_TEXT)
        if event.tool_response.get("isImage") is True:
            leaves = tuple(leaf for leaf in leaves if not leaf.text.startswith("data:image/"))
    if tool == "Read":
        leaves = tuple(leaf for leaf in leaves if leaf.path[-1:] not in _NOT_READ)
    is_mcp = tool.startswith("mcp__")
    return ScannableOutput(
        leaves,
        replaceable=is_mcp or host_replaces_outputs(environ),
        exposed_where="the output above: this Claude Code release cannot replace it",
    )


def host_replaces_outputs(environ: Mapping[str, str]) -> bool:
    """Tell whether the host is known to be too old to replace outputs; an unknown host is taken to be current."""
    match = _AI_AGENT.match(environ.get("AI_AGENT", ""))
    return match is None or tuple(int(part) for part in match.groups()) >= REPLACING_SINCE


def call_succeeded(event: HookEvent) -> bool | None:
    """Say how a call ended as far as the host tells: None for one that goes on in the background."""
    if event.name in _FAILED:
        return False
    response: Any = event.tool_response
    if not isinstance(response, dict):
        return True
    if response.get("interrupted") is True:
        return False
    if response.get("backgroundTaskId") or response.get("isAsync") is True:
        return None
    return True


def _written(event: HookEvent) -> tuple[Leaf, ...]:
    if event.tool_name in _EDITS:
        return tuple(Leaf((index,), edit.new) for index, edit in enumerate(edits_of(event.tool_input)) if edit.new)
    return _single(event.tool_input.get(_WRITTEN_FIELDS[event.tool_name]))


def _single(text: object) -> tuple[Leaf, ...]:
    return (Leaf((), text),) if isinstance(text, str) and text else ()
