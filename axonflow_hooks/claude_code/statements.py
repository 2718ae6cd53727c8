"""Tool input → statement: the decoded text a policy should see, never truncated, nothing left out."""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.claude_code.edits import absolute_path, edits_of, read_text, touched_lines
from axonflow_hooks.wire.jsonrpc import MAX_BODY_BYTES, encoded_text_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.claude_code.events import HookEvent

MAX_PIECE_BYTES: Final = MAX_BODY_BYTES - 40_000
"""What a statement may take of a request body; the rest is for the envelope and the connector's name."""

_CLEARS: Final = re.compile(r"\b(?:rm|srm|shred|find|mv|chmod|chown|rsync|setfacl|tar)\b")
_CLIMB: Final = re.compile(r"""(?<![\w./-])(?:\./+)*\.\.(?:/[^\s;|&<>()"'`$]*)?(?![\w.])""")
MAX_CLIMBS: Final = 1_000
"""A command that climbs more often is told with its place, unseen."""

_SYSTEM_FOLDERS: Final = frozenset(
    "/ /bin /boot /dev /etc /home /lib /opt /root /sbin /srv /usr /usr/local /var /var/lib /Users /System "
    "/Library".split()
)
MAX_LABEL_CHARS: Final = 200
SHORT_LABEL_CHARS: Final = 40
PATH_ALONE: Final = object()
PIECE_CHARS: Final = 400_000
OVERLAP_CHARS: Final = 8_000


@dataclass(frozen=True, slots=True)
class Statement:
    """What is sent for a verdict. `field` is the input field that `text[field_start:]` repeats, "" for none."""

    connector_type: str
    text: str
    field: str = ""
    field_start: int = 0


def connector_type(tool_name: str) -> str:
    """Give the contract's name of a Claude Code tool, such as `claude_code.Bash` (wire 1.3.1)."""
    return f"claude_code.{tool_name}"


def statement_of(event: HookEvent) -> Statement:
    """Take a PreToolUse event and give its statement.

    Bash: the command, after a `cd` where it may clear a home or a system folder that it runs in. Write: path and
    content. Edit, MultiEdit: path and the lines that will stand in the file. NotebookEdit: path and the cell's source.
    Any other tool: each argument on a line of its own. A call without arguments is still a call: its statement is the
    tool's name.
    """
    connector = connector_type(event.tool_name)
    given = event.tool_input
    if event.tool_name == "Bash":
        return _with_field(connector, _whereabouts(event), given, "command")
    if event.tool_name == "Write":
        return _with_field(connector, _path_line(given, "file_path", event.cwd), given, "content")
    if event.tool_name == "NotebookEdit":
        head = _path_line(given, "notebook_path", event.cwd)
        if given.get("edit_mode") == "delete":
            head += f"delete cell {given.get('cell_id', '')}\n"
        return _with_field(connector, head, given, "new_source")
    if event.tool_name in {"Edit", "MultiEdit"}:
        return _edit_statement(event)
    lines = "\n".join(argument_lines(given))
    return Statement(connector, lines or event.tool_name)


def argument_lines(value: Any) -> Iterator[str]:
    """Give every leaf of a JSON value as `path.to[0].it: text`, decoded; the keys are part of it, for they carry text.

    A path that has become long stands on a line of its own, once. Iterative: arguments nested as deep as JSON allows
    must not end the hook.
    """
    for label, item in labelled_leaves(value):
        yield label if item is PATH_ALONE else f"{label}{scalar_text(item)}"


def labelled_leaves(value: Any) -> Iterator[tuple[str, Any]]:
    """Give what each line of `argument_lines` begins with, and the leaf behind it; PATH_ALONE where there is none."""
    pending: list[tuple[str | None, Any]] = [(None, value)]
    while pending:
        label, item = pending.pop()
        if label is not None and len(label) > MAX_LABEL_CHARS and isinstance(item, (dict, list)):
            yield label, PATH_ALONE
            label = f"{label[:SHORT_LABEL_CHARS]}…"
        if isinstance(item, dict) and item:
            prefix = "" if label is None else f"{label}."
            pending.extend((f"{prefix}{key}", item[key]) for key in reversed(item))
        elif isinstance(item, list) and item:
            pending.extend((f"{label or ''}[{index}]", item[index]) for index in range(len(item) - 1, -1, -1))
        elif label is not None:
            yield f"{label}: ", item


