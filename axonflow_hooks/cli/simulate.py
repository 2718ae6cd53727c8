"""`axonflow-hooks simulate`: what the policies would say of a command, an output or a file; nothing is recorded."""

from __future__ import annotations

import json
import os
import stat
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from axonflow_hooks.errors import AxonFlowError

if TYPE_CHECKING:
    from axonflow_hooks.cli.simulation import Simulation, Subject

STOPPED: Final = 3
"""The exit status for what would be stopped, as distinct from a command that failed (1) or was used wrongly (2)."""

MAX_BYTES: Final = 8_000_000
MAX_SHOWN_CHARS: Final = 400
MAX_SHOWN_PLACES: Final = 8

_SAYS: Final = {
    "block": "blocked",
    "require_approval": "held until a person approves it",
    "redact": "allowed, with what is private masked",
    "warn": "allowed, with a warning",
    "log": "allowed, and noted",
    "none": "allowed",
}

FileOption = Annotated[
    Path | None, typer.Option("--file", help="Judge writing this file, with --output its content as it is read.")
]


def simulate(
    text: Annotated[str, typer.Argument(help="The command, or the output; - reads it from stdin.")] = "",
    file: FileOption = None,
    output: Annotated[bool, typer.Option("--output", help="Judge it as the output of the tool.")] = False,
    tool: Annotated[
        str, typer.Option("--tool", help="Claude Code's tool (Bash, mcp__db__query), or a connector with a dot.")
    ] = "",
    local: Annotated[bool, typer.Option("--local", help="Ask no agent: the built-in policies and your packs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
) -> None:
    """Show what the policies would say of a command, an output or a file; nothing runs and nothing is recorded.

    With an embedded agent, what is in force there counts: its switches, its own policies, its dynamic ones. What people
    have granted (overrides, approvals) is left out. Exit status: 0 when it would pass, 3 when it would be stopped.
    """
    from axonflow_hooks.cli.simulation import simulate as judged

    if bool(text) == (file is not None):
        raise typer.BadParameter("Give either a text (- for stdin) or --file.")
    subject = _of_file(file, tool, output=output) if file is not None else _of_text(text, tool, output=output)
    result = judged(subject, os.environ, ask_agent=not local)
    typer.echo(json.dumps(_value(result), indent=2) if as_json else "\n".join(_lines(result)))
    if not as_json:
        typer.echo(f"{result.source} Nothing was recorded.", err=True)
    if result.stops:
        raise typer.Exit(STOPPED)


def _of_text(text: str, tool: str, *, output: bool) -> Subject:
    from axonflow_hooks.cli.simulation import Subject

    judged = text
    if text == "-":
        judged = _decoded(sys.stdin.buffer.read(MAX_BYTES + 1), "stdin")
    return Subject(judged, _connector(tool or "Bash"), "response" if output else "request")


def _of_file(path: Path, tool: str, *, output: bool) -> Subject:
    """Give a file as Claude Code's Write would send it, or its content as Read would return it."""
    from axonflow_hooks.claude_code.events import HookEvent
    from axonflow_hooks.claude_code.statements import statement_of
    from axonflow_hooks.cli.simulation import Subject

    content = _read(path)
    if output:
        return Subject(content, _connector(tool or "Read"), "response")
    if tool:
        return Subject(content, _connector(tool), "request")
    given = {"file_path": str(path.absolute()), "content": content}
    statement = statement_of(
        HookEvent("PreToolUse", cwd=str(path.absolute().parent), tool_name="Write", tool_input=given)
    )
    return Subject(statement.text, statement.connector_type, "request")


def _connector(tool: str) -> str:
    from axonflow_hooks.claude_code.statements import connector_type

    return tool if "." in tool else connector_type(tool)


def _read(path: Path) -> str:
    try:
        with open(path, "rb", opener=_without_waiting) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise AxonFlowError(f"{path} is no file.", remedy="Name a file, or pipe the text: simulate -")
            return _decoded(stream.read(MAX_BYTES + 1), str(path))
    except OSError as error:
        raise AxonFlowError(f"{path} cannot be read ({error.strerror}).", remedy="Check its name and mode.") from None


def _without_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe without a writer


def _decoded(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        raise AxonFlowError(f"{name} has more than {MAX_BYTES} bytes.", remedy="Judge a part of it.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise AxonFlowError(f"{name} is no text in UTF-8.", remedy="Convert it first.") from None


def _value(result: Simulation) -> dict[str, object]:
    value = {**asdict(result), "allowed": not result.stops, "recorded": False}
    return {name: value[name] for name in ("allowed", *(name for name in value if name != "allowed"))}


def _lines(result: Simulation) -> list[str]:
    from axonflow_hooks.cli.person import one_line

    count = f"{len(result.matches)} of {result.policies_evaluated} policies match"
    lines = [f"{_SAYS[result.action]}: {count}"]
    for match in result.matches:
        lines.append(f"  {one_line(match.policy_id)} ({one_line(match.category)}, {match.severity}): {match.action}")
        lines.append(f"    {one_line(match.description, MAX_SHOWN_CHARS)}")
        if match.places:
            shown = ", ".join(f"{start}-{end}" for start, end in match.places[:MAX_SHOWN_PLACES])
            more = f" and {len(match.places) - MAX_SHOWN_PLACES} more" if len(match.places) > MAX_SHOWN_PLACES else ""
            lines.append(f"    at {shown}{more}")
        if match.action == "block":
            lines.append(f"    an override {'would lift it' if match.allow_override else 'cannot lift it'}")
    if result.redacted is not None:
        lines.append(f"masked: {one_line(result.redacted, MAX_SHOWN_CHARS)}")
    return lines