def scalars_of(value: Any) -> Iterator[Any]:
    """Give every text, number, truth value and null of a JSON value, in order."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(reversed(item.values()))
        elif isinstance(item, list):
            pending.extend(reversed(item))
        else:
            yield item


def pieces_of(text: str) -> list[str]:
    """Split a text that no request body can hold into overlapping pieces that each fit; most texts are one piece.

    The overlap is longer than any pattern: what straddles a cut is whole in one of the two pieces.
    """
    if encoded_text_size(text) <= MAX_PIECE_BYTES:
        return [text]
    pieces: list[str] = []
    start = 0
    while True:
        length = PIECE_CHARS
        while encoded_text_size(text[start : start + length]) > MAX_PIECE_BYTES:
            length //= 2
        pieces.append(text[start : start + length])
        if start + length >= len(text):
            return pieces
        start += length - OVERLAP_CHARS


def _with_field(connector: str, head: str, given: dict[str, Any], name: str) -> Statement:
    value = given.get(name)
    others = {key: item for key, item in given.items() if key in {"command", "content", "new_source"} and key != name}
    # A field of an unexpected type, or text in a field the tool does not have, is still seen.
    if not isinstance(value, str) or others:
        plain = f"{value}\n" if isinstance(value, str) else ""
        rest = "\n".join(argument_lines(others if plain or value is None else {name: value, **others}))
        return Statement(connector, (head + plain + rest).strip() or connector)
    return Statement(connector, head + value or connector, name if value else "", len(head))


def _whereabouts(event: HookEvent) -> str:
    """Give the `cd` that says where a command runs: `rm -rf *` is one thing in a project and another at home.

    So is `rm -rf ../..`, and `cat ../../etc/shadow` only says what it reads to who knows where it begins.
    """
    command = event.tool_input.get("command")
    if not isinstance(command, str):
        return ""
    clears, climbs = _CLEARS.search(command) is not None, ".." in command
    if not clears and not climbs:
        return ""
    cwd = os.path.normpath(event.cwd or ".")
    home = os.path.normpath(os.path.expanduser("~"))  # noqa: PTH111 - paths as text, as the host gives them
    if clears and cwd == home:
        return "cd ~\n"
    if clears and cwd in _SYSTEM_FOLDERS:
        return f"cd {cwd}\n"
    known = climbs and os.path.isabs(cwd)  # noqa: PTH117 - as above
    return f"cd {shlex.quote(cwd)}\n" if known and _climbs_out(command, cwd, home if clears else "") else ""


def _climbs_out(command: str, cwd: str, home: str) -> bool:
    """Tell whether a command names something in /etc by climbing from where it runs.

    With `home`, also whether it names a system folder so, or one that holds that home.
    """
    for count, climb in enumerate(_CLIMB.finditer(command)):
        place = os.path.normpath(os.path.join(cwd, climb.group().rstrip("*")))  # noqa: PTH118 - as above
        above_home = home and (place in _SYSTEM_FOLDERS or f"{home}/".startswith(f"{place}/"))
        if place.startswith("/etc/") or above_home or count > MAX_CLIMBS:
            return True
    return False


def _edit_statement(event: HookEvent) -> Statement:
    connector = connector_type(event.tool_name)
    edits = edits_of(event.tool_input)
    head = _path_line(event.tool_input, "file_path", event.cwd)
    file_path = event.tool_input.get("file_path")
    text = read_text(absolute_path(file_path, event.cwd)) if isinstance(file_path, str) else None
    body = touched_lines(text or "", edits)
    if len(edits) == 1 and body == event.tool_input.get("new_string"):
        return Statement(connector, head + body, "new_string" if body else "", len(head))
    return Statement(connector, head + body)


def _path_line(given: dict[str, Any], name: str, cwd: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        return "" if value is None else f"{name}: {scalar_text(value)}\n"
    return f"{absolute_path(value, cwd)}\n"


def scalar_text(value: object) -> str:
    """Give a text as it is, any other leaf of a JSON value as JSON writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else json.dumps(value)
